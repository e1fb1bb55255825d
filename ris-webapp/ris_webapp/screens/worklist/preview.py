"""Everything about one exam that fits into a drawer: order, steps and who fetched them, images, history."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.audit.models import AuditEvent
from ris_core.delivery.models import Delivery
from ris_core.doses.models import ExamDose
from ris_core.errors import NotFound
from ris_core.notices.services import open_notices
from ris_core.orders.models import RequestedProcedure, ScheduledProcedureStep
from ris_core.patients.models import PatientIdentifier
from ris_core.performed.models import ImageCheck
from ris_core.studies.models import StudyLink
from ris_core.studies.sharing import sharing
from ris_webapp.screens.acquisition.shown import dose_in_words
from ris_webapp.screens.notices.sentences import ShownNotice, shown
from ris_webapp.screens.worklist.exams import ExamRow, rows_of
from ris_webapp.screens.worklist.performed import ShownStep, image_check, performed_steps

HISTORY_EVENTS = 40


@dataclass(frozen=True, slots=True)
class ExamPreview:
    """One exam with what belongs to it, loaded by a fixed number of queries."""

    row: ExamRow
    procedure: RequestedProcedure
    identifiers: list[PatientIdentifier]
    steps: list[ScheduledProcedureStep]
    performed: list[ShownStep]
    image_check: ImageCheck | None
    links: list[StudyLink]
    events: list[AuditEvent]
    notices: list[ShownNotice]
    dose: list[str]
    """In words; empty when nothing tells."""
    shared: list[RequestedProcedure]
    """The other exams that have a study of this one."""


def exam_preview(procedure_id: int) -> ExamPreview:
    """The preview of one exam.

    :raises NotFound: there is no such exam
    """
    procedures = RequestedProcedure.objects.select_related("patient", "request__visit")
    procedure = procedures.filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("no such exam", field="procedure_id")
    steps = list(procedure.steps.prefetch_related("fetches").order_by("pk"))
    links = list(procedure.links.filter(undone_at__isnull=True).select_related("study", "linked_by").order_by("pk"))
    performed = performed_steps(procedure)
    subjects = [*_subjects(procedure, links), *(f"performed:{shown_step.step.pk}" for shown_step in performed)]
    events = AuditEvent.objects.filter(subject__in=subjects).select_related("user").order_by("-at")
    return ExamPreview(
        row=rows_of([procedure_id])[0],
        procedure=procedure,
        identifiers=list(procedure.patient.identifiers.filter(retired_at__isnull=True).order_by("-is_primary", "kind")),
        steps=steps,
        performed=performed,
        image_check=image_check(procedure),
        links=links,
        events=list(events[:HISTORY_EVENTS]),
        notices=shown(open_notices(patient_ids=[procedure.patient_id], procedure_ids=[procedure_id])),
        shared=list(sharing(procedure_id).select_related("request")) if links else [],
        dose=dose_in_words(ExamDose.objects.filter(procedure=procedure).first()),
    )


def _subjects(procedure: RequestedProcedure, links: list[StudyLink]) -> list[str]:
    """What the audit trail calls the exam and everything that belongs to it."""
    readings = list(procedure.readings.values_list("pk", flat=True))
    deliveries = Delivery.objects.filter(reading_id__in=readings).values_list("pk", flat=True)
    return [
        *(f"{kind}:{procedure.pk}" for kind in ("exam", "procedure")),
        f"order:{procedure.request_id}",
        *(f"study:{link.study_id}" for link in links),
        *(f"reading:{reading_id}" for reading_id in readings),
        *(f"delivery:{delivery_id}" for delivery_id in deliveries),
    ]
