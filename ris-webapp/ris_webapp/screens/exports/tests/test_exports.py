"""Exports as whoever asks for them: form, list, download that goes on where it broke off (R10, R13)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.exports.making import run_make_export
from ris_core.exports.models import EXAM_FORMS, Export, ExportState, Form
from ris_core.jobs.models import Job
from ris_core.orders.models import RequestedProcedure
from ris_core.sight.services import set_confidential
from ris_core.studies.corrections import owe_correction
from ris_core.studies.models import Study, StudyState
from ris_testing.storing_engine import StoringEngine, an_exam_with_images, use_storing_engine
from ris_webapp.screens.reading.tests.exams import an_exam as an_exam_without_images
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StoringEngine:
    return use_storing_engine(monkeypatch, tmp_path)


@pytest.fixture
def user() -> User:
    return a_user()


@pytest.fixture
def desk(user: User) -> Client:
    return client_as(user=user)


@pytest.fixture
def exam(engine: StoringEngine) -> RequestedProcedure:
    return an_exam_with_images(engine, images=1)[0]


def made(desk: Client, exam: RequestedProcedure, form: str = Form.DICOM) -> Export:
    answer = desk.post("/exports/new/", {"exam": [exam.pk], "form": form})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    export = Export.objects.get()
    run_make_export(str(export.pk))
    return Export.objects.get()


def body(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_the_form_tells_how_large_each_form_becomes(desk: Client, exam: RequestedProcedure) -> None:
    page = desk.get(f"/exports/new/?exam={exam.pk}").content.decode()
    assert page.count("≈") == len(EXAM_FORMS)
    assert exam.patient.full_name in page


def test_a_finished_export_is_listed_with_its_size(desk: Client, exam: RequestedProcedure) -> None:
    export = made(desk, exam)
    page = desk.get("/exports/").content.decode()
    assert export.files.get().name in page
    assert "hx-get" not in desk.get("/exports/rows").content.decode()


def test_whoever_waits_for_corrected_images_is_told(desk: Client, exam: RequestedProcedure) -> None:
    owe_correction(Study.objects.filter(links__procedure=exam)[0].pk)
    made(desk, exam)
    assert "Ảnh đang được sửa cho khớp với chỉ định" in desk.get("/exports/").content.decode()
    Job.objects.filter(kind="correct_study").delete()
    made_now = Export.objects.get()
    assert "Ảnh đang được sửa" not in desk.get("/exports/").content.decode()
    run_make_export(str(made_now.pk))
    assert Export.objects.get().state == ExportState.READY


def test_a_broken_download_goes_on_with_the_same_bytes(desk: Client, exam: RequestedProcedure) -> None:
    export = made(desk, exam)
    address = f"/exports/{export.pk}/files/1"
    whole = desk.get(address)
    content, etag = body(whole), whole["ETag"]
    assert whole["Content-Length"] == str(len(content))
    rest = desk.get(address, headers={"Range": "bytes=100-", "If-Range": etag})
    assert (rest.status_code, body(rest)) == (206, content[100:])
    assert rest["Content-Range"] == f"bytes 100-{len(content) - 1}/{len(content)}"
    assert body(desk.get(address, headers={"Range": "bytes=-7"})) == content[-7:]
    assert body(desk.get(address, headers={"Range": "bytes=0-0"})) == content[:1]
    assert desk.get(address, headers={"Range": "bytes=100-", "If-Range": '"another"'}).status_code == 200
    assert desk.get(address, headers={"Range": "bytes=5-2"}).status_code == 200
    assert desk.get(address, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert desk.get(address, headers={"If-None-Match": etag}).status_code == 304
    head = desk.head(address)
    assert (head["Content-Length"], head.content) == (str(len(content)), b"")
    assert AuditEvent.objects.filter(action="export.downloaded").count() >= 2


def test_others_find_nothing(desk: Client, exam: RequestedProcedure) -> None:
    export = made(desk, exam)
    assert client_as().get(f"/exports/{export.pk}/files/1").status_code == 404
    assert client_as().post(f"/exports/{export.pk}/cancel/").status_code == 404
    assert exam.patient.full_name not in client_as().get("/exports/").content.decode()
    assert client_as(Role.CLINICIAN).get(f"/exports/{export.pk}/files/1").status_code == 403


def test_what_has_changed_since_is_refused_with_a_sentence(desk: Client, exam: RequestedProcedure) -> None:
    export = made(desk, exam)
    Study.objects.update(state=StudyState.CONFLICT, patient=None)
    answer = desk.get(f"/exports/{export.pk}/files/1")
    assert answer.status_code == 409
    assert "QUANG-6404" in answer.content.decode()


def test_a_patient_who_is_confidential_since_is_neither_named_nor_given_out(
    desk: Client, exam: RequestedProcedure
) -> None:
    export = made(desk, exam)
    set_confidential(exam.patient_id, True, SYSTEM)
    assert exam.patient.full_name not in desk.get("/exports/").content.decode()
    assert desk.get(f"/exports/{export.pk}/files/1").status_code == 403


def test_exams_without_images_are_refused_beside_the_form(desk: Client, engine: StoringEngine) -> None:
    answer = desk.post("/exports/new/", {"exam": [an_exam_without_images().pk], "form": Form.DISC})
    assert answer.status_code == 422
    assert "QUANG-6402" in answer.content.decode()
    assert not Export.objects.exists()


def test_cancelled_and_tried_again(desk: Client, exam: RequestedProcedure, user: User) -> None:
    export = made(desk, exam)
    Export.objects.update(state=ExportState.FAILED, problem="QUANG-4001")
    desk.post(f"/exports/{export.pk}/again/")
    assert Export.objects.get().state == ExportState.WAITING
    desk.post(f"/exports/{export.pk}/cancel/")
    assert Export.objects.get().state == ExportState.CANCELLED
