"""What a person needs to see to say where a study belongs: each possible order beside what the device sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import PatientIdentifier
from ris_core.studies.models import QUEUE_STATES, Study, StudyLink
from ris_core.studies.services import explain
from ris_webapp.screens.worklist.exams import ExamRow, exam_page, rows_of
from ris_webapp.screens.worklist.filters import Filter

SUGGESTED = 5
FOUND = 8
UNDO_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Possibility:
    """An order that the study might belong to."""

    row: ExamRow
    comparisons: list[dict[str, Any]]
    objection: str
    """Code of the contradiction that forbids the link; empty when a person may decide."""

    @property
    def differs(self) -> bool:
        """Whether something other than the UID differs, so that a reason is needed."""
        return any(
            c["verdict"] in ("DIFFERENT", "CONTRADICTS") and c["field"] != "StudyInstanceUID" for c in self.comparisons
        )

    @property
    def agreement(self) -> int:
        """How many fields agree, less those that contradict: what is most likely has most."""
        worth = {"EQUAL": 2, "SIMILAR": 1, "DIFFERENT": -1, "CONTRADICTS": -4}
        return sum(worth.get(c["verdict"], 0) for c in self.comparisons)


def possibilities(study: Study, procedure_ids: list[int]) -> list[Possibility]:
    """The study against each of these orders, the likeliest first."""
    found = []
    for row in rows_of(procedure_ids):
        compared, objection = explain(study.pk, row.procedure_id)
        found.append(Possibility(row, compared["comparisons"], objection.value if objection else ""))
    return sorted(found, key=lambda possibility: (bool(possibility.objection), -possibility.agreement))


def suggested(study: Study) -> list[Possibility]:
    """The orders that the rules considered when the study came; without any, those it was once linked to and those of
    the patient whose number it carries."""
    ids = [candidate["procedure_id"] for candidate in study.candidates[:SUGGESTED]]
    if not ids:
        ids = list(study.links.order_by("-linked_at").values_list("procedure_id", flat=True)[:SUGGESTED])
        if study.received_patient_id:
            patients = PatientIdentifier.objects.filter(value=study.received_patient_id).values("patient_id")
            theirs = RequestedProcedure.objects.filter(patient_id__in=patients).exclude(exam_state=ExamState.CANCELLED)
            ids += theirs.order_by("-scheduled_at").values_list("pk", flat=True)[:SUGGESTED]
    return possibilities(study, list(dict.fromkeys(ids)))


def searched(study: Study, query: str, user_id: int) -> list[Possibility]:
    """Orders found by what a person types: name, patient id, accession number."""
    if not query:
        return []
    page = exam_page(Filter(query=query, when="all"), user_id, size=FOUND)
    return possibilities(study, [row.procedure_id for row in page.rows if row.exam_state != "CANCELLED"])


def undoable(user_id: int) -> list[StudyLink]:
    """Links that this user made by hand a short while ago."""
    since = timezone.now() - timedelta(minutes=UNDO_MINUTES)
    links = StudyLink.objects.filter(linked_by_id=user_id, linked_at__gt=since, undone_at__isnull=True)
    return list(links.select_related("study", "procedure__patient", "procedure__request").order_by("-linked_at")[:5])


def waiting_count() -> int:
    """How many studies wait for a person."""
    return Study.objects.filter(state__in=QUEUE_STATES).count()
