"""What a device's report means for scheduled steps, exams and the worklist.

Functions for the transactions of :mod:`ris_core.performed.services`; none opens one, all expect the procedures locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from ris_core.changes.services import announce
from ris_core.jobs.services import enqueue
from ris_core.notices.services import notify
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.models import ExamState, RequestedProcedure, ScheduledProcedureStep, StepStatus
from ris_core.orders.records import OPEN_STATUSES, show_on_worklist
from ris_core.patients.services import identifiers_of
from ris_core.performed.models import PerformedFor, PerformedProcedureStep, PerformedStatus
from ris_core.performed.rules import Oddity
from ris_core.worklist.services import take_off_worklist

_MAY_START = (*OPEN_STATUSES, StepStatus.DISCONTINUED, StepStatus.CANCELLED)
"""What was broken off may be done again; what was withdrawn and is done all the same has been done (IHE RAD TF-1 3:
the ledger follows what was performed)."""
_OVER = (StepStatus.COMPLETED, StepStatus.DISCONTINUED, StepStatus.CANCELLED)


def work_has_begun(
    procedures: Sequence[RequestedProcedure], steps: Sequence[ScheduledProcedureStep], at: datetime
) -> None:
    """A device has begun: its steps STARTED and off the worklist (as set), exams IN_PROGRESS.

    Performed wins over cancelled: whoever opens the exam is told (:func:`tell_of_withdrawn`).
    """
    started = [step for step in steps if step.status in _MAY_START]
    for step in started:
        _move(step, StepStatus.STARTED, started_at=at, completed_at=None)
    if settings.QUANG.worklist.shown_until == "STARTED":
        _take_off(started)
    for procedure in procedures:
        if procedure.exam_state in (ExamState.ORDERED, ExamState.CANCELLED):
            procedure.exam_state = ExamState.IN_PROGRESS
            procedure.save(update_fields=["exam_state", "updated_at"])
            announce_event(Event.EXAM_STARTED, procedure.pk)
        announce("exam", procedure.pk)


def tell_of_withdrawn(performed: PerformedProcedureStep, procedures: Sequence[RequestedProcedure]) -> list[Oddity]:
    """A device begins what was withdrawn meanwhile: remember which steps, and tell whoever opens the exam; to be
    called before :func:`work_has_begun`."""
    withdrawn = PerformedFor.objects.filter(performed=performed, step__status=StepStatus.CANCELLED)
    of = set(withdrawn.values_list("procedure_id", flat=True))
    withdrawn.update(was_withdrawn=True)
    odd = set()
    for procedure in procedures:
        cancelled = procedure.exam_state == ExamState.CANCELLED
        if cancelled or procedure.pk in of:
            odd.add(Oddity.ORDER_CANCELLED if cancelled else Oddity.STEP_WITHDRAWN)
            notify(
                "performed_though_cancelled" if cancelled else "performed_though_withdrawn", procedure_id=procedure.pk
            )
    return sorted(odd)


def work_is_done(
    performed: PerformedProcedureStep,
    procedures: Sequence[RequestedProcedure],
    steps: Sequence[ScheduledProcedureStep],
    at: datetime,
) -> None:
    """A device has completed its work: steps COMPLETED unless another device's work on them goes on."""
    done = [step for step in steps if step.status == StepStatus.STARTED and not _still_worked_on(step, performed)]
    for step in done:
        _move(step, StepStatus.COMPLETED, completed_at=at)
    _take_off(done)
    _tell_of_the_end(procedures, done)


def work_was_broken_off(
    performed: PerformedProcedureStep,
    procedures: Sequence[RequestedProcedure],
    steps: Sequence[ScheduledProcedureStep],
    *,
    never_begun: bool,
) -> None:
    """A device has discontinued its work: steps DISCONTINUED.

    :param never_begun: the wrong entry of the worklist was selected: the steps wait on the worklist again (those that
        had been withdrawn are withdrawn again), and the exam is as if nothing had been reported, unless images have
        come
    """
    ended = [step for step in steps if step.status == StepStatus.STARTED and not _still_worked_on(step, performed)]
    if not never_begun:
        for step in ended:
            _move(step, StepStatus.DISCONTINUED)
        _take_off(ended)
        _tell_of_the_end(procedures, ended)
        return
    withdrawn = set(
        PerformedFor.objects.filter(performed=performed, was_withdrawn=True).values_list("step_id", flat=True)
    )
    for step in ended:
        _move(step, StepStatus.CANCELLED if step.pk in withdrawn else StepStatus.SCHEDULED, started_at=None)
    _show_again([step for step in ended if step.pk not in withdrawn])
    for procedure in procedures:
        begun = procedure.steps.filter(status__in=(StepStatus.STARTED, *_OVER)).exclude(status=StepStatus.CANCELLED)
        if procedure.exam_state == ExamState.IN_PROGRESS and not procedure.images_arrived_at and not begun.exists():
            open_ones = procedure.steps.exclude(status=StepStatus.CANCELLED).exists()
            cancelled = Oddity.ORDER_CANCELLED in performed.warnings and not open_ones
            procedure.exam_state = ExamState.CANCELLED if cancelled else ExamState.ORDERED
            procedure.save(update_fields=["exam_state", "updated_at"])
            announce_event(Event.EXAM_CANCELLED if cancelled else Event.EXAM_CHANGED, procedure.pk)
        announce("exam", procedure.pk)


def have_images_checked(procedures: Sequence[RequestedProcedure]) -> None:
    """Have what devices made compared with what has arrived."""
    for procedure in procedures:
        enqueue("check_images", procedure.pk)


def _tell_of_the_end(procedures: Sequence[RequestedProcedure], ended: Sequence[ScheduledProcedureStep]) -> None:
    """Exams whose last step has ended with ``ended`` are completed, or discontinued when none was completed."""
    for procedure in procedures:
        announce("exam", procedure.pk)
        statuses = set(procedure.steps.values_list("status", flat=True))
        if not any(step.procedure_id == procedure.pk for step in ended) or not statuses <= set(_OVER):
            continue
        completed = StepStatus.COMPLETED in statuses
        announce_event(Event.EXAM_COMPLETED if completed else Event.EXAM_DISCONTINUED, procedure.pk)


def _still_worked_on(step: ScheduledProcedureStep, performed: PerformedProcedureStep) -> bool:
    others = PerformedProcedureStep.objects.filter(performed_for__step=step).exclude(pk=performed.pk)
    return others.filter(status=PerformedStatus.IN_PROGRESS).exists()


def _move(step: ScheduledProcedureStep, status: StepStatus, **times: datetime | None) -> None:
    step.status = status
    for name, at in times.items():
        setattr(step, name, at)
    step.save(update_fields=["status", *times, "updated_at"])


def _show_again(steps: Sequence[ScheduledProcedureStep]) -> None:
    for step in steps:
        show_on_worklist([step], identifiers_of(step.procedure.patient_id))
        announce("worklist", step.pk)


def _take_off(steps: Sequence[ScheduledProcedureStep]) -> None:
    take_off_worklist([step.pk for step in steps])
    for step in steps:
        announce("worklist", step.pk)
