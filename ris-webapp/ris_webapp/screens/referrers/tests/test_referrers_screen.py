"""What a doctor outside sees and opens, and how an administrator says who they are (F4, R13)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.orders.models import RequestedProcedure
from ris_core.orders.records import name_practitioners
from ris_core.orders.rules import NamedAs, PractitionerNumber
from ris_core.referrers.models import PractitionerLink
from ris_core.referrers.services import link_practitioner
from ris_core.reports.models import Document, VersionStatus
from ris_core.reports.recalling import recall
from ris_core.sight.services import grant_order
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db
HOA = PractitionerNumber("BS-0042", "BVQ")


def _named(name: str) -> RequestedProcedure:
    exam = an_exam()
    exam.patient.full_name = name
    exam.patient.save(update_fields=["full_name"])
    name_practitioners(exam.request_id, {NamedAs.REFERRING: (HOA,)})
    return exam


@pytest.fixture
def hoa() -> User:
    user = a_user(Role.REFERRER)
    link_practitioner(user.pk, HOA.identifier, HOA.issuer, SYSTEM)
    return user


@pytest.fixture
def client(hoa: User) -> Client:
    return client_as(user=hoa)


def _names(client: Client, query: str = "") -> list[str]:
    return re.findall(r"<h2>([^<]+?) ?(?:<|$)", client.get("/referred/", {"q": query}).content.decode())


def test_they_begin_with_their_results_and_nothing_else_is_open(client: Client) -> None:
    exam = _named("TRẦN VĂN MỘT")
    approved(exam, a_reader())
    assert client.get("/start/")["Location"] == "/referred/"
    for closed in (f"/exams/{exam.pk}/", f"/patients/{exam.patient_id}/", "/worklist/side/", "/patients/", "/labels/"):
        assert client.get(closed).status_code == 403, closed
    assert client.get("/")["Location"] == "/referred/"


def test_new_results_come_first_and_are_old_once_opened(client: Client) -> None:
    reader = a_reader()
    first, second = _named("TRẦN VĂN MỘT"), _named("TRẦN VĂN HAI")
    _named("CHƯA CÓ KẾT QUẢ")
    versions = [approved(exam, reader) for exam in (first, second)]
    assert _names(client) == ["TRẦN VĂN HAI", "TRẦN VĂN MỘT"]
    assert "1 ca đang chờ kết quả" in client.get("/referred/").content.decode()
    address = f"/referred/{second.pk}/report.pdf"
    assert client.get(address).status_code == 202
    Document.objects.create(version=versions[1], kind=Document.Kind.PDF, content=b"%PDF-1.7", sha256="0" * 64)
    assert client.get(address).content == b"%PDF-1.7"
    assert _names(client) == ["TRẦN VĂN MỘT", "TRẦN VĂN HAI"]
    assert AuditEvent.objects.filter(action="report.viewed", patient_id=second.patient_id).count() == 1
    approved(second, reader, status=VersionStatus.CORRECTED)
    assert _names(client) == ["TRẦN VĂN HAI", "TRẦN VĂN MỘT"]
    corrected = recall(versions[0].reading_id, 1, "nhầm bên", reader).version
    assert corrected.number == 1
    assert _names(client) == ["TRẦN VĂN HAI"]
    assert client.get(f"/referred/{first.pk}/report.pdf").status_code == 403
    assert client.get(f"/referred/{first.pk}/images").status_code == 403


@pytest.mark.parametrize(("query", "found"), [("mot tran", 1), ("MỘT", 1), ("tran", 2), ("khong ai", 0)])
def test_they_find_among_their_own(client: Client, query: str, found: int) -> None:
    reader = a_reader()
    for name, key in (("TRẦN VĂN MỘT", "tran van mot"), ("TRẦN VĂN HAI", "tran van hai")):
        exam = _named(name)
        exam.patient.search_key = key
        exam.patient.save(update_fields=["search_key"])
        approved(exam, reader)
    other = an_exam()
    other.patient.search_key = "tran van khac"
    other.patient.save(update_fields=["search_key"])
    approved(other, reader)
    assert len(_names(client, query)) == found


def test_images_open_with_the_login_and_of_this_exam_alone(client: Client) -> None:
    exam = _named("TRẦN VĂN MỘT")
    assert client.get(f"/referred/{exam.pk}/images").status_code == 403
    approved(exam, a_reader())
    answer = client.get(f"/referred/{exam.pk}/images")
    assert exam.study_instance_uid in answer["Location"]
    assert any(name.startswith("quang_view_") for name in answer.cookies)
    stranger = an_exam()
    approved(stranger, a_reader())
    assert client.get(f"/referred/{stranger.pk}/images").status_code == 403


def test_an_exam_granted_besides_is_listed_once_it_has_a_result(client: Client, hoa: User) -> None:
    exam = an_exam()
    until = timezone.now() + timedelta(days=1)
    grant_order(hoa.pk, exam.request.accession_number, until, "Hội chẩn liên viện", SYSTEM)
    assert _names(client) == []
    assert client.get(f"/referred/{exam.pk}/images").status_code == 404
    approved(exam, a_reader())
    assert _names(client) == [exam.patient.full_name]
    assert client.get(f"/referred/{exam.pk}/images").status_code == 302


def test_of_an_exam_granted_besides_no_preliminary_report_is_opened(client: Client, hoa: User) -> None:
    exam, reader = an_exam(), a_reader()
    until = timezone.now() + timedelta(days=1)
    grant_order(hoa.pk, exam.request.accession_number, until, "Hội chẩn liên viện", SYSTEM)
    version = approved(exam, reader, status=VersionStatus.PRELIMINARY)
    Document.objects.create(version=version, kind=Document.Kind.PDF, content=b"%PDF-1.7", sha256="0" * 64)
    assert client.get(f"/referred/{exam.pk}/report.pdf").status_code == 404
    assert client.get(f"/referred/{exam.pk}/images").status_code == 404


def test_an_administrator_links_a_number_and_takes_it_back(hoa: User) -> None:
    admin, user = client_as(Role.ADMINISTRATOR), a_user(Role.REFERRER)
    name_practitioners(an_exam().request_id, {NamedAs.COPY: (PractitionerNumber("BS-9", "PK ĐỨC TÍN"),)})
    address = f"/admin/users/{user.pk}/practitioner/"
    assert admin.post(address, {"identifier": HOA.identifier, "issuer": HOA.issuer}).status_code == 422
    assert admin.post(address, {"identifier": "BS-8"}).status_code == 422
    told = admin.post(address, {"identifier": "BS-9"}, follow=True).content.decode()
    assert "Hiện có 1 phiếu ghi mã này" in told
    assert "PK ĐỨC TÍN" in told
    link = PractitionerLink.objects.get(user=user)
    client = client_as(user=user)
    assert client.get("/referred/").status_code == 200
    admin.post(f"/admin/practitioner-links/{link.pk}/end")
    assert client.get("/referred/").status_code == 302, "their sessions are over"
    user.refresh_from_db()
    assert "chưa nối" in client_as(user=user).get("/referred/").content.decode()
    link.refresh_from_db()
    assert link.ended_at is not None
    assert link.ended_at > timezone.now() - timedelta(minutes=5)
    assert client_as(Role.IT).get(address).status_code == 403
