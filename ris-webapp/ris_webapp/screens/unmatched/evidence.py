"""What a person needs to see to say where a study belongs: each possible order beside what the device sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.matching.evidence import Comparison, Verdict
from ris_core.matching.models import RejectedCandidate
from ris_core.matching.oddities import Oddity
from ris_core.studies.models import QUEUE_STATES, Study, StudyLink
from ris_core.studies.resolving import WeighedOrder, weigh
from ris_webapp.screens.worklist.exams import ExamRow, rows_of
from ris_webapp.screens.worklist.filters import Filter
from ris_webapp.screens.worklist.listing import exam_page

FOUND: Final = 8
UNDO_MINUTES: Final = 60
SHOWN_UNDOS: Final = 3
_HIDDEN_WHEN_MISSING: Final = frozenset({"BodyPart", "Device", "Time", "AccessionNumber"})


@dataclass(frozen=True, slots=True)
class Possibility:
    """An order that the study might belong to."""

    row: ExamRow
    weighed: WeighedOrder

    @property
    def comparisons(self) -> list[Comparison]:
        """What is worth a line: everything but the UID, which only devices with a worklist have from us, and what
        neither side says."""
        return [
            c
            for c in self.weighed.candidate.comparisons
            if not (c.field == "StudyInstanceUID" and c.verdict is Verdict.DIFFERENT)
            and not (c.verdict is Verdict.MISSING and (c.field in _HIDDEN_WHEN_MISSING or not c.received + c.ordered))
        ]


@dataclass(frozen=True, slots=True)
class Opened:
    """The study that is looked at."""

    study: Study
    possibilities: list[Possibility]
    odd: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True)
class Undoable:
    """Something that this user did a moment ago and can take back."""

    kind: str
    """``link`` or ``rejection``."""
    pk: int
    patient: str
    at: datetime


def opened(study: Study) -> Opened:
    """The study with the orders that the rules find now, the likeliest first."""
    weighed = weigh(study)
    return Opened(study, _possibilities(weighed.orders), weighed.odd)


def searched(study: Study, query: str, user: User) -> list[Possibility]:
    """Orders found by what a person types: name without diacritics, patient id, accession number."""
    if not query:
        return []
    page = exam_page(Filter(query=query, when="all"), user, size=FOUND)
    ids = [row.procedure_id for row in page.rows if row.exam_state != "CANCELLED"]
    return _possibilities(weigh(study, ids).orders)


def undoable(user_id: int) -> list[Undoable]:
    """Links that this user made by hand a short while ago, and orders ruled out; the latest first."""
    since = timezone.now() - timedelta(minutes=UNDO_MINUTES)
    links = StudyLink.objects.filter(linked_by_id=user_id, linked_at__gt=since, undone_at__isnull=True)
    rejections = RejectedCandidate.objects.filter(
        rejected_by_id=user_id, rejected_at__gt=since, withdrawn_at__isnull=True, study__state__in=QUEUE_STATES
    )
    done = [
        *(
            Undoable("link", link.pk, link.procedure.patient.full_name, link.linked_at)
            for link in links.select_related("procedure__patient").order_by("-linked_at")[:SHOWN_UNDOS]
        ),
        *(
            Undoable("rejection", rejected.pk, rejected.procedure.patient.full_name, rejected.rejected_at)
            for rejected in rejections.select_related("procedure__patient").order_by("-rejected_at")[:SHOWN_UNDOS]
        ),
    ]
    return sorted(done, key=lambda undo: undo.at, reverse=True)[:SHOWN_UNDOS]


def waiting_count() -> int:
    """How many studies wait for a person."""
    return Study.objects.filter(state__in=QUEUE_STATES).count()


def _possibilities(orders: tuple[WeighedOrder, ...]) -> list[Possibility]:
    rows = {row.procedure_id: row for row in rows_of([order.candidate.procedure_id for order in orders])}
    return [Possibility(rows[o.candidate.procedure_id], o) for o in orders if o.candidate.procedure_id in rows]
