"""Teaching cases on the screens: form, refusal with the place, list, page, ZIP; who gets in (M3, R10, G3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.exports.models import Export
from ris_core.orders.models import RequestedProcedure
from ris_core.sight.services import set_confidential
from ris_core.studies.models import Study
from ris_core.teaching.models import CaseState, TeachingCase
from ris_core.teaching.picturing import run_make_teaching_pictures
from ris_testing.storing_engine import StoringEngine, an_exam_with_images, use_storing_engine
from ris_testing.teaching_cases import NOTES, an_open_case
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StoringEngine:
    return use_storing_engine(monkeypatch, tmp_path)


@pytest.fixture
def ct(engine: StoringEngine) -> tuple[RequestedProcedure, Study]:
    return an_exam_with_images(engine)


@pytest.fixture
def maker() -> User:
    return a_user()


@pytest.fixture
def desk(maker: User) -> Client:
    return client_as(user=maker)


@pytest.fixture
def case(engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User) -> TeachingCase:
    return an_open_case(engine, *ct, maker)


def entered(engine: StoringEngine, ct: tuple[RequestedProcedure, Study], **notes: str) -> dict[str, object]:
    series = engine.study(ct[1].orthanc_id).series_ids[0]
    return {"exam": ct[0].pk, "series": [series], "title": "Ca hay", "diagnosis": "U", "category": "CHEST", **notes}


def test_a_case_is_made_looked_at_and_opened(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], desk: Client
) -> None:
    page = desk.get(f"/teaching/new/?exam={ct[0].pk}").content.decode()
    assert page.count('name="series"') == 2
    answer = desk.post("/teaching/new/", entered(engine, ct))
    case = TeachingCase.objects.get()
    assert answer["Location"] == f"/teaching/{case.pk}/"
    assert "hx-get" in desk.get(f"/teaching/{case.pk}/pictures").content.decode()
    assert client_as(Role.RESIDENT).get(f"/teaching/{case.pk}/").status_code == 404
    desk.post(f"/teaching/{case.pk}/open/", {"version": "1"})
    case.refresh_from_db()
    assert case.state == CaseState.DRAFT, "its pictures are not made yet"
    run_make_teaching_pictures(str(case.pk))
    assert "Có người vừa sửa" in desk.post(f"/teaching/{case.pk}/open/", {"version": "7"}, follow=True).content.decode()
    assert 'name="version" value="1"' in desk.get(f"/teaching/{case.pk}/").content.decode()
    desk.post(f"/teaching/{case.pk}/open/", {"version": "1"})
    learner = client_as(Role.RESIDENT)
    assert learner.get(f"/teaching/{case.pk}/").status_code == 200
    assert learner.get(f"/teaching/{case.pk}/images/1.jpg").content.startswith(b"\xff\xd8")
    assert learner.get(f"/teaching/{case.pk}/images/9.jpg").status_code == 404


def test_what_names_the_patient_is_shown_with_its_place_and_what_was_written_stays(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], desk: Client
) -> None:
    answer = desk.post("/teaching/new/", entered(engine, ct, history="bà Đào, sinh 21.11.1980"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "<mark>bà Đào</mark>" in page
    assert "<mark>21.11.1980</mark>" in page
    assert "bà Đào, sinh 21.11.1980</textarea>" in page
    assert not TeachingCase.objects.exists()


def test_nothing_chosen_or_written_is_said_beside_the_field(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], desk: Client
) -> None:
    answer = desk.post("/teaching/new/", entered(engine, ct, title="", diagnosis="") | {"series": []})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert ('id="title-error"' in page, 'id="images-error"' in page) == (True, True)


def test_somebody_else_s_change_in_between_is_not_overwritten(case: TeachingCase, desk: Client) -> None:
    notes = {"title": "Tên khác", "diagnosis": "y", "category": "CHEST", "version": "1"}
    assert desk.post(f"/teaching/{case.pk}/edit/", notes).status_code == 302
    assert desk.post(f"/teaching/{case.pk}/edit/", notes | {"title": "Đè"}).status_code == 422
    case.refresh_from_db()
    assert (case.title, case.version, case.state) == ("Tên khác", 2, CaseState.OPEN)


def test_the_list_finds_with_and_without_accents_and_says_when_there_is_none(case: TeachingCase) -> None:
    learner = client_as(Role.RESIDENT)
    for query in ("q=thuyen+tac", "q=Thuyên+TẮC+phổi", "category=CHEST", "modality=CT", "tag=mạch+máu"):
        assert NOTES.title in learner.get(f"/teaching/?{query}").content.decode(), query
    for query in ("q=gãy", "category=BREAST", "modality=MR", "tag=gãy"):
        assert NOTES.title not in learner.get(f"/teaching/?{query}").content.decode(), query
    assert AuditEvent.objects.filter(action="teaching.searched").exists()


def test_no_page_of_it_tells_a_learner_whose_it_is(case: TeachingCase, ct: tuple[RequestedProcedure, Study]) -> None:
    exam, study = ct
    learner = client_as(Role.RESIDENT)
    known = (
        exam.patient.full_name, "ĐÀO", exam.request.accession_number, exam.study_instance_uid, study.orthanc_id,
        f"/exams/{exam.pk}", f"/patients/{exam.patient_id}", "1.2.3.1", "19801121", "21/11/1980",
    )  # fmt: skip
    for address in ("", f"{case.pk}/", f"{case.pk}/pictures"):
        page = learner.get(f"/teaching/{address}").content.decode()
        assert [text for text in known if text in page] == [], address
    assert learner.post(f"/teaching/{case.pk}/exam/").status_code == 403


def test_its_maker_goes_to_the_exam_and_the_log_says_so(case: TeachingCase, desk: Client) -> None:
    assert desk.post(f"/teaching/{case.pk}/exam/")["Location"] == f"/exams/{case.procedure_id}/"
    assert AuditEvent.objects.get(action="teaching.exam_opened").patient_id == case.patient_id


def test_the_form_that_names_the_exam_beside_the_notes_is_written_down_like_going_there(
    case: TeachingCase, desk: Client
) -> None:
    assert case.procedure.patient.full_name in desk.get(f"/teaching/{case.pk}/edit/").content.decode()
    assert AuditEvent.objects.get(action="teaching.exam_opened").patient_id == case.patient_id


def test_a_closed_case_is_nowhere_for_a_learner_and_its_picture_neither(case: TeachingCase, desk: Client) -> None:
    set_confidential(case.patient_id, True, SYSTEM)
    learner = client_as(Role.RESIDENT)
    assert NOTES.title not in learner.get("/teaching/").content.decode()
    for address in ("", "pictures", "images/1.jpg"):
        assert learner.get(f"/teaching/{case.pk}/{address}").status_code == 404
    assert desk.get(f"/teaching/{case.pk}/").status_code == 404
    assert desk.get(f"/teaching/new/?exam={case.procedure_id}").status_code in (403, 422)


def test_withdrawn_by_its_maker_and_deleted_by_who_manages_cases(case: TeachingCase, desk: Client) -> None:
    desk.post(f"/teaching/{case.pk}/withdraw/", {"because": "trùng ca"})
    assert "trùng ca" in desk.get(f"/teaching/{case.pk}/").content.decode()
    assert desk.post(f"/teaching/{case.pk}/delete/").status_code == 403
    assert client_as(Role.SENIOR).post(f"/teaching/{case.pk}/delete/").status_code == 302
    assert not TeachingCase.objects.exists()


def test_the_zip_is_asked_for_and_listed(case: TeachingCase, desk: Client) -> None:
    assert desk.post(f"/teaching/{case.pk}/export/", {"with_dicom": "1"})["Location"] == "/exports/"
    assert Export.objects.get().with_dicom
    assert f"/teaching/{case.pk}/" in desk.get("/exports/").content.decode()
    assert client_as(Role.RESIDENT).post(f"/teaching/{case.pk}/export/").status_code == 403
