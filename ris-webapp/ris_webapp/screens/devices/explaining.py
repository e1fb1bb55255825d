"""Why is this order (not) on this device: the question's page, from the device as from the order."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.devices.models import Device
from ris_core.orders.models import RequestedProcedure
from ris_core.worklist.eligibility import Check, Verdict
from ris_core.worklist.explanation import Explanation, explain_absence
from ris_webapp.client import actor_of
from ris_webapp.jinja import word
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.devices.words import ADVICE, KEY_FAILED, KEY_UNKNOWN, KEYS, REASONS
from ris_webapp.searched import note_search
from ris_webapp.words import Text

MOST_FOUND = 20


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """A check in words."""

    verdict: Verdict
    reason: Text
    wanted: str
    found: str
    advice: Text


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step of the order."""

    explanation: Explanation
    checks: tuple[ShownCheck, ...]

    @property
    def failed(self) -> int:
        return sum(check.verdict is Verdict.FAIL for check in self.checks)


@requires(Function.VIEW_DEVICES)
@require_GET
def explain(request: UserRequest) -> HttpResponse:
    """``?device=`` (AE title) and ``?procedure=`` or ``?q=`` (a number of the order, or the patient's id)."""
    title, query = request.GET.get("device", "")[:16], request.GET.get("q", "").strip()[:64]
    procedure_id = whole_number(request.GET.get("procedure", ""))
    found = _orders(query) if query and procedure_id is None else []
    note_search(request, "order.searched", query, (each.patient_id for each in found))
    if len(found) == 1:
        procedure_id = found[0].pk
    chosen = _chosen(procedure_id)
    steps = []
    if chosen is not None and title:
        steps = [
            ShownStep(said, tuple(map(_shown, said.checks))) for said in explain_absence(title, procedure_id=chosen.pk)
        ]
        record(actor_of(request), "worklist.explained", subject=f"procedure:{chosen.pk}", patient_id=chosen.patient_id,
               ae_title=title)  # fmt: skip
    context = {
        "devices": list(Device.objects.order_by("-active", "ae_title")),
        "title": title,
        "query": query,
        "found": found,
        "chosen": chosen,
        "steps": steps,
        "asked": bool(query or procedure_id),
    }
    return render(request, "devices/explain.html", context)


def _orders(query: str) -> list[RequestedProcedure]:
    """Orders with this number: accession, placer's, procedure id or patient's id; the newest first."""
    rows = RequestedProcedure.objects.select_related("request", "patient")
    ids: set[int] = set()
    for condition in (
        {"request__accession_number": query},
        {"request__sent_accession_number": query},
        {"placer_order_number": query},
        {"requested_procedure_id": query},
        {"patient__identifiers__value": query},
    ):
        ids.update(rows.filter(**condition).order_by("-pk").values_list("pk", flat=True)[:MOST_FOUND])
    return list(rows.filter(pk__in=ids).order_by("-scheduled_at")[:MOST_FOUND])


def _chosen(procedure_id: int | None) -> RequestedProcedure | None:
    if procedure_id is None:
        return None
    return RequestedProcedure.objects.select_related("request", "patient").filter(pk=procedure_id).first()


def _shown(check: Check) -> ShownCheck:
    kind, _space, keyword = check.about.partition(" ")
    if kind == "KEY":
        reason: Text = _("Máy tìm theo: %(key)s") % {"key": KEYS.get(keyword, keyword)}
        advice = {Verdict.FAIL: KEY_FAILED, Verdict.UNKNOWN: KEY_UNKNOWN}.get(check.verdict, "")
        return ShownCheck(check.verdict, reason, check.wanted, check.found, advice)
    advice = ADVICE[check.about] if check.verdict is not Verdict.PASS else ""
    if check.about == "LIMIT" and check.verdict is Verdict.UNKNOWN:
        advice = ""
    wanted, found = check.wanted, check.found
    if check.about in ("ON_WORKLIST", "STATUS"):
        wanted = ", ".join(word("step_status", status) for status in filter(None, wanted.split(", ")))
        found = word("step_status", found)
    return ShownCheck(check.verdict, REASONS[check.about], wanted, found, advice)
