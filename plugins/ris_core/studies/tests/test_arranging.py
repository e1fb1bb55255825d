"""Files brought into line with their order while devices, persons and other runs do not wait."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from ris_core.engine import Engine, EngineInstance, EngineSeries, EngineStudy, Level, NotInEngine, StoredInstance
from ris_core.errors import TransitionRefused
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.notices.services import open_notices
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.studies import operations
from ris_core.studies.arranging import Problem, arrange, engine_id
from ris_core.studies.dicom_file import SOP_INSTANCE_UID, read_dicom_file
from ris_core.studies.handlers import after_correction_died, correct_study, follow_study
from ris_core.studies.models import OperationState, Placement, Study, StudyOperation, StudyState
from ris_core.studies.received import read_header
from ris_core.studies.rejection import Rejection
from ris_testing.dicom_files import a_dicom_file
from ris_testing.exams import a_reader, an_exam, link_images

pytestmark = pytest.mark.django_db

ONE, TWO = "1.2.3.1", "1.2.3.2"


class StoringEngine(Engine):
    """Keeps files as Orthanc does with ``OverwriteInstances`` ``Never``; ``while_changing`` runs once, when the next
    file is stored."""

    def __init__(self) -> None:
        self.files: dict[OrthancId, bytes] = {}
        self.while_changing: Callable[[], object] | None = None

    def close(self) -> None:
        pass

    def receive(self, data: bytes) -> OrthancId:
        ids = self._ids(data)
        self.files.setdefault(ids[2], data)
        return ids[0]

    def study(self, orthanc_id: str) -> EngineStudy:
        files = self._of(orthanc_id)
        if not files:
            raise NotInEngine("no such study")
        uid = read_header(next(iter(files.values()))).text("0020000D")
        series = tuple(dict.fromkeys(self._ids(data)[1] for data in files.values()))
        tags = {"StudyInstanceUID": uid}
        return EngineStudy(
            OrthancId(orthanc_id), uid, series, len(files), ("CT",), is_stable=True, last_update=timezone.now(),
            main_tags=tags,
        )  # fmt: skip

    def series(self, orthanc_id: str) -> EngineSeries:
        found = tuple(key for key, data in self.files.items() if self._ids(data)[1] == orthanc_id)
        uid = read_dicom_file(self.files[found[0]]).text(0x0020000E)
        return EngineSeries(OrthancId(orthanc_id), uid, "CT", found)

    def instances(self, study_id: str) -> list[EngineInstance]:
        return [
            EngineInstance(key, self._ids(data)[1], read_dicom_file(data).text(SOP_INSTANCE_UID))
            for key, data in self._of(study_id).items()
        ]

    def instance_file(self, orthanc_id: str) -> bytes:
        return self.files[OrthancId(orthanc_id)]

    def instance_head(self, orthanc_id: str, byte_count: int) -> bytes:
        return self.files[OrthancId(orthanc_id)][:byte_count]

    def store_instance(self, dicom: bytes) -> StoredInstance:
        study, _, instance = self._ids(dicom)
        there = instance in self.files
        self.files.setdefault(instance, dicom)
        happens, self.while_changing = self.while_changing, None
        if happens is not None:
            happens()
        return StoredInstance(instance, study, there)

    def instance_md5(self, orthanc_id: str) -> str:
        return hashlib.md5(self.files[OrthancId(orthanc_id)], usedforsecurity=False).hexdigest()

    def delete_instance(self, orthanc_id: str) -> None:
        self.files.pop(OrthancId(orthanc_id), None)

    def reconstruct_study(self, study_id: str) -> None:
        pass

    def labels(self, level: Level, orthanc_id: str) -> list[str]:
        return []

    def metadata(self, level: Level, orthanc_id: str) -> dict[str, str]:
        return {}

    def _of(self, study: str) -> dict[OrthancId, bytes]:
        return {key: data for key, data in self.files.items() if self._ids(data)[0] == study}

    @staticmethod
    def _ids(data: bytes) -> tuple[OrthancId, OrthancId, OrthancId]:
        file = read_dicom_file(data)
        parts = (
            read_header(data).text("00100020"),
            file.text(0x0020000D),
            file.text(0x0020000E),
            file.text(0x00080018),
        )
        return engine_id(*parts[:2]), engine_id(*parts[:3]), engine_id(*parts)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StoringEngine:
    fake = StoringEngine()
    monkeypatch.setattr(Engine, "from_settings", lambda *args, **kwargs: fake)
    return fake


def an_image(number: int, exam: RequestedProcedure, series: str = ONE, **attributes: Any) -> bytes:
    """As a device sends it that has the right PatientID and another name than the order."""
    return a_dicom_file(
        **{
            "PatientID": exam.patient.identifiers.get(is_primary=True).value,
            "PatientName": "TYPED^WRONGLY",
            "StudyInstanceUID": exam.study_instance_uid,
            "SeriesInstanceUID": series,
            "SOPInstanceUID": f"{series}.{number}",
            "Rows": number,
            **attributes,
        }
    )


def received(engine: StoringEngine, exam: RequestedProcedure, *images: bytes) -> Study:
    for image in images:
        place = engine.receive(image)
    return link_images(exam, place, as_received=read_header(images[0]).as_json(), series_count=2, complete=True).study


def names(engine: StoringEngine) -> set[str]:
    return {read_header(data).text("00100010") for data in engine.files.values()}


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
    operations.undo_operation(operation.pk, a_reader(), "one exam after all")
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
    assert (study.correction_problem, len(engine.files)) == (Problem.OTHER_PIXELS, 2)
    for key in list(engine.files):
        if b"second" in engine.files[key]:
            del engine.files[key]
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
    operations.undo_operation(merge.pk, a_reader(), "two exams after all")
    correct_study(str(target.pk))
    assert (engine.study(source.orthanc_id).instance_count, engine.study(target.orthanc_id).instance_count) == (3, 1)


def test_a_correction_that_was_given_up_is_told_to_who_reads_the_exam() -> None:
    exam = an_exam()
    study = Study.objects.get(links__procedure=exam)
    after_correction_died(str(study.pk), "QUANG-4003")
    study.refresh_from_db()
    assert study.correction_problem == Problem.FAILED
    assert [notice.kind for notice in open_notices(procedure_ids=[exam.pk])] == ["images_not_corrected"]


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
