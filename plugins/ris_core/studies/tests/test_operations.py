"""What a person does with studies: rows, locks, placements, and the way back. Files are the scenarios' part."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue, TransitionRefused
from ris_core.jobs.models import Job, JobState
from ris_core.notices.models import Notice
from ris_core.orders.models import ExamState, OrderLink, RequestedProcedure
from ris_core.reports.models import Reading, ReadingState
from ris_core.studies import operations
from ris_core.studies.locks import LockKind, StudyLocked, lock_of
from ris_core.studies.models import OperationKind, OperationState, Placement, Study, StudyOperation, StudyState
from ris_core.studies.problems import stuck_operation, try_again
from ris_core.studies.rejection import Rejection
from ris_core.studies.undoing_operations import undo_operation
from ris_core.studies.wanted import plan_for
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db

ONE, TWO = "1.2.3.1", "1.2.3.2"


@pytest.fixture
def technologist() -> Actor:
    return a_reader()


def a_study(exam: RequestedProcedure | None = None) -> Study:
    study = Study.objects.get(links__procedure=exam or an_exam())
    Study.objects.filter(pk=study.pk).update(series_count=2, complete=True)
    study.refresh_from_db()
    return study


def done() -> None:
    """The worker has changed the files."""
    StudyOperation.objects.filter(state=OperationState.RUNNING).update(state=OperationState.DONE)
    StudyOperation.objects.filter(state=OperationState.UNDOING).update(state=OperationState.UNDONE)


def test_a_series_split_off_waits_for_a_person_and_comes_back(technologist: Actor) -> None:
    study = a_study()
    operation = operations.split_study(study.pk, [TWO], technologist, "two exams in one study")
    made = operation.other_study
    assert made is not None
    assert made.study_instance_uid != study.study_instance_uid
    assert plan_for(study).owner(TWO, "9") == made.pk
    assert plan_for(study).owner(ONE, "9") == study.pk
    assert Job.objects.filter(kind="correct_study").count() == 2
    assert made.links.filter(undone_at__isnull=False).count() == 1
    done()
    undo_operation(operation.pk, technologist, "was right before")
    assert plan_for(study).owner(TWO, "9") == study.pk
    made.refresh_from_db()
    assert made.state == StudyState.REJECTED
    actions = AuditEvent.objects.filter(action__startswith="study.operation").values_list("action", flat=True)
    assert sorted(actions) == ["study.operation_begun", "study.operation_undone"]


def test_one_series_must_stay_and_a_reason_be_given(technologist: Actor) -> None:
    study = a_study()
    with pytest.raises(TransitionRefused):
        operations.split_study(study.pk, [ONE, TWO], technologist, "all of it")
    with pytest.raises(TransitionRefused):
        operations.split_study(study.pk, [], technologist, "nothing")
    with pytest.raises(InvalidValue):
        operations.split_study(study.pk, [ONE], technologist, " ")
    assert not StudyOperation.objects.exists()


def test_studies_of_two_patients_are_never_combined(technologist: Actor) -> None:
    """Domain invariant 4."""
    one, other = a_study(), a_study()
    for combine in (operations.move_series, operations.merge_studies):
        with pytest.raises(TransitionRefused):
            combine(one.pk, [TWO], other.pk, technologist, "they look alike")
    with pytest.raises(TransitionRefused):
        operations.move_series(one.pk, [TWO], one.pk, technologist, "into itself")
    assert not Placement.objects.exists()


def test_merged_studies_keep_their_exams_and_part_again(technologist: Actor) -> None:
    first = an_exam()
    second = an_exam()
    RequestedProcedure.objects.filter(pk=second.pk).update(patient=first.patient)
    source, target = a_study(second), a_study(first)
    Study.objects.filter(pk=source.pk).update(patient=first.patient)
    operation = operations.merge_studies(source.pk, [ONE, TWO], target.pk, technologist, "one exam in two studies")
    source.refresh_from_db()
    assert source.state == StudyState.REJECTED
    assert target.links.filter(undone_at__isnull=True).count() == 2
    assert Placement.objects.filter(origin=source, target=target, undone=False).count() == 2
    done()
    undo_operation(operation.pk, technologist, "two exams after all")
    source.refresh_from_db()
    assert (source.state, source.links.filter(undone_at__isnull=True).count()) == (StudyState.READY_TO_READ, 1)
    assert target.links.filter(undone_at__isnull=True).count() == 1


def test_a_series_moved_twice_goes_back_step_by_step(technologist: Actor) -> None:
    exam = an_exam()
    study = a_study(exam)
    first = operations.split_study(study.pk, [TWO], technologist, "apart")
    done()
    made = first.other_study
    assert made is not None
    Study.objects.filter(pk=made.pk).update(series_count=2, patient=exam.patient, state=StudyState.READY_TO_READ)
    second = operations.split_study(made.pk, [TWO], technologist, "further apart")
    done()
    assert plan_for(study).owner(TWO, "") == second.other_study_id
    with pytest.raises(TransitionRefused):
        undo_operation(first.pk, technologist, "the older one first")
    undo_operation(second.pk, technologist, "one back")
    assert plan_for(study).owner(TWO, "") == made.pk


def test_a_study_of_another_patient_goes_to_the_right_one_and_back(technologist: Actor) -> None:
    study = a_study()
    wrong = study.patient_id
    right = an_exam(state=ExamState.ORDERED, images=False)
    operation = operations.change_patient(study.pk, right.pk, technologist, "wrong line of the worklist")
    study.refresh_from_db()
    assert study.patient_id == right.patient_id
    assert plan_for(study).wanted[0x00100020] == right.patient.identifiers.get(is_primary=True).value
    done()
    undo_operation(operation.pk, technologist, "was right before")
    study.refresh_from_db()
    assert (study.patient_id, study.restated) == (wrong, {})


def test_a_rejected_study_is_shown_to_nobody_and_can_be_restored(technologist: Actor) -> None:
    study = a_study()
    exam = RequestedProcedure.objects.get(links__study=study)
    operation = operations.reject_study(study.pk, Rejection.WRONG_WORKLIST_ENTRY, technologist, "not this patient")
    study.refresh_from_db()
    assert (study.state, study.patient_id, operation.rejection) == (StudyState.REJECTED, None, "113038")
    done()
    with pytest.raises(TransitionRefused):
        operations.split_study(study.pk, [ONE], technologist, "of a rejected one")
    undo_operation(operation.pk, technologist, "they are good")
    study.refresh_from_db()
    assert study.state == StudyState.READY_TO_READ
    assert exam.links.filter(undone_at__isnull=True).exists()


def test_rejected_images_lie_in_a_study_that_nobody_is_shown(technologist: Actor) -> None:
    study = a_study()
    operation = operations.reject_images(
        study.pk, [], Rejection.QUALITY, technologist, "moved", instances=[(ONE, "1.9"), (ONE, "1.10")]
    )
    hidden = operation.other_study
    assert hidden is not None
    assert hidden.state == StudyState.REJECTED
    plan = plan_for(study)
    assert (plan.owner(ONE, "1.9"), plan.owner(ONE, "1.8")) == (hidden.pk, study.pk)


def test_what_is_being_read_is_locked_until_an_administrator_says_why(technologist: Actor) -> None:
    """P6."""
    study = a_study()
    reader = a_reader()
    procedure = RequestedProcedure.objects.get(links__study=study)
    Reading.objects.create(
        procedure=procedure, state=ReadingState.DRAFT, claimed_by_id=reader.user_id, claimed_at=timezone.now()
    )
    lock = lock_of(study)
    assert lock is not None
    assert (lock.kind, lock.holder) == (LockKind.READING, "Trần Minh Quân")
    with pytest.raises(StudyLocked):
        operations.split_study(study.pk, [ONE], technologist, "two exams")
    operations.split_study(study.pk, [ONE], technologist, "two exams", breaking_reason="the reader is away")
    assert AuditEvent.objects.filter(action="study.lock_broken").count() == 1


@pytest.mark.parametrize("state", [ExamState.DRAFT, ExamState.RECALLED])
def test_who_read_images_that_were_another_patients_is_told(technologist: Actor, state: str) -> None:
    """P6."""
    study = a_study()
    procedure = RequestedProcedure.objects.get(links__study=study)
    RequestedProcedure.objects.filter(pk=procedure.pk).update(exam_state=state)
    reader = a_reader()
    if state == ExamState.DRAFT:
        Reading.objects.create(
            procedure=procedure, state=ReadingState.DRAFT, claimed_by_id=reader.user_id, claimed_at=timezone.now()
        )
    right = an_exam(state=ExamState.ORDERED, images=False)
    operations.change_patient(study.pk, right.pk, technologist, "wrong line", breaking_reason="it is not this patient")
    assert Notice.objects.get().kind == "images_removed"
    assert not Reading.objects.filter(claimed_by__isnull=False).exists()


@pytest.mark.parametrize("state", [ExamState.PRELIMINARY, ExamState.FINAL, ExamState.RETURNED])
def test_images_stay_under_an_approved_report_until_it_is_recalled(technologist: Actor, state: str) -> None:
    study = a_study()
    RequestedProcedure.objects.update(exam_state=state)
    right = an_exam(state=ExamState.ORDERED, images=False)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: operations.change_patient(study.pk, right.pk, technologist, "wrong line", breaking_reason="now"),
        lambda: operations.reject_study(study.pk, Rejection.QUALITY, technologist, "bad", breaking_reason="now"),
    )
    for attempt in attempts:
        with pytest.raises(TransitionRefused) as caught:
            attempt()
        assert caught.value.field == "APPROVED"
    assert not StudyOperation.objects.exists()
    RequestedProcedure.objects.filter(links__study=study).update(exam_state=ExamState.RECALLED)
    operation = operations.change_patient(study.pk, right.pk, technologist, "wrong line")
    done()
    RequestedProcedure.objects.filter(pk=right.pk).update(exam_state=state)
    with pytest.raises(TransitionRefused):
        undo_operation(operation.pk, technologist, "it was right")


def test_an_operation_whose_job_was_given_up_is_tried_again_or_put_back(technologist: Actor) -> None:
    study = a_study()
    operation = operations.split_study(study.pk, [ONE], technologist, "two exams")
    with pytest.raises(StudyLocked):
        undo_operation(operation.pk, technologist, "the worker is at it")
    assert stuck_operation(study) is None
    Job.objects.filter(kind="correct_study").update(state=JobState.DEAD)
    assert stuck_operation(study) == operation
    with pytest.raises(StudyLocked):
        operations.reject_study(study.pk, Rejection.QUALITY, technologist, "bad")
    try_again(study.pk, technologist)
    assert stuck_operation(study) is None
    assert Job.objects.filter(kind="correct_study", state=JobState.QUEUED).count() == 2, "of both studies"
    Job.objects.filter(kind="correct_study").update(state=JobState.DEAD)
    assert undo_operation(operation.pk, technologist, "put it back").state == OperationState.UNDOING
    assert not Placement.objects.filter(undone=False).exists()
    Job.objects.filter(kind="correct_study").update(state=JobState.DEAD)
    assert stuck_operation(study) == operation
    try_again(study.pk, technologist)
    assert AuditEvent.objects.filter(action="study.correction_retried").count() == 2


def test_one_operation_at_a_time(technologist: Actor) -> None:
    study = a_study()
    operation = operations.split_study(study.pk, [ONE], technologist, "two exams")
    with pytest.raises(StudyLocked):
        operations.reject_study(study.pk, Rejection.QUALITY, technologist, "bad", breaking_reason="now")
    with pytest.raises(StudyLocked):
        undo_operation(operation.pk, technologist, "back", breaking_reason="now")
    assert operation.kind == OperationKind.SPLIT


def test_undoing_twice_changes_nothing(technologist: Actor) -> None:
    study = a_study()
    operation = operations.split_study(study.pk, [ONE], technologist, "two exams")
    done()
    undo: Callable[[], object] = lambda: undo_operation(operation.pk, technologist, "back")  # noqa: E731
    undo()
    done()
    undo()
    assert AuditEvent.objects.filter(action="study.operation_undone").count() == 1


def test_images_do_not_come_back_to_an_order_that_another_one_has_taken_over(technologist: Actor) -> None:
    exam = an_exam()
    operation = operations.reject_study(a_study(exam).pk, Rejection.QUALITY, technologist, "blurred")
    done()
    OrderLink.objects.create(procedure=an_exam(), absorbed=exam, linked_at=timezone.now())
    RequestedProcedure.objects.filter(pk=exam.pk).update(exam_state=ExamState.CANCELLED)
    with pytest.raises(TransitionRefused):
        undo_operation(operation.pk, technologist, "it was good enough")
    exam.refresh_from_db()
    assert exam.exam_state == ExamState.CANCELLED
