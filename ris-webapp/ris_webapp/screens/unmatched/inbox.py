"""The queue as an inbox: what the address asks for, one page of studies, what the filters offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ris_core.names import folded_words
from ris_core.studies import services
from ris_core.studies.models import Study
from ris_webapp.asked import Asked
from ris_webapp.screens.unmatched.reasons import sentence
from ris_webapp.words import Text

PAGE_SIZE = 50
AGES: dict[str, tuple[Text, timedelta | None, timedelta | None]] = {
    "hour": (_("Dưới 1 giờ"), None, timedelta(hours=1)),
    "day": (_("1–24 giờ"), timedelta(hours=1), timedelta(days=1)),
    "older": (_("Quá 1 ngày"), timedelta(days=1), None),
}
"""How long a study has waited: label, from, until."""
BOXES: dict[str, Text] = {"all": _("Tất cả"), "UNMATCHED": _("Chưa khớp"), "CONFLICT": _("Mâu thuẫn")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Asked):
    """What the address asks for."""

    CHOICES: ClassVar = {"box": BOXES, "age": AGES}

    box: str = "all"
    device: str = ""
    modality: str = ""
    age: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Inbox:
    wanted: Wanted
    studies: tuple[Study, ...]
    total: int
    counts: dict[str, int]
    device_choices: tuple[tuple[str, str], ...]
    modality_choices: tuple[tuple[str, str], ...]
    reason_choices: tuple[tuple[str, str], ...]

    @property
    def has_next_page(self) -> bool:
        return self.wanted.page * PAGE_SIZE < self.total

    def beside(self, study_id: int | None) -> int | None:
        """The study that follows one, else the one before it: what is opened when it has been dealt with."""
        ids = [study.pk for study in self.studies]
        if study_id not in ids:
            return ids[0] if ids else None
        at = ids.index(study_id)
        return ids[at + 1] if at + 1 < len(ids) else (ids[at - 1] if at else None)


def inbox(wanted: Wanted) -> Inbox:
    """One page, the longest waiting first, so that what is dealt with next does not move."""
    everything = services.queue()
    counts = dict(everything.order_by().values_list("state").annotate(Count("pk")))
    found = _matching(everything, wanted)
    first = (wanted.page - 1) * PAGE_SIZE
    modalities = {
        m for text in everything.order_by().values_list("modalities", flat=True).distinct() for m in text.split()
    }
    return Inbox(
        wanted=wanted,
        studies=tuple(found.defer("as_received", "candidates")[first : first + PAGE_SIZE]),
        total=found.count(),
        counts={"all": sum(counts.values()), **{box: counts.get(box, 0) for box in BOXES if box != "all"}},
        device_choices=tuple((device, device) for device in _values(everything, "remote_ae_title")),
        modality_choices=tuple((modality, modality) for modality in sorted(modalities)),
        reason_choices=tuple((reason, sentence(reason)) for reason in _values(everything, "reason")),
    )


def _values(studies: QuerySet[Study], column: str) -> list[str]:
    return [value for value in studies.order_by(column).values_list(column, flat=True).distinct() if value]


def _matching(studies: QuerySet[Study], wanted: Wanted) -> QuerySet[Study]:
    if wanted.box != "all":
        studies = studies.filter(state=wanted.box)
    if wanted.device:
        studies = studies.filter(remote_ae_title=wanted.device)
    if wanted.modality:
        studies = studies.filter(modalities__contains=wanted.modality)
    if wanted.reason:
        studies = studies.filter(reason=wanted.reason)
    for searched in folded_words(wanted.query):
        studies = studies.filter(search_text__contains=searched)
    if wanted.age:
        _label, older_than, younger_than = AGES[wanted.age]
        now, period = timezone.now(), Q()
        if older_than:
            period &= Q(last_received_at__lt=now - older_than)
        if younger_than:
            period &= Q(last_received_at__gte=now - younger_than)
        studies = studies.filter(period)
    return studies
