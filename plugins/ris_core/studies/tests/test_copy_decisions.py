"""Another image came under a stored one's UID: what a person decides happens to the files, and goes back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.notices.models import Notice
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.studies.copy_decisions import decide_copy
from ris_core.studies.dicom_file import SOP_INSTANCE_UID, read_dicom_file
from ris_core.studies.file_differences import Difference
from ris_core.studies.handlers import correct_study
from ris_core.studies.kept_copies import copy_file, keep_copy, run_tell_of_kept_copy, waiting_copies
from ris_core.studies.links import make_link, unmake_link
from ris_core.studies.models import CopyDecision, KeptCopy, Study, StudyLink
from ris_core.studies.operations import split_study
from ris_core.studies.received import read_header
from ris_testing.exams import an_exam
from ris_testing.storing_engine import ONE, TWO, StoringEngine, an_image, received, use_storing_engine

pytestmark = pytest.mark.django_db

PERSON = Actor("ktv")
FIRST, SECOND = b"\1\1", b"\2\2"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StoringEngine:
    return use_storing_engine(monkeypatch)


@pytest.fixture
def exam() -> RequestedProcedure:
    return an_exam(images=False)


@pytest.fixture
def study(engine: StoringEngine, exam: RequestedProcedure) -> Study:
    """Two images, corrected already; another one came under the first one's UID."""
    study = received(engine, exam, picture(exam, FIRST), an_image(2, exam, BitsAllocated=8, PixelData=FIRST))
    correct_study(str(study.pk))
    study.refresh_from_db()
    copy = keep_copy(picture(exam, SECOND), f"{ONE}.1", OrthancId(study.orthanc_id), Difference.PIXELS, "CT1")
    run_tell_of_kept_copy(str(copy.pk))
    return study


def picture(exam: RequestedProcedure, pixels: bytes) -> bytes:
    return an_image(1, exam, BitsAllocated=8, PixelData=pixels)


def pixels(engine: StoringEngine) -> dict[str, bytes]:
    files = [read_dicom_file(data) for data in engine.files.values()]
    return {file.text(SOP_INSTANCE_UID): bytes(file.pixels)[-2:] for file in files}


def decided(study: Study, decision: CopyDecision) -> KeptCopy:
    copy = decide_copy(KeptCopy.objects.get().pk, decision, PERSON, "looked at both")
    assert Job.objects.filter(kind="correct_study", subject_id=str(study.pk)).exists()
    correct_study(str(study.pk))
    correct_study(str(study.pk))
    return copy


def test_people_are_told_once_whose_image_it_is(study: Study) -> None:
    run_tell_of_kept_copy(str(waiting_copies().get().pk))
    assert Notice.objects.filter(kind="other_image_same_uid", study=study).count() == 1
    assert AuditEvent.objects.filter(action="study.copy_kept", subject=f"study:{study.pk}", success=False).count() == 1


def test_a_copy_of_a_study_that_is_not_known_yet_is_looked_at_again(db: None) -> None:
    copy = keep_copy(b"bytes", "1.2", OrthancId("-".join(["0" * 8] * 5)), Difference.UNREADABLE)
    run_tell_of_kept_copy(str(copy.pk))
    assert Job.objects.filter(kind="tell_of_kept_copy").count() == 1
    assert not waiting_copies().exists()
    long_ago = timezone.now() - timedelta(hours=1)
    KeptCopy.objects.update(received_at=long_ago)
    Job.objects.all().delete()
    run_tell_of_kept_copy(str(copy.pk))
    assert Job.objects.get(kind="tell_of_kept_copy").run_at > timezone.now() + timedelta(minutes=50)


def test_the_first_is_kept_and_that_is_undone(engine: StoringEngine, study: Study) -> None:
    before = pixels(engine)
    decided(study, CopyDecision.KEEP_FIRST)
    assert (pixels(engine), waiting_copies().count()) == (before, 0)
    decided(study, CopyDecision.WAITING)
    assert (pixels(engine), waiting_copies().count()) == (before, 1)


def test_the_second_replaces_the_first_and_the_first_comes_back(engine: StoringEngine, study: Study) -> None:
    before = dict(engine.files)
    copy = decided(study, CopyDecision.REPLACE)
    assert pixels(engine) == {f"{ONE}.1": SECOND, f"{ONE}.2": FIRST}
    assert {read_header(data).text("00100010") for data in engine.files.values()} == {
        RequestedProcedure.objects.get().patient.dicom_name
    }, "what replaces follows the order too"
    copy.refresh_from_db()
    assert copy_file(copy, first=True) in before.values()
    decided(study, CopyDecision.WAITING)
    assert pixels(engine) == {f"{ONE}.1": FIRST, f"{ONE}.2": FIRST}


def test_both_are_stored_and_the_second_goes_again(engine: StoringEngine, study: Study) -> None:
    copy = decided(study, CopyDecision.BESIDE)
    assert pixels(engine) == {f"{ONE}.1": FIRST, f"{ONE}.2": FIRST, copy.new_sop_instance_uid: SECOND}
    decided(study, CopyDecision.WAITING)
    assert pixels(engine) == {f"{ONE}.1": FIRST, f"{ONE}.2": FIRST}
    assert decided(study, CopyDecision.BESIDE).new_sop_instance_uid == copy.new_sop_instance_uid


@pytest.mark.parametrize("stored_before_the_end", [1, 2])
def test_a_worker_killed_while_it_replaces_loses_neither(
    engine: StoringEngine, study: Study, stored_before_the_end: int
) -> None:
    decide_copy(KeptCopy.objects.get().pk, CopyDecision.REPLACE, PERSON, "looked at both")
    store, left = engine.store_instance, [stored_before_the_end]

    def killed(data: bytes) -> object:
        answer = store(data)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return answer

    engine.store_instance = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        correct_study(str(study.pk))
    engine.store_instance = store  # type: ignore[method-assign]
    correct_study(str(study.pk))
    assert pixels(engine) == {f"{ONE}.1": SECOND, f"{ONE}.2": FIRST}
    decided(study, CopyDecision.WAITING)
    assert pixels(engine) == {f"{ONE}.1": FIRST, f"{ONE}.2": FIRST}


def test_other_pixels_sent_while_the_image_is_being_corrected_are_kept_aside(
    engine: StoringEngine, exam: RequestedProcedure
) -> None:
    """Deleted for a moment, an image's place is taken by what a device sends just then."""
    study = received(engine, exam, picture(exam, FIRST))
    delete = engine.delete_instance

    def delete_and_receive(orthanc_id: str) -> None:
        delete(orthanc_id)
        engine.delete_instance = delete  # type: ignore[method-assign]
        engine.receive(picture(exam, SECOND))

    engine.delete_instance = delete_and_receive  # type: ignore[method-assign]
    correct_study(str(study.pk))
    assert pixels(engine) == {f"{ONE}.1": FIRST}
    assert copy_file(KeptCopy.objects.get()) == picture(exam, SECOND)


def test_the_same_pixels_described_otherwise_are_kept_aside_where_the_corrected_image_lies(
    engine: StoringEngine, exam: RequestedProcedure
) -> None:
    """The device says the other side now, under the number by which it knew the patient before."""
    study = received(
        engine, exam, an_image(1, exam, PatientID="OLD", BitsAllocated=8, ImageLaterality="L", PixelData=FIRST)
    )
    correct_study(str(study.pk))
    resent = an_image(1, exam, PatientID="OLD", BitsAllocated=8, ImageLaterality="R", PixelData=FIRST)
    engine.receive(resent)
    Study.objects.update(arrangement="")
    correct_study(str(study.pk))
    assert len(engine.files) == 1
    assert copy_file(KeptCopy.objects.get()) == resent


def test_what_is_decided_while_the_study_is_being_corrected_is_done_by_the_next_run(
    engine: StoringEngine, study: Study
) -> None:
    exam = RequestedProcedure.objects.get()
    exam.patient.dicom_name = "ANOTHER^NAME"
    exam.patient.save()
    copy = KeptCopy.objects.get()
    engine.while_changing = lambda: decide_copy(copy.pk, CopyDecision.REPLACE, PERSON, "looked at both")
    correct_study(str(study.pk))
    assert pixels(engine) == {f"{ONE}.1": FIRST, f"{ONE}.2": FIRST}
    correct_study(str(study.pk))
    assert pixels(engine) == {f"{ONE}.1": SECOND, f"{ONE}.2": FIRST}


def test_a_copy_that_replaces_another_at_once_gives_the_first_image_back(
    engine: StoringEngine, study: Study, exam: RequestedProcedure
) -> None:
    second = KeptCopy.objects.get()
    third = keep_copy(picture(exam, b"\3\3"), f"{ONE}.1", OrthancId(study.orthanc_id), Difference.PIXELS)
    run_tell_of_kept_copy(str(third.pk))
    for copy, decision in (
        (second, CopyDecision.REPLACE), (second, CopyDecision.WAITING), (third, CopyDecision.REPLACE)
    ):  # fmt: skip
        decide_copy(copy.pk, decision, PERSON, "looked at all")
        if decision == CopyDecision.REPLACE:
            correct_study(str(study.pk))
    assert pixels(engine)[f"{ONE}.1"] == b"\3\3"
    decide_copy(third.pk, CopyDecision.WAITING, PERSON, "the first after all")
    correct_study(str(study.pk))
    assert pixels(engine)[f"{ONE}.1"] == FIRST


def test_a_copy_that_cannot_be_read_is_not_stored_and_holds_nothing_up(engine: StoringEngine, study: Study) -> None:
    copy = keep_copy(b"no DICOM", f"{ONE}.1", OrthancId(study.orthanc_id), Difference.UNREADABLE)
    run_tell_of_kept_copy(str(copy.pk))
    before = pixels(engine)
    for decision, problem in ((CopyDecision.BESIDE, "UNREADABLE"), (CopyDecision.WAITING, "")):
        decide_copy(copy.pk, decision, PERSON, "looked at both")
        correct_study(str(study.pk))
        study.refresh_from_db()
        assert (pixels(engine), study.correction_problem) == (before, problem)


def test_the_image_is_looked_for_in_the_study_that_its_series_was_split_off_to(
    engine: StoringEngine, study: Study, exam: RequestedProcedure
) -> None:
    engine.receive(an_image(1, exam, TWO, BitsAllocated=8, PixelData=FIRST))
    made = split_study(study.pk, [ONE], PERSON, "two exams in one study").other_study
    assert made is not None
    correct_study(str(study.pk))
    correct_study(str(made.pk))
    other = an_exam(images=False)
    link = make_link(made, other, StudyLink.How.PERSON, {}, PERSON, timezone.now())
    copy = KeptCopy.objects.get()
    RequestedProcedure.objects.filter(pk=other.pk).update(exam_state=ExamState.FINAL)
    with pytest.raises(TransitionRefused) as caught:
        decide_copy(copy.pk, CopyDecision.REPLACE, PERSON, "not while this is reported")
    assert caught.value.field == "APPROVED"
    RequestedProcedure.objects.filter(pk=other.pk).update(exam_state=ExamState.READY_TO_READ)
    unmake_link(link, other, PERSON, "another patient's")
    for decision, expected in ((CopyDecision.REPLACE, SECOND), (CopyDecision.WAITING, FIRST)):
        decide_copy(copy.pk, decision, PERSON, "looked at both")
        assert Job.objects.filter(kind="correct_study", subject_id=str(made.pk)).exists()
        correct_study(str(made.pk))
        assert pixels(engine)[f"{ONE}.1"] == expected
    for decision in (CopyDecision.BESIDE, CopyDecision.WAITING):
        uid = decide_copy(copy.pk, decision, PERSON, "looked at both").new_sop_instance_uid
        correct_study(str(study.pk))
        correct_study(str(made.pk))
        assert (uid in pixels(engine)) == (decision == CopyDecision.BESIDE)


def test_what_may_not_be_decided_is_refused(study: Study, exam: RequestedProcedure) -> None:
    copy = KeptCopy.objects.get()
    with pytest.raises(InvalidValue):
        decide_copy(copy.pk, CopyDecision.KEEP_FIRST, PERSON, " ")
    with pytest.raises(NotFound):
        decide_copy(copy.pk + 1, CopyDecision.KEEP_FIRST, PERSON, "none")
    RequestedProcedure.objects.filter(pk=exam.pk).update(exam_state=ExamState.FINAL)
    with pytest.raises(TransitionRefused) as caught:
        decide_copy(copy.pk, CopyDecision.REPLACE, PERSON, "read already")
    assert caught.value.field == "APPROVED"
    decide_copy(copy.pk, CopyDecision.KEEP_FIRST, PERSON, "the same view")
    with pytest.raises(TransitionRefused):
        decide_copy(copy.pk, CopyDecision.BESIDE, PERSON, "another opinion")
