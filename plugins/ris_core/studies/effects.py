"""What a study's arrival means for the ordered exam: its steps, its state, the worklist; and how that is taken back.

Functions for the transactions of :mod:`ris_core.studies.services`; none opens one, all expect the procedure locked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from ris_core.changes.services import announce
from ris_core.orders.models import ExamState, RequestedProcedure, ScheduledProcedureStep, StepStatus
from ris_core.orders.records import OPEN_STATUSES, show_on_worklist
from ris_core.patients.services import identifiers_of
from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.worklist.services import take_off_worklist

_AWAITING_REPORT = (ExamState.ORDERED, ExamState.IN_PROGRESS)
READING_BEGUN = (
    ExamState.CLAIMED,
    ExamState.DRAFT,
    ExamState.PRELIMINARY,
    ExamState.FINAL,
    ExamState.RETURNED,
)
"""From here on the exam's state is the reading's, and images coming or going do not change it."""


def images_have_begun(procedure: RequestedProcedure, study: Study, at: datetime) -> dict[str, str]:
    """First images of ``study`` for ``procedure``: steps STARTED, exam IN_PROGRESS.

    Returns each changed step's status before, by the step's key, as kept in ``StudyLink.step_status_before``.
    """
    steps = _steps_done_by(procedure, study, OPEN_STATUSES)
    before = {str(step.pk): step.status for step in steps}
    for step in steps:
        step.status = StepStatus.STARTED
        step.started_at = study.first_received_at
        step.save(update_fields=["status", "started_at", "updated_at"])
    if settings.QUANG.worklist.shown_until == "STARTED":
        _take_off(steps)
    changed = []
    if procedure.images_arrived_at is None:
        procedure.images_arrived_at = at
        changed.append("images_arrived_at")
    if procedure.exam_state == ExamState.ORDERED:
        procedure.exam_state = ExamState.IN_PROGRESS
        changed.append("exam_state")
    if changed:
        procedure.save(update_fields=[*changed, "updated_at"])
    announce("exam", procedure.pk)
    return before


def images_are_complete(procedure: RequestedProcedure, study: Study, at: datetime) -> None:
    """No more images of ``study``: steps COMPLETED; exam READY_TO_READ once every linked study is complete."""
    steps = _steps_done_by(procedure, study, (StepStatus.STARTED,))
    for step in steps:
        step.status = StepStatus.COMPLETED
        step.completed_at = at
        step.save(update_fields=["status", "completed_at", "updated_at"])
    _take_off(steps)
    receiving = Study.objects.filter(
        links__procedure=procedure, links__undone_at__isnull=True, state=StudyState.LINKED
    ).exclude(pk=study.pk)
    ready = procedure.exam_state in _AWAITING_REPORT and not receiving.exists()
    if ready:
        procedure.exam_state = ExamState.READY_TO_READ
        procedure.save(update_fields=["exam_state", "updated_at"])
    if steps or ready:
        announce("exam", procedure.pk)


def images_are_gone(procedure: RequestedProcedure, link: StudyLink, at: datetime) -> None:
    """``link`` has been undone: if it was the last, the exam waits for images again as if none had come.

    An exam whose reading has begun keeps its state.
    """
    announce("exam", procedure.pk)
    links = StudyLink.objects.filter(procedure=procedure)
    if links.filter(undone_at__isnull=True).exists():
        return
    status_before: dict[str, str] = {}
    overlapping = links.filter(Q(undone_at__gt=link.linked_at) | Q(pk=link.pk)).order_by("-linked_at", "-pk")
    for earlier in overlapping:
        status_before.update(earlier.step_status_before)
    if procedure.exam_state not in (ExamState.IN_PROGRESS, ExamState.READY_TO_READ):
        return
    procedure.exam_state = ExamState.ORDERED
    procedure.images_arrived_at = None
    procedure.save(update_fields=["exam_state", "images_arrived_at", "updated_at"])
    for step in procedure.steps.filter(status__in=(StepStatus.STARTED, StepStatus.COMPLETED)):
        if str(step.pk) in status_before:
            step.status = status_before[str(step.pk)]
            step.started_at = step.completed_at = None
            step.save(update_fields=["status", "started_at", "completed_at", "updated_at"])
            _put_on(step)


def _steps_done_by(
    procedure: RequestedProcedure, study: Study, statuses: Iterable[str]
) -> list[ScheduledProcedureStep]:
    """The procedure's steps that the study's images fulfil: those of its modalities, or all when none is."""
    steps = list(procedure.steps.select_for_update().order_by("pk"))
    modalities = study.modalities.split()
    of_modality = [step for step in steps if step.modality in modalities]
    return [step for step in (of_modality or steps) if step.status in statuses]


def _take_off(steps: list[ScheduledProcedureStep]) -> None:
    take_off_worklist([step.pk for step in steps])
    for step in steps:
        announce("worklist", step.pk)


def _put_on(step: ScheduledProcedureStep) -> None:
    show_on_worklist([step], identifiers_of(step.procedure.patient_id))
    announce("worklist", step.pk)
