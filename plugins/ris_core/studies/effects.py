"""What a study's arrival means for the ordered exam: its steps, its state, the worklist; and how that is taken back.

Functions for the transactions of :mod:`ris_core.studies.services`; none opens one, all expect the procedure locked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.doses.rules import IRRADIATING
from ris_core.errors import TransitionRefused
from ris_core.jobs.services import enqueue
from ris_core.notices.services import notify
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.models import ExamState, RequestedProcedure, ScheduledProcedureStep, StepStatus
from ris_core.orders.records import OPEN_STATUSES, show_on_worklist
from ris_core.patients.services import identifiers_of
from ris_core.performed.models import PerformedFor, PerformedStatus
from ris_core.performed.tying import tie_unscheduled
from ris_core.reports.models import Reading
from ris_core.reports.rules import Verb, next_state
from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.worklist.services import take_off_worklist

_AWAITING_REPORT = (ExamState.ORDERED, ExamState.IN_PROGRESS)
READING_BEGUN = (
    ExamState.CLAIMED,
    ExamState.DRAFT,
    ExamState.PRELIMINARY,
    ExamState.FINAL,
    ExamState.RETURNED,
    ExamState.RECALLED,
)
"""From here on the exam's state is the reading's, and images coming or going do not change it."""
_EXAM = "exam"
"""In ``StudyLink.step_status_before``: the state of an exam that had been cancelled."""
APPROVED = (ExamState.PRELIMINARY, ExamState.FINAL, ExamState.RETURNED)
"""Somebody outside may have read what was written about the images."""


def respect_approved_report(procedure: RequestedProcedure) -> None:
    """Go on only while nobody outside can have read what was written about the images.

    :raises TransitionRefused: a report was approved; recalling it tells its receivers
    """
    if procedure.exam_state in APPROVED:
        raise TransitionRefused("a report on these images was approved: recall it first", field="APPROVED")


def images_have_begun(procedure: RequestedProcedure, study: Study, at: datetime) -> dict[str, str]:
    """First images of ``study`` for ``procedure``: steps STARTED, exam IN_PROGRESS.

    What was withdrawn and is done all the same has been done; whoever opens the exam is told.

    Returns each changed step's status before, by the step's key, as kept in ``StudyLink.step_status_before``; under
    ``exam`` the exam's, when it was cancelled.
    """
    steps = _steps_done_by(procedure, study, OPEN_STATUSES)
    cancelled = procedure.exam_state == ExamState.CANCELLED
    if not procedure.steps.exclude(status=StepStatus.CANCELLED).exists():
        steps = _steps_done_by(procedure, study, (StepStatus.CANCELLED,))
        notify("performed_though_cancelled" if cancelled else "performed_though_withdrawn", procedure_id=procedure.pk)
    before = {str(step.pk): step.status for step in steps}
    if cancelled:
        before[_EXAM] = procedure.exam_state
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
    if procedure.exam_state in (ExamState.ORDERED, ExamState.CANCELLED):
        procedure.exam_state = ExamState.IN_PROGRESS
        changed.append("exam_state")
        announce_event(Event.EXAM_STARTED, procedure.pk)
    if changed:
        procedure.save(update_fields=[*changed, "updated_at"])
    tie_unscheduled(study.study_instance_uid, procedure)
    announce("exam", procedure.pk)
    return before


def images_are_complete(procedure: RequestedProcedure, study: Study, at: datetime) -> None:
    """No more images of ``study``: steps COMPLETED unless their device says that it is still working; exam
    READY_TO_READ once every linked study is complete and, where a device has reported what it made, all of it is here
    (:mod:`ris_core.studies.completeness`)."""
    working = PerformedFor.objects.filter(procedure=procedure, performed__status=PerformedStatus.IN_PROGRESS)
    worked_on = set(working.values_list("step_id", flat=True))
    started = _steps_done_by(procedure, study, (StepStatus.STARTED,))
    _complete(procedure, [] if None in worked_on else [step for step in started if step.pk not in worked_on], at)
    _read_doses(procedure, study)
    if procedure.exam_state not in _AWAITING_REPORT:
        return
    if PerformedFor.objects.filter(procedure=procedure).exists():
        enqueue("check_images", procedure.pk)
    elif not still_receiving(procedure).exclude(pk=study.pk).exists():
        exam_is_ready(procedure)


def device_is_waited_for_no_longer(procedure: RequestedProcedure, at: datetime) -> None:
    """A device has not said that it is done, and nothing has come for long: its steps count as COMPLETED."""
    _complete(procedure, list(procedure.steps.select_for_update().filter(status=StepStatus.STARTED)), at)


def still_receiving(procedure: RequestedProcedure) -> QuerySet[Study]:
    """The studies of a procedure of which images are still coming."""
    return Study.objects.filter(links__procedure=procedure, links__undone_at__isnull=True, state=StudyState.LINKED)


def exam_is_ready(procedure: RequestedProcedure) -> None:
    """All that there will be to read is here."""
    if procedure.exam_state not in _AWAITING_REPORT:
        return
    procedure.exam_state = ExamState.READY_TO_READ
    procedure.save(update_fields=["exam_state", "updated_at"])
    announce("exam", procedure.pk)
    announce_event(Event.EXAM_IMAGES_AVAILABLE, procedure.pk)
    announce_event(Event.EXAM_READY_TO_READ, procedure.pk)


def images_are_gone(procedure: RequestedProcedure, link: StudyLink, at: datetime) -> None:
    """``link`` has been undone: if it was the last, the exam waits for images again as if none had come.

    An exam whose reading has begun keeps its state.
    """
    announce("exam", procedure.pk)
    _read_doses(procedure, link.study)
    links = StudyLink.objects.filter(procedure=procedure)
    if links.filter(undone_at__isnull=True).exists():
        return
    status_before: dict[str, str] = {}
    overlapping = links.filter(Q(undone_at__gt=link.linked_at) | Q(pk=link.pk)).order_by("-linked_at", "-pk")
    for earlier in overlapping:
        status_before.update(earlier.step_status_before)
    if procedure.exam_state not in (ExamState.IN_PROGRESS, ExamState.READY_TO_READ):
        return
    reported = PerformedFor.objects.filter(procedure=procedure).exists()
    procedure.exam_state = ExamState.IN_PROGRESS if reported else ExamState(status_before.get(_EXAM, ExamState.ORDERED))
    procedure.images_arrived_at = None
    procedure.save(update_fields=["exam_state", "images_arrived_at", "updated_at"])
    for step in procedure.steps.filter(status__in=(StepStatus.STARTED, StepStatus.COMPLETED)):
        if str(step.pk) in status_before:
            step.status = status_before[str(step.pk)]
            step.started_at = step.completed_at = None
            step.save(update_fields=["status", "started_at", "completed_at", "updated_at"])
            if step.status != StepStatus.CANCELLED:
                _put_on(step)


def _read_doses(procedure: RequestedProcedure, study: Study) -> None:
    """Of an exam, and of those that share the study: which of them counts it may be another one now."""
    sharing = StudyLink.objects.filter(study=study, undone_at__isnull=True).values_list("procedure_id", flat=True)
    for procedure_id in {procedure.pk, *sharing} if procedure.modality in IRRADIATING else ():
        enqueue("read_dose", procedure_id)


def take_from_reader(procedure: RequestedProcedure, link: StudyLink, actor: Actor) -> None:
    """``link`` is about to be undone: if it is the last, a reading that has begun is nobody's any more, its draft
    stays, and the exam is as it was before somebody claimed it. A report that has been approved stays. Who opens the
    exam next is told."""
    others = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).exclude(pk=link.pk)
    if procedure.exam_state not in READING_BEGUN or others.exists():
        return
    notify("images_removed", procedure_id=procedure.pk)
    if procedure.exam_state not in (ExamState.CLAIMED, ExamState.DRAFT):
        return
    for reading in Reading.objects.select_for_update().filter(procedure=procedure, claimed_by__isnull=False):
        holder = reading.claimed_by_id
        reading.state = next_state(reading.state, Verb.RELEASE)
        reading.claimed_by, reading.claimed_at = None, None
        reading.save(update_fields=["state", "claimed_by", "claimed_at", "updated_at"])
        patient_id = procedure.patient_id
        record(actor, "reading.interrupted", subject=f"reading:{reading.pk}", patient_id=patient_id, reader=holder)
    procedure.exam_state = ExamState.READY_TO_READ
    procedure.save(update_fields=["exam_state", "updated_at"])


def _steps_done_by(
    procedure: RequestedProcedure, study: Study, statuses: Iterable[str]
) -> list[ScheduledProcedureStep]:
    """The procedure's steps that the study's images fulfil: those of its modalities, or all when none is."""
    steps = list(procedure.steps.select_for_update().order_by("pk"))
    modalities = study.modalities.split()
    of_modality = [step for step in steps if step.modality in modalities]
    return [step for step in (of_modality or steps) if step.status in statuses]


def _complete(procedure: RequestedProcedure, steps: list[ScheduledProcedureStep], at: datetime) -> None:
    for step in steps:
        step.status = StepStatus.COMPLETED
        step.completed_at = at
        step.save(update_fields=["status", "completed_at", "updated_at"])
    _take_off(steps)
    if steps:
        announce("exam", procedure.pk)
        if not procedure.steps.exclude(status__in=(StepStatus.COMPLETED, StepStatus.CANCELLED)).exists():
            announce_event(Event.EXAM_COMPLETED, procedure.pk)


def _take_off(steps: list[ScheduledProcedureStep]) -> None:
    take_off_worklist([step.pk for step in steps])
    for step in steps:
        announce("worklist", step.pk)


def _put_on(step: ScheduledProcedureStep) -> None:
    show_on_worklist([step], identifiers_of(step.procedure.patient_id))
    announce("worklist", step.pk)
