"""The page of a study: what differs, what may be done, what is refused and how it is said."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.engine.answers import StoredImage
from ris_core.engine.client import Engine
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job, JobState
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Reading, ReadingState
from ris_core.studies.file_differences import Difference
from ris_core.studies.kept_copies import keep_copy, run_tell_of_kept_copy
from ris_core.studies.models import CopyDecision, KeptCopy, OperationKind, OperationState, Study, StudyOperation
from ris_testing.dicom_files import a_dicom_file
from ris_testing.exams import a_reader, an_exam, link_images
from ris_testing.fake_engine import FakeEngine
from ris_webapp.screens.studies.copies import MOST_COPIES
from ris_webapp.screens.studies.copy_picture import NoPicture, picture_of
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(Engine, "from_settings", lambda *args, **kwargs: fake)
    return fake


@pytest.fixture
def study(engine: FakeEngine) -> Study:
    exam = an_exam(images=False)
    for series in ("1", "2"):
        orthanc_id = engine.receive(b"", patient_id="1", study_instance_uid=exam.study_instance_uid, series=series)
    received = {"00100020": {"vr": "LO", "Value": ["TYPED WRONGLY"]}}
    return link_images(exam, orthanc_id, series_count=2, instance_count=2, as_received=received).study


def _page(study: Study, role: Role = Role.TECHNOLOGIST) -> str:
    return client_as(role).get(f"/studies/{study.pk}/").content.decode()


def test_received_and_stored_stand_side_by_side_with_differences_marked(study: Study) -> None:
    page = _page(study)
    assert "TYPED WRONGLY" in page
    assert "as the engine read it" in page
    assert 'data-verdict="DIFFERENT"' in page
    assert page.count('name="series"') == 2


def test_a_chosen_series_is_split_off_and_the_operation_undone(study: Study) -> None:
    client = client_as(Role.TECHNOLOGIST)
    form = {"series": ["1.2.2"], "reason-split": "hai ca", "reason-reject": ""}
    client.post(f"/studies/{study.pk}/do/split", form)
    operation = StudyOperation.objects.get()
    assert (operation.kind, operation.reason) == (OperationKind.SPLIT, "hai ca")
    StudyOperation.objects.update(state=OperationState.DONE)
    assert "Hoàn tác" in _page(study)
    client.post(f"/studies/{study.pk}/operations/{operation.pk}/undo", {"reason": "nhầm"})
    operation.refresh_from_db()
    assert operation.state == OperationState.UNDOING


@pytest.mark.parametrize(
    ("operation", "form", "sentence"),
    [
        ("split", {"reason-split": "x"}, "Chọn ít nhất một loạt ảnh."),
        ("split", {"series": ["1.2.1", "1.2.2"], "reason-split": "x"}, "Phải để lại ít nhất một loạt ảnh."),
        ("split", {"series": ["1.2.1"]}, "Ghi lý do."),
        ("move", {"series": ["1.2.1"], "reason-move": "x"}, "Chọn lần chụp nhận ảnh."),
        ("reject", {"series": ["1.2.1"], "reason-reject": "x"}, "Chọn loại từ chối."),
        ("change-patient", {"accession-change-patient": "?", "reason-change-patient": "x"}, "Không có phiếu nào"),
    ],
)
def test_a_refusal_is_a_sentence(study: Study, operation: str, form: dict[str, object], sentence: str) -> None:
    client = client_as(Role.TECHNOLOGIST)
    answer = client.post(f"/studies/{study.pk}/do/{operation}", form, follow=True)
    assert sentence in answer.content.decode()
    assert not StudyOperation.objects.exists()


def test_a_study_that_is_read_says_who_reads_it_and_only_an_administrator_goes_on(study: Study) -> None:
    """P6."""
    procedure = RequestedProcedure.objects.get(links__study=study)
    Reading.objects.create(
        procedure=procedure, state=ReadingState.DRAFT, claimed_by_id=a_reader().user_id, claimed_at=timezone.now()
    )
    assert "Trần Minh Quân" in _page(study)
    assert "breaking-split" not in _page(study)
    form = {"series": ["1.2.2"], "reason-split": "hai ca", "breaking-split": "bác sĩ đi vắng"}
    technologist = client_as(Role.TECHNOLOGIST).post(f"/studies/{study.pk}/do/split", form, follow=True)
    assert "Lần chụp đang được đọc" in technologist.content.decode()
    assert "breaking-split" in _page(study, Role.ADMINISTRATOR)
    client_as(Role.ADMINISTRATOR).post(f"/studies/{study.pk}/do/split", form)
    assert StudyOperation.objects.count() == 1


def test_a_silent_engine_leaves_what_was_received(study: Study, engine: FakeEngine) -> None:
    engine.studies.clear()
    page = _page(study)
    assert "Máy chủ ảnh không trả lời" in page
    assert "TYPED WRONGLY" in page


@pytest.fixture
def copy(study: Study) -> KeptCopy:
    """Another image that came under the UID of one of the study's."""
    kept = keep_copy(a_picture(), "1.2.3.1.1", OrthancId(study.orthanc_id), Difference.PIXELS)
    run_tell_of_kept_copy(str(kept.pk))
    return kept


def a_picture() -> bytes:
    grey: dict[str, Any] = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
    size: dict[str, Any] = {"Rows": 2, "Columns": 2, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    return a_dicom_file(SOPInstanceUID="1.2.3.1.1", **grey, **size, PixelData=b"\1\2\3\4")


def test_both_images_under_one_uid_are_shown_and_one_is_decided_for_and_that_undone(
    engine: FakeEngine, study: Study, copy: KeptCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address = client_as(Role.TECHNOLOGIST), f"/studies/{study.pk}/copies/{copy.pk}"
    page = _page(study)
    assert f"{address}/stored.jpg" in page
    assert "Thay bằng ảnh gửi sau" in page
    assert client.get("/unmatched/").content.decode().count(f"/studies/{study.pk}/#copies") == 1
    assert client.get(f"{address}/kept.jpg").content.startswith(b"\xff\xd8")
    stored = StoredImage(OrthancId(study.orthanc_id), "1.2", "1.2.3.1.1", "1.2.3.1", 2, 2, 1)
    lying = {study.orthanc_id: [stored]}
    monkeypatch.setattr(FakeEngine, "images_of", lambda _, place, **query: lying.get(place, []))
    monkeypatch.setattr(FakeEngine, "instance_file", lambda *_: b"of a syntax that only the engine decodes")
    monkeypatch.setattr(FakeEngine, "rendered", lambda *_: b"picture of the stored one")
    assert client.get(f"{address}/stored.jpg").content == b"picture of the stored one"
    assert client.get(f"{address}/file").content == a_picture()
    assert AuditEvent.objects.filter(action="study.copy_downloaded").count() == 1
    client.post(f"{address}/decide", {"decision": "REPLACE", "reason": ""})
    client.post(f"{address}/decide", {"decision": "NONSENSE", "reason": "x"})
    copy.refresh_from_db()
    assert copy.decision == "WAITING", "a reason is needed"
    client.post(f"{address}/decide", {"decision": "BESIDE", "reason": "hai lần phát tia"})
    assert "hai lần phát tia" in _page(study)
    assert f"/studies/{study.pk}/#copies" not in client.get("/unmatched/").content.decode()
    client.post(f"{address}/decide", {"decision": "WAITING", "reason": "nhầm"})
    copy.refresh_from_db()
    assert copy.decision == "WAITING"


def test_copies_that_wait_are_shown_however_many_were_decided_before(study: Study) -> None:
    for number in range(MOST_COPIES + 1):
        run_tell_of_kept_copy(str(keep_copy(b"x", f"1.2.{number}", OrthancId(study.orthanc_id), Difference.PIXELS).pk))
    KeptCopy.objects.exclude(sop_instance_uid=f"1.2.{MOST_COPIES}").update(decision=CopyDecision.KEEP_FIRST)
    assert f"1.2.{MOST_COPIES} " in _page(study)


def test_copies_are_for_those_who_manage_studies_and_of_their_own_study(study: Study, copy: KeptCopy) -> None:
    address = f"/studies/{study.pk}/copies/{copy.pk}"
    for role in (Role.RECEPTION, Role.CLINICIAN):
        assert client_as(role).get(f"{address}/file").status_code == 403
        assert client_as(role).post(f"{address}/decide", {"decision": "REPLACE", "reason": "x"}).status_code == 403
    assert client_as(Role.TECHNOLOGIST).get(f"/studies/{study.pk + 1}/copies/{copy.pk}/file").status_code == 404


def test_what_cannot_be_shown_here_has_no_picture() -> None:
    for data in (b"", a_dicom_file(), a_dicom_file(Rows=2, BitsAllocated=8, PixelData=b"\1\2"), a_picture()[:-2]):
        with pytest.raises(NoPicture):
            picture_of(data, 100)


def test_an_operation_that_stopped_halfway_is_tried_again_or_undone_from_the_page(study: Study) -> None:
    client = client_as(Role.TECHNOLOGIST)
    client.post(f"/studies/{study.pk}/do/split", {"series": ["1.2.2"], "reason-split": "hai ca"})
    assert "dừng giữa chừng" not in _page(study)
    Job.objects.filter(kind="correct_study").update(state=JobState.DEAD)
    page = _page(study)
    assert "dừng giữa chừng" in page
    assert f"/studies/{study.pk}/problem/retry" in page
    assert "/undo" in page
    client.post(f"/studies/{study.pk}/problem/retry")
    assert "dừng giữa chừng" not in _page(study)


def test_files_that_cannot_be_read_are_left_and_taken_up_again_with_a_reason(study: Study) -> None:
    client = client_as(Role.TECHNOLOGIST)
    Study.objects.filter(pk=study.pk).update(problem_files=["a", "b"], correction_problem="UNREADABLE")
    assert "Để nguyên 2 tệp" in _page(study)
    client.post(f"/studies/{study.pk}/problem/leave", {"reason": ""})
    study.refresh_from_db()
    assert study.files_left == []
    client.post(f"/studies/{study.pk}/problem/leave", {"reason": "máy ghi dở"})
    assert "Xử lý lại 2 tệp" in _page(study)
    client.post(f"/studies/{study.pk}/problem/take-up", {"reason": "đã sửa"})
    study.refresh_from_db()
    assert study.files_left == []
    assert AuditEvent.objects.filter(action__startswith="study.files_").count() == 2
    assert client.post(f"/studies/{study.pk}/problem/nothing").status_code == 404
