"""The register as data-protection staff use it: recorded, decided, answered, exported, copied (P16)."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.data_requests.models import DataRequest
from ris_core.data_requests.services import today
from ris_core.orders.models import RequestedProcedure
from ris_core.sight.models import ConfidentialPatient
from ris_core.teaching.models import TeachingCase
from ris_core.teaching.rules import Notes
from ris_core.teaching.services import make_case
from ris_testing.exams import an_exam
from ris_webapp.tests.people import a_role, a_user, client_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return client_as("AUDITOR")


@pytest.fixture
def exam() -> RequestedProcedure:
    return an_exam()


def recorded(client: Client, exam: RequestedProcedure, **changed: str) -> DataRequest:
    said = {"kind": "ACCESS", "asker": "Hoa", "asked_by": "SELF", "proof": "VNEID", "wanted": "Bản sao"}
    said |= {"received_on": today().isoformat(), **changed}
    answer = client.post(f"{reverse('data_requests:new')}?patient={exam.patient_id}", said)
    assert answer.status_code == 302, answer.content.decode()
    return DataRequest.objects.latest("pk")


def test_a_request_is_recorded_decided_copied_and_answered(client: Client, exam: RequestedProcedure) -> None:
    viewers = client.get(reverse("access_log:viewers", args=[exam.patient_id])).content.decode()
    assert f'href="/data-requests/new/?patient={exam.patient_id}"' in viewers, "auditors open no patient's page"
    assert exam.patient.full_name in client.get(f"/data-requests/new/?patient={exam.patient_id}").content.decode()
    made = recorded(client, exam)
    page = reverse("data_requests:request", args=[made.pk])
    assert "Ghi quyết định" in client.get(page).content.decode()
    assert client.post(f"{page}copy").status_code == 422
    assert client.post(f"{page}decide", {"decision": "GRANTED"}).status_code == 302
    assert "Ghi đã trả lời" in client.get(page).content.decode()
    copied = client.post(f"{page}copy")
    assert copied["Content-Type"] == "application/zip"
    assert "exams.csv" in zipfile.ZipFile(io.BytesIO(copied.content)).namelist()
    assert client.post(f"{page}answer", {"done": "", "answered_on": today().isoformat()}).status_code == 422
    assert client.post(f"{page}answer", {"done": "Đã đưa", "answered_on": today().isoformat()}).status_code == 302
    assert "Đã đưa" in client.get(page).content.decode()
    trail = list(
        AuditEvent.objects.filter(subject=f"data_request:{made.pk}").order_by("pk").values_list("action", flat=True)
    )
    assert trail[0] == "data_request.registered"
    assert {"data_request.viewed", "patient.data_exported", "data_request.answered"} <= set(trail)


def test_what_is_late_is_marked_and_filtered(client: Client, exam: RequestedProcedure) -> None:
    late = recorded(client, exam, asker="Người Muộn", received_on=(today() - timedelta(days=30)).isoformat())
    recorded(client, exam, asker="Người Kịp", kind="CORRECTION")
    everything = client.get("/data-requests/").content.decode()
    assert everything.index("Người Muộn") < everything.index("Người Kịp")
    assert everything.count("quá hạn</span>") == 1
    overdue = client.get("/data-requests/?state=overdue").content.decode()
    assert ("Người Muộn" in overdue, "Người Kịp" in overdue) == (True, False)
    corrections = client.get("/data-requests/?kind=CORRECTION").content.decode()
    assert ("Người Muộn" in corrections, "Người Kịp" in corrections) == (False, True)
    assert late.due_on < today()


def test_erasing_records_under_their_term_is_refused_in_words(client: Client, exam: RequestedProcedure) -> None:
    made = recorded(client, exam, kind="ERASURE")
    answer = client.post(f"/data-requests/{made.pk}/decide", {"decision": "GRANTED"})
    assert answer.status_code == 422
    assert "còn trong thời hạn lưu trữ: chỉ đồng ý một phần" in answer.content.decode()
    made.refresh_from_db()
    assert made.decision == ""


def test_what_an_erasure_ends_is_said_before_it_is_answered(client: Client, exam: RequestedProcedure) -> None:
    maker = a_user()
    case = make_case(exam, Notes(title="Ca hay", diagnosis="U"), [], maker, Actor(maker.username, user_id=maker.pk))
    made = recorded(client, exam, kind="ERASURE")
    page = reverse("data_requests:request", args=[made.pk])
    assert "1 ca làm từ ca chụp của người bệnh" in client.get(page).content.decode()
    client.post(f"{page}decide", {"decision": "REFUSED", "kept_by": "RECORD_TERM", "reason": "Còn hạn"})
    assert "ca giảng dạy của người bệnh mất hẳn" not in client.get(page).content.decode()
    client.post(f"{page}decide", {"decision": "PARTLY", "kept_by": "RECORD_TERM", "reason": "Còn hạn"})
    assert "thì 1 ca giảng dạy của người bệnh mất hẳn" in client.get(page).content.decode()
    client.post(f"{page}answer", {"done": "Đã xoá", "answered_on": today().isoformat()})
    assert not TeachingCase.objects.filter(pk=case.pk).exists()
    assert client.get(page).status_code == 200


def test_the_register_leaves_as_a_table_that_runs_nothing(client: Client, exam: RequestedProcedure) -> None:
    recorded(client, exam, asker='=cmd|"/c calc"!A1', wanted="+1\t@x")
    text = client.get("/data-requests/export/?state=all").content.decode("utf-8-sig")
    cells = next(iter(list(csv.reader(io.StringIO(text)))[1:]))
    assert '\'=cmd|"/c calc"!A1' in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@")]
    assert AuditEvent.objects.filter(action="data_request.exported").exists()


def test_who_does_not_see_a_confidential_patient_finds_no_request_of_theirs(
    client: Client, exam: RequestedProcedure
) -> None:
    made = recorded(client, exam, asker="Người Kín")
    marked = a_user("ADMINISTRATOR")
    ConfidentialPatient.objects.create(patient_id=exam.patient_id, marked_by=marked, marked_at=made.recorded_at)
    blind = client_as(a_role(Function.ANSWER_DATA_REQUESTS))
    assert "Người Kín" not in blind.get("/data-requests/?state=all").content.decode()
    assert "Người Kín" not in blind.get("/data-requests/export/?state=all").content.decode()
    assert blind.get(f"/data-requests/{made.pk}/").status_code == 403
    assert blind.post(f"/data-requests/{made.pk}/copy").status_code == 403
    assert blind.get(f"/data-requests/new/?patient={exam.patient_id}").status_code == 403


def test_only_who_has_the_function_gets_in(exam: RequestedProcedure) -> None:
    other = client_as(a_role(Function.VIEW_AUDIT))
    assert other.get("/data-requests/").status_code == 403
    assert other.get(f"/data-requests/new/?patient={exam.patient_id}").status_code == 403


@pytest.mark.parametrize("patient", ["", "x", "999999999"])
def test_nobody_is_not_found(client: Client, patient: str) -> None:
    assert client.get(f"/data-requests/new/?patient={patient}").status_code == 404
