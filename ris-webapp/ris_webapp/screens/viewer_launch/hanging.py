"""How an exam is hung: the protocol for its reader, the earlier exams that lie beside it, and the protocol for OHIF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from ris_core.hanging.relevance import ComparedExam, beside
from ris_core.hanging.rules import PLAIN, Layout, Protocol, Viewport, Weights, protocol_for
from ris_core.hanging.services import rules_in_force
from ris_core.matching.body_regions import regions_in
from ris_core.orders.models import RequestedProcedure
from ris_webapp.permission import public
from ris_webapp.screens.viewer_launch.ohif_hanging import as_ohif, protocol_id

KEPT_SECONDS = 60
MOST_STUDIES: Final = 16
SIDE_BY_SIDE: Final = "side--by--side"
"""The code of :func:`side_by_side`; no code of a rule has two hyphens."""


@dataclass(frozen=True, slots=True)
class Hung:
    """How a viewer is opened."""

    protocol: Protocol | None = None
    weights: Weights | None = None

    @property
    def route(self) -> str:
        """The mode of OHIF, as in its address."""
        return self.protocol.mode if self.protocol else PLAIN

    def protocol_id(self, own_studies: int) -> str:
        """What OHIF's address says; empty when it lays out by itself."""
        if self.protocol is None or self.protocol.mode != PLAIN or not self.protocol.layouts:
            return ""
        return protocol_id(self.protocol.code, own_studies)

    def comparing(self, others: Iterable[RequestedProcedure]) -> Hung:
        """The same where its layouts show all these exams that somebody chose, else none."""
        protocol = self.protocol
        shows = protocol is not None and any(
            viewport.prior for layout in protocol.layouts for viewport in layout.viewports
        )
        alike = protocol is not None and all(other.modality in protocol.modalities for other in others)
        return self if shows and alike else PLAINLY

    def beside(self, exam: RequestedProcedure, others: Iterable[RequestedProcedure]) -> list[int]:
        """Keys of the earlier exams that are opened with ``exam``, the most relevant first."""
        if self.protocol is None or self.weights is None or not self.protocol.priors:
            return []
        found = beside(
            compared(exam),
            [compared(other) for other in others],
            self.weights,
            modalities=self.protocol.modalities,
            most=self.protocol.priors,
        )
        return [each.key for each in found]


PLAINLY: Final = Hung()
"""As the viewer does by itself."""


def side_by_side(studies: int) -> Protocol:
    """Every study in a field of its own, in the order in which they are opened: how exams are compared."""
    columns = studies if studies <= 3 else ceil(sqrt(studies))  # screens are wide
    rows = ceil(studies / columns)
    fields = tuple(Viewport(prior=number) for number in range(rows * columns))
    layout = Layout(name=f"{rows} × {columns}", rows=rows, columns=columns, viewports=fields, needs=1)
    return Protocol(code=SIDE_BY_SIDE, name="Side by side", layouts=(layout,))


def hung_for(exam: RequestedProcedure, *, user: str = "", role: str = "") -> Hung:
    """By the rules in force; somebody from outside has neither user name nor role."""
    rules = rules_in_force()
    regions = regions_in(exam.service_name)
    return Hung(protocol_for(rules, user=user, role=role, modality=exam.modality, regions=regions), rules.weights)


def compared(exam: RequestedProcedure) -> ComparedExam:
    return ComparedExam(exam.pk, exam.service_name, exam.modality, timezone.localdate(exam.scheduled_at))


@public
@require_GET
def hanging_protocol(request: HttpRequest, code: str, own_studies: int) -> HttpResponse:
    """One protocol of those in force in OHIF's form, for the viewer's ``hanging.js``; it tells nothing of anybody."""
    if not 0 < own_studies <= MOST_STUDIES:
        return HttpResponse(status=404)
    if code == SIDE_BY_SIDE:  # the others lie beside the first as earlier ones do
        made = {**as_ohif(side_by_side(own_studies), 1), "id": protocol_id(code, own_studies)}
    else:
        found = next((each for each in rules_in_force().protocols if each.code == code and each.on), None)
        if found is None:
            return HttpResponse(status=404)
        made = as_ohif(found, own_studies)
    response = JsonResponse(made)
    response["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return response
