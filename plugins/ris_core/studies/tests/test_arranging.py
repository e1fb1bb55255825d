"""Files brought into line with their order while devices, persons and other runs do not wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.errors import TransitionRefused
from ris_core.identifiers import OrthancId, StudyInstanceUID
from ris_core.jobs.models import Job
from ris_core.notices.services import open_notices
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.studies import operations
from ris_core.studies.arranging import arrange
from ris_core.studies.handlers import after_correction_died, correct_study, follow_study
from ris_core.studies.kept_copies import copy_file
from ris_core.studies.models import KeptCopy, OperationState, Placement, Study, StudyOperation, StudyState
from ris_core.studies.problems import Problem, leave_files, take_up_files
from ris_core.studies.received import read_header
from ris_core.studies.rejection import Rejection
from ris_core.studies.undoing_operations import undo_operation
from ris_testing.exams import a_reader, an_exam
from ris_testing.storing_engine import ONE, TWO, StoringEngine, an_image, names, received, use_storing_engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StoringEngine:
    return use_storing_engine(monkeypatch)


def test_an_image_that_arrives_while_others_are_corrected_is_corrected_next(engine: StoringEngine) -> None:
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam))
    late = an_image(2, exam)
    engine.while_changing = lambda: engine.receive(late)
    correct_study(str(study.pk))
    assert names(engine) == {exam.patient.dicom_name, "TYPED^WRONGLY"}
    correct_study(str(study.pk))
    assert names(engine) == {exam.patient.dicom_name}


def test_what_is_in_line_is_not_looked_at_again(engine: StoringEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam, PatientID="TYPED WRONGLY"))
    correct_study(str(study.pk))
    assert names(engine) == {exam.patient.dicom_name}
    monkeypatch.setattr(StoringEngine, "instance_file", lambda *_: pytest.fail("looked at again"))
    correct_study(str(study.pk))


def test_a_study_with_a_file_beyond_us_is_not_arranged_over_and_over(engine: StoringEngine) -> None:
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam), an_image(2, exam))
    broken = next(reversed(engine.files))
    looks = []

    def file(orthanc_id: str) -> bytes:
        looks.append(orthanc_id)
        return b"" if orthanc_id == broken else engine.files[OrthancId(orthanc_id)]

    engine.instance_file = file  # type: ignore[method-assign]
    correct_study(str(study.pk))
    study.refresh_from_db()
    assert study.correction_problem == Problem.UNREADABLE
    assert [notice.kind for notice in open_notices(procedure_ids=[exam.pk])] == ["images_not_corrected"]
    looks.clear()
    correct_study(str(study.pk))
    assert not looks


def test_a_file_beyond_us_is_left_where_it_is_and_all_others_go(engine: StoringEngine) -> None:
    exam, person = an_exam(images=False), a_reader()
    wrong = {"PatientID": "TYPED WRONGLY"}
    study = received(engine, exam, an_image(1, exam, **wrong), an_image(2, exam, **wrong))
    whole, broken = list(engine.files)
    unreadable, read = {broken}, engine.instance_file
    engine.instance_file = lambda key: b"" if key in unreadable else read(key)  # type: ignore[method-assign,assignment]
    correct_study(str(study.pk))
    study.refresh_from_db()
    assert (study.problem_files, study.correction_problem) == ([broken], Problem.UNREADABLE)
    assert len(engine.files) == 3, "nothing is taken away while somebody has to decide"
    leave_files(study.pk, person, "the device wrote half a file")
    correct_study(str(study.pk))
    study.refresh_from_db()
    assert (study.problem_files, study.correction_problem, study.files_left) == ([], "", [broken])
    assert set(engine.files) & {broken, whole} == {broken}
    assert len(engine.files) == 2
    unreadable.clear()
    take_up_files(study.pk, person, "it was repaired")
    correct_study(str(study.pk))
    study.refresh_from_db()
    assert broken not in engine.files
    assert (len(engine.files), study.files_left) == (2, [])


def test_a_correction_does_not_pass_for_that_of_the_study_that_it_moves_images_into(engine: StoringEngine) -> None:
    first, second = an_exam(images=False), an_exam(images=False)
    RequestedProcedure.objects.filter(pk=second.pk).update(patient=first.patient)
    second.refresh_from_db()
    source = received(engine, first, an_image(1, first), an_image(1, first, TWO))
    target = received(engine, second, an_image(9, second))
    operation = operations.move_series(source.pk, [TWO], target.pk, a_reader(), "belongs there")
    correct_study(str(source.pk))
    operation.refresh_from_db()
    assert operation.state == OperationState.DONE
    correct_study(str(target.pk))
    assert names(engine) == {first.patient.dicom_name}


def test_an_operation_is_done_when_the_run_that_knew_of_it_is(engine: StoringEngine) -> None:
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam), an_image(1, exam, TWO))
    begun: list[StudyOperation] = []
    technologist = a_reader()
    engine.while_changing = lambda: begun.append(
        operations.reject_images(study.pk, [TWO], Rejection.QUALITY, technologist, "the patient moved")
    )
    arrange(engine, study)
    assert StudyOperation.objects.get().state == OperationState.RUNNING
    assert not Job.objects.filter(kind="keep_rejection_note").exists()
    correct_study(str(study.pk))
    assert StudyOperation.objects.get().state == OperationState.DONE
    hidden = Study.objects.get(state=StudyState.REJECTED)
    assert engine.study(hidden.orthanc_id).instance_count == 1
    assert Job.objects.filter(kind="keep_rejection_note").exists()


def test_an_operation_that_changes_no_file_comes_to_its_end_too(engine: StoringEngine) -> None:
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam, PatientName=exam.patient.dicom_name))
    operation = operations.reject_study(study.pk, Rejection.QUALITY, a_reader(), "the patient moved")
    correct_study(str(study.pk))
    operation.refresh_from_db()
    assert operation.state == OperationState.DONE


def test_undoing_is_done_when_the_images_are_back(engine: StoringEngine) -> None:
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam), an_image(1, exam, TWO))
    operation = operations.split_study(study.pk, [TWO], a_reader(), "two exams")
    assert operation.other_study is not None
    correct_study(str(study.pk))
    undo_operation(operation.pk, a_reader(), "one exam after all")
    correct_study(str(study.pk))
    assert StudyOperation.objects.get().state == OperationState.UNDOING
    correct_study(str(operation.other_study.pk))
    assert StudyOperation.objects.get().state == OperationState.UNDONE
    study.refresh_from_db()
    assert engine.study(study.orthanc_id).instance_count == 2


def test_a_report_with_other_text_under_the_same_uid_is_kept(engine: StoringEngine) -> None:
    """Objects without pixels are not the same only because neither has any."""
    exam = an_exam(images=False)
    mistyped: dict[str, Any] = {"PatientID": "TYPED WRONGLY", "Rows": 1}
    study = received(engine, exam, an_image(1, exam, **mistyped, AcquisitionComments="first"))
    correct_study(str(study.pk))
    follow_study(engine, engine.receive(an_image(1, exam, **mistyped, AcquisitionComments="second")))
    correct_study(str(study.pk))
    study.refresh_from_db()
    assert (study.correction_problem, len(engine.files)) == ("", 1)
    (kept,) = KeptCopy.objects.all()
    assert (b"second" in copy_file(kept), kept.difference) == (True, "ATTRIBUTES")
    follow_study(engine, engine.receive(an_image(1, exam, **mistyped, AcquisitionComments="first")))
    correct_study(str(study.pk))
    study.refresh_from_db()
    assert (study.correction_problem, len(engine.files)) == ("", 1)


def test_of_two_patients_under_one_uid_each_keeps_their_images(engine: StoringEngine) -> None:
    """Domain invariant 4: the images of the second are not taken for the first's because their UIDs are the same."""
    exam, other = an_exam(images=False), an_exam(images=False)
    RequestedProcedure.objects.filter(pk=other.pk).update(study_instance_uid=f"{exam.study_instance_uid}.1")
    first = received(engine, exam, an_image(1, exam), an_image(1, exam, TWO))
    patient_id = other.patient.identifiers.get(is_primary=True).value
    theirs = [an_image(7, exam, series, PatientID=patient_id) for series in (ONE, TWO)]
    second = received(engine, other, *theirs)
    actor = a_reader()
    for study in (first, second):
        operations.split_study(study.pk, [TWO], actor, "two exams")
        correct_study(str(study.pk))
    apart = Placement.objects.get(origin=second).target
    correct_study(str(apart.pk))
    apart.refresh_from_db()
    assert {read_header(data).text("00100020") for data in engine._of(apart.orthanc_id).values()} == {patient_id}


def test_what_nobody_saw_when_a_study_was_merged_follows_it_and_comes_back(engine: StoringEngine) -> None:
    first, second = an_exam(images=False), an_exam(images=False)
    RequestedProcedure.objects.filter(pk=second.pk).update(patient=first.patient)
    second.refresh_from_db()
    source = received(engine, first, an_image(1, first), an_image(1, first, TWO))
    target = received(engine, second, an_image(9, second))
    merge = operations.merge_studies(source.pk, [ONE], target.pk, a_reader(), "one exam in two studies")
    correct_study(str(source.pk))
    assert engine.study(target.orthanc_id).instance_count == 3
    follow_study(engine, engine.receive(an_image(1, first, "1.2.3.3")))
    correct_study(str(source.pk))
    assert engine.study(target.orthanc_id).instance_count == 4
    undo_operation(merge.pk, a_reader(), "two exams after all")
    correct_study(str(target.pk))
    assert (engine.study(source.orthanc_id).instance_count, engine.study(target.orthanc_id).instance_count) == (3, 1)


def test_a_correction_that_was_given_up_is_told_to_who_reads_the_exam() -> None:
    exam = an_exam()
    study = Study.objects.get(links__procedure=exam)
    after_correction_died(str(study.pk), "QUANG-4003")
    study.refresh_from_db()
    assert study.correction_problem == Problem.FAILED
    assert [notice.kind for notice in open_notices(procedure_ids=[exam.pk])] == ["images_not_corrected"]


def test_what_was_given_up_though_nothing_was_to_do_is_in_order_again_after_the_next_look(
    engine: StoringEngine,
) -> None:
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam))
    correct_study(str(study.pk))
    after_correction_died(str(study.pk), "QUANG-4001")  # the engine was away when the patient's telephone changed
    correct_study(str(study.pk))
    study.refresh_from_db()
    assert study.correction_problem == ""


def test_images_go_to_no_cancelled_order() -> None:
    study = Study.objects.get(links__procedure=an_exam())
    cancelled = an_exam(state=ExamState.CANCELLED, images=False)
    with pytest.raises(TransitionRefused):
        operations.change_patient(study.pk, cancelled.pk, a_reader(), "wrong line of the worklist")


def test_a_rejected_study_does_not_come_back_under_another_patient() -> None:
    study = Study.objects.get(links__procedure=an_exam())
    other = an_exam(state=ExamState.ORDERED, images=False)
    Study.objects.filter(pk=study.pk).update(state=StudyState.REJECTED, patient=None)
    with pytest.raises(TransitionRefused):
        operations.change_patient(study.pk, other.pk, a_reader(), "wrong line of the worklist")


def two_patients_under_one_uid(engine: StoringEngine) -> tuple[RequestedProcedure, Study, RequestedProcedure, Study]:
    """Each with their order and their images."""
    exam, other = an_exam(images=False), an_exam(images=False)
    patient_id = other.patient.identifiers.get(is_primary=True).value
    name, theirs = {"PatientName": exam.patient.dicom_name}, {"PatientID": patient_id, "PatientName": "LÊ^VĂN KHÁC"}
    first = arrived(engine, an_image(1, exam, **name), an_image(1, exam, TWO, **name))
    second = arrived(engine, *(an_image(7, exam, series, **theirs) for series in (ONE, TWO)))
    first.refresh_from_db()
    assert (first.state, second.state) == (StudyState.CONFLICT, StudyState.CONFLICT)
    return exam, first, other, second


def arrived(engine: StoringEngine, *images: bytes) -> Study:
    """As the rules take it in."""
    for image in images:
        place = engine.receive(image)
    follow_study(engine, place)
    return Study.objects.get(orthanc_id=place)


def carry(*studies: Study | None) -> None:
    """The worker has brought their files into line."""
    for study in studies:
        assert study is not None
        correct_study(str(study.pk))
        study.refresh_from_db()


def test_a_rejected_study_leaves_its_uid_to_the_other_patient_and_comes_back(engine: StoringEngine) -> None:
    """Domain invariant 4: each patient's study stands alone."""
    exam, first, _, second = two_patients_under_one_uid(engine)
    operation = operations.reject_study(second.pk, Rejection.WRONG_WORKLIST_ENTRY, a_reader(), "another patient")
    made = operation.other_study
    carry(second, made)
    assert made is not None
    assert engine.find_studies(StudyInstanceUID(exam.study_instance_uid)) == [first.orthanc_id]
    assert [len(engine._of(study.orthanc_id)) for study in (first, second, made)] == [2, 0, 2]
    late = engine.receive(an_image(9, exam, PatientID=second.received_patient_id, PatientName="LÊ^VĂN KHÁC"))
    follow_study(engine, late)
    carry(second)
    assert [len(engine._of(study.orthanc_id)) for study in (second, made)] == [0, 3]
    follow_study(engine, OrthancId(first.orthanc_id))
    first.refresh_from_db()
    assert first.state != StudyState.CONFLICT
    undo_operation(operation.pk, a_reader(), "not rejected after all")
    carry(made, second)
    assert len(engine._of(second.orthanc_id)) == 3


def test_a_study_of_another_patient_gets_a_uid_of_its_own_where_two_share_one(engine: StoringEngine) -> None:
    exam, first, other, second = two_patients_under_one_uid(engine)
    operation = operations.change_patient(second.pk, other.pk, a_reader(), "the device gave both one number")
    made = operation.other_study
    carry(second, made)
    assert made is not None
    assert made.links.get(undone_at__isnull=True).procedure_id == other.pk
    assert engine.find_studies(StudyInstanceUID(exam.study_instance_uid)) == [first.orthanc_id]
    assert len(engine._of(made.orthanc_id)) == 2
    follow_study(engine, OrthancId(first.orthanc_id))
    assert first.links.filter(procedure=exam, undone_at__isnull=True).exists()
    undo_operation(operation.pk, a_reader(), "as it was")
    carry(made, second)
    assert len(engine._of(second.orthanc_id)) == 2
    assert not made.links.filter(undone_at__isnull=True).exists()


def test_a_study_rejected_before_gets_out_of_the_way_when_another_patient_comes(engine: StoringEngine) -> None:
    exam, other = an_exam(images=False), an_exam(images=False)
    patient_id = other.patient.identifiers.get(is_primary=True).value
    rejected = arrived(engine, an_image(7, exam, PatientID=patient_id, PatientName="LÊ^VĂN KHÁC"))
    operation = operations.reject_study(rejected.pk, Rejection.QUALITY, a_reader(), "blurred")
    carry(rejected)
    operation.refresh_from_db()
    assert (operation.other_study, operation.state) == (None, OperationState.DONE)
    first = arrived(engine, an_image(1, exam, PatientName=exam.patient.dicom_name))
    operation.refresh_from_db()
    carry(rejected, operation.other_study)
    assert engine.find_studies(StudyInstanceUID(exam.study_instance_uid)) == [first.orthanc_id]
    operation.refresh_from_db()
    assert operation.state == OperationState.DONE
    assert first.links.filter(procedure=exam, undone_at__isnull=True).exists()
    undo_operation(operation.pk, a_reader(), "not blurred")
    for study in (first, rejected):  # at once: not when the worker has brought the images back under one UID
        study.refresh_from_db()
        assert (study.state, study.patient) == (StudyState.CONFLICT, None)
        assert not study.links.filter(undone_at__isnull=True).exists()


def test_undone_where_another_patient_has_come_since_it_is_linked_to_nobody(engine: StoringEngine) -> None:
    exam, other = an_exam(images=False), an_exam(images=False)
    patient_id = other.patient.identifiers.get(is_primary=True).value
    first = arrived(engine, an_image(1, exam, PatientName=exam.patient.dicom_name))
    assert first.links.filter(procedure=exam, undone_at__isnull=True).exists()
    operation = operations.reject_study(first.pk, Rejection.QUALITY, a_reader(), "blurred")
    carry(first)
    second = arrived(engine, an_image(7, exam, PatientID=patient_id, PatientName="LÊ^VĂN KHÁC"))
    operation.refresh_from_db()
    carry(first, operation.other_study)
    undo_operation(operation.pk, a_reader(), "not blurred")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (StudyState.CONFLICT, StudyState.CONFLICT)
    assert not first.links.filter(undone_at__isnull=True).exists()


def _received(studies: QuerySet[Study], seconds_ago: float) -> None:
    studies.update(last_received_at=timezone.now() - timedelta(seconds=seconds_ago))


@pytest.mark.parametrize(
    ("own", "others", "corrected"),
    [(3.0, 1.0, False), (55.0, 1.0, False), (3.0, 6.0, True), (61.0, 1.0, True), (-9.0, 1.0, True), (3.0, -9.0, True)],
    ids=[
        "devices store",
        "for a while",
        "devices are quiet",
        "at the latest after a minute",
        "it came in the future",
        "others came in the future",
    ],
)
def test_devices_that_store_come_before_a_correction_but_not_for_ever(
    engine: StoringEngine, own: float, others: float, corrected: bool
) -> None:
    """R5: what is rewritten meanwhile would slow them down."""
    exam = an_exam(images=False)
    study = received(engine, exam, an_image(1, exam))
    an_exam()
    Job.objects.all().delete()
    _received(Study.objects.exclude(pk=study.pk), others)
    _received(Study.objects.filter(pk=study.pk), own)
    correct_study(str(study.pk))
    assert (names(engine) == {exam.patient.dicom_name}) is corrected
    assert Job.objects.filter(kind="correct_study", subject_id=str(study.pk)).exists() is not corrected
