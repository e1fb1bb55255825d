"""The page of a study: what differs, what may be done, what is refused and how it is said."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.engine import Engine
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Reading, ReadingState
from ris_core.studies.models import OperationKind, OperationState, Study, StudyOperation
from ris_testing.exams import a_reader, an_exam, link_images
from ris_testing.fake_engine import FakeEngine
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
