"""The portal as a patient's browser and the staff's screens have it (R17, F4)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ris_core.access.ended_grants import read_ended_grants
from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.merging import merge_patients
from ris_core.portal.models import PortalSlip, ReleaseRule
from ris_core.portal.rules import typed_slip_code
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import ReportVersion
from ris_core.reports.recalling import recall
from ris_core.sight.services import set_confidential
from ris_testing.exams import a_reader
from ris_webapp.screens.reading.tests.exams import a_study, an_exam
from ris_webapp.screens.reading.tests.test_reading_page import granted, report
from ris_webapp.tests.people import a_role, client_as

pytestmark = pytest.mark.django_db
BORN = "21/11/1980"


@pytest.fixture(autouse=True)
def at_once() -> None:
    ReleaseRule.objects.create(when="FINAL", delay_hours=0, guidance="Uống nhiều nước.", guidance_en="Drink water.")


@pytest.fixture
def desk() -> Client:
    return client_as(a_role(Function.PRINT_PORTAL_SLIP, Function.VIEW_PATIENTS))


def a_result(**values: Any) -> RequestedProcedure:
    exam = an_exam(**values)
    a_study(exam)
    report(exam)
    ensure_document(ReportVersion.objects.get(reading__procedure=exam).pk)
    return exam


def printed(desk: Client, exam_of_patient: RequestedProcedure, **fields: Any) -> str:
    """The code on a slip for the exam's patient."""
    page = desk.post(f"/patients/{exam_of_patient.patient_id}/portal/slip", fields)
    assert page.status_code == 200, page.content.decode()[:2000]
    code = re.search(r'class="key">([0-9A-Z-]{14})<', page.content.decode())
    assert code is not None
    return code[1]


def entered(code: str, **options: Any) -> Client:
    patient = Client(**options)
    answer = patient.post("/portal/enter", {"code": code, "birth_date": BORN})
    assert (answer.status_code, answer["Location"]) == (302, "/portal/results/")
    return patient


def first_result(patient: Client) -> str:
    """The address of the newest exam."""
    page = patient.get("/portal/results/").content.decode()
    found = re.search(r'href="(/portal/results/[0-9a-f]{20}/)"', page)
    assert found is not None, page[-2000:]
    return found[1]


def test_slip_code_birth_date_result_report_images(desk: Client) -> None:
    exam = a_result()
    patient = entered(printed(desk, exam))
    address = first_result(patient)
    page = patient.get(address).content.decode()
    assert exam.service_name in page
    assert "Uống nhiều nước." in page
    pdf = patient.get(f"{address}report")
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf["Content-Disposition"].startswith("inline")
    assert patient.get(f"{address}report?save=1")["Content-Disposition"].startswith("attachment")
    answer: Any = patient.get(f"{address}images")
    (grant,) = granted(answer)
    assert grant.grant.startswith("portal:")
    assert not grant.may_download
    assert not grant.may_store
    for action in ("portal.entered", "portal.results_viewed", "report.viewed", "portal.report_downloaded"):
        event = AuditEvent.objects.filter(action=action).latest("pk")
        assert (event.kind, event.patient_id) == ("PATIENT", exam.patient_id)
    recall_of(exam)
    for what in ("report", "images"):
        assert patient.get(address + what).status_code == 404
    assert "Đang đính chính" in patient.get(address).content.decode()
    assert grant.grant in read_ended_grants()


def recall_of(exam: RequestedProcedure) -> None:
    version = ReportVersion.objects.get(reading__procedure=exam)
    recall(version.reading_id, version.number, "Nhầm bên", a_reader())


def test_pages_are_kept_and_told_nowhere_and_name_no_number(desk: Client) -> None:
    exam = a_result()
    code = printed(desk, exam)
    patient = entered(code)
    address = first_result(patient)
    for path in ("/portal/", "/portal/results/", address, f"{address}report", "/portal/shares/"):
        answer = patient.get(path)
        is_page = answer["Content-Type"].startswith("text/html")
        policy = "same-origin" if is_page else "no-referrer"
        assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", policy), path
        if is_page:
            assert not re.search(rf"(exam|patient|procedure)s?/{exam.pk}\b", answer.content.decode())
    cookie = patient.cookies["quang_portal"]
    assert (cookie["httponly"], cookie["path"], cookie["samesite"], cookie["max-age"]) == (True, "/portal/", "Lax", "")


def test_addresses_of_one_visit_say_nothing_in_another(desk: Client) -> None:
    mine, others = a_result(), a_result()
    patient, other = entered(printed(desk, mine)), entered(printed(desk, others))
    for what in ("", "report", "images"):
        assert other.get(first_result(patient) + what).status_code == 404
    same = entered(printed(desk, mine))  # another visit of the same patient
    assert first_result(same) != first_result(other)


@pytest.mark.parametrize("path", ["results/", "results/abc/", "results/abc/report", "results/abc/images", "shares/"])
def test_without_a_visit_every_page_leads_to_the_door(path: str) -> None:
    answer = Client().get(f"/portal/{path}")
    assert (answer.status_code, answer["Location"]) == (302, "/portal/?over=1")


def test_the_door_answers_alike_whatever_is_wrong(desk: Client) -> None:
    exam = a_result()
    code = printed(desk, exam)
    unknown = printed(desk, a_result())
    PortalSlip.objects.latest("pk").delete()
    pages = []
    for typed, born in ((unknown, BORN), (code, "1/1/1950"), (code, "")):
        answer = Client().post("/portal/enter", {"code": typed, "birth_date": born})
        assert answer.status_code == 403
        pages.append(re.sub(r'value="[A-Za-z0-9]{64}"', "", answer.content.decode()))
    assert len(set(pages)) == 1
    mistyped = Client().post("/portal/enter", {"code": "ACDE-3469-AAAA", "birth_date": BORN})
    assert mistyped.status_code == 422
    assert "so lại từng ký tự" in mistyped.content.decode()


def test_leaving_shuts_pages_and_images(desk: Client) -> None:
    patient = entered(printed(desk, a_result()))
    address = first_result(patient)
    (grant,) = granted(patient.get(f"{address}images"))
    stolen = Client()
    stolen.cookies["quang_portal"] = patient.cookies["quang_portal"].value
    assert stolen.get(address).status_code == 200
    patient.post("/portal/leave")
    assert stolen.get(address).status_code == 302
    assert grant.grant in read_ended_grants()
    assert patient.cookies["quang_portal"].value == ""


def test_a_share_of_a_patient_opens_and_follows_what_the_patient_sees(desk: Client) -> None:
    exam = a_result()
    patient = entered(printed(desk, exam))
    page = patient.get("/portal/shares/").content.decode()
    handle = re.search(r'name="exam" value="([0-9a-f]{20})"', page)
    assert handle is not None
    fields = {"exam": handle[1], "receiver": "BS Minh", "days": "3"}
    assert patient.post("/portal/shares/", fields).status_code == 422  # no consent
    made = patient.post("/portal/shares/", {**fields, "agreed": "2026-1"})
    secret = re.search(r"/share/#([A-Za-z0-9_-]{43})", made.content.decode())
    assert secret is not None
    doctor = Client()
    to = doctor.post("/share/open", {"link": secret[1]}).json()["to"]
    assert exam.service_name in doctor.get(to).content.decode()
    (grant,) = granted(doctor.get(f"{to}images/{exam.pk}"))
    assert grant.grant.startswith("portal:")
    assert doctor.get(f"{to}report/{exam.pk}").status_code == 200
    assert doctor.get(f"{to}files/{exam.pk}").status_code == 403
    recall_of(exam)
    assert exam.service_name not in doctor.get(to).content.decode()
    assert doctor.get(f"{to}images/{exam.pk}").status_code == 403
    assert grant.grant in read_ended_grants()
    listed = patient.get("/portal/shares/").content.decode()
    assert "Đã mở:" in listed
    revoke = re.search(r'action="(/portal/shares/[0-9a-f]{20}/revoke)"', listed)
    assert revoke is not None
    patient.post(revoke[1])
    assert doctor.get(to).status_code == 403
    assert patient.post(revoke[1]).status_code == 302  # again changes nothing
    patient.post("/portal/consent/withdraw")
    assert "Bạn đã đồng ý" not in patient.get("/portal/shares/").content.decode()


def test_the_patient_sees_to_whom_a_share_was_passed_on(desk: Client) -> None:
    """As the page on which it is passed on says."""
    patient = entered(printed(desk, a_result()))
    page = patient.get("/portal/shares/").content.decode()
    handle = re.search(r'name="exam" value="([0-9a-f]{20})"', page)
    assert handle is not None
    fields = {"exam": handle[1], "receiver": "BS Minh", "days": "3", "agreed": "2026-1", "may_pass_on": "1"}
    made = patient.post("/portal/shares/", fields).content.decode()
    secret = re.search(r"/share/#([A-Za-z0-9_-]{43})", made)
    assert secret is not None
    doctor = Client()
    to = doctor.post("/share/open", {"link": secret[1]}).json()["to"]
    day = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert doctor.post(f"{to}pass-on", {"receiver": "Bà ngoại", "expires_at": day}).status_code == 200
    assert "Bà ngoại" in patient.get("/portal/shares/").content.decode()


def test_another_patients_share_is_not_revoked(desk: Client) -> None:
    patient = entered(printed(desk, a_result()))
    assert patient.post("/portal/shares/0123456789abcdef0123/revoke").status_code == 404


def test_english_pages_have_english_guidance(desk: Client) -> None:
    patient = entered(printed(desk, a_result()))
    patient.cookies["quang_language"] = "en"
    assert "Drink water." in patient.get(first_result(patient)).content.decode()


def test_the_slip_says_how_and_not_what_the_finder_must_not_know(desk: Client) -> None:
    exam = a_result()
    page = desk.post(f"/patients/{exam.patient_id}/portal/slip").content.decode()
    assert exam.patient.full_name in page
    assert "1980" not in page
    code = re.search(r'class="key">([0-9A-Z-]{14})<', page)
    assert code is not None
    assert typed_slip_code(code[1])


def test_a_slip_for_one_exam_shows_it_alone(desk: Client) -> None:
    exam = a_result()
    other = a_result(patient=exam.patient)
    patient = entered(printed(desk, exam, exam=str(exam.pk)))
    assert len(re.findall(r"/portal/results/[0-9a-f]{20}/", patient.get("/portal/results/").content.decode())) == 1
    assert desk.post(f"/patients/{an_exam().patient_id}/portal/slip", {"exam": other.pk}).status_code == 404


def test_staff_see_use_withdraw_and_decide(desk: Client) -> None:
    exam = a_result()
    patient = entered(printed(desk, exam))
    page = desk.get(f"/patients/{exam.patient_id}/portal/").content.decode()
    assert "127.0.0.1" in page
    assert "Đã có kết quả" in page
    assert desk.post(f"/exams/{exam.pk}/portal", {"decision": "HELD", "reason": "Trao đổi"}).status_code == 403
    reader = client_as(a_role(Function.DECIDE_FOR_PATIENT))
    address = first_result(patient)
    reader.post(f"/exams/{exam.pk}/portal", {"decision": "HELD", "reason": "Trao đổi trực tiếp"})
    assert patient.get(f"{address}report").status_code == 404
    assert "Nhận tại bệnh viện" in reader.get(f"/patients/{exam.patient_id}/portal/").content.decode()
    reader.post(f"/exams/{exam.pk}/portal", {"decision": "", "reason": "Đã trao đổi"})
    assert patient.get(f"{address}report").status_code == 200
    slip = PortalSlip.objects.get()
    desk.post(f"/patients/{exam.patient_id}/portal/slips/{slip.pk}/withdraw")
    assert patient.get(address).status_code == 302


def test_slips_of_merged_records_are_seen_and_withdrawn_with_whoever_has_their_data(desk: Client) -> None:
    exam, other = a_result(), an_exam()
    patient = entered(printed(desk, exam))
    merge_patients(exam.patient_id, other.patient_id, a_reader())
    slip = PortalSlip.objects.get()
    withdraw = f"/patients/{other.patient_id}/portal/slips/{slip.pk}/withdraw"
    assert withdraw in desk.get(f"/patients/{other.patient_id}/portal/").content.decode()
    assert desk.post(f"/patients/{an_exam().patient_id}/portal/slips/{slip.pk}/withdraw").status_code == 404
    desk.post(withdraw)
    assert PortalSlip.objects.get().withdrawn_at is not None
    assert patient.get("/portal/results/").status_code == 302


def test_confidential_patients_get_no_slip_and_the_staff_are_told_why(desk: Client) -> None:
    exam = a_result()
    keeper = client_as(a_role(Function.PRINT_PORTAL_SLIP, Function.VIEW_CONFIDENTIAL))
    set_confidential(exam.patient_id, True, a_reader())
    assert desk.post(f"/patients/{exam.patient_id}/portal/slip").status_code == 403
    page = keeper.post(f"/patients/{exam.patient_id}/portal/slip", follow=True).content.decode()
    assert "không in phiếu" in page
    assert not PortalSlip.objects.exists()


def test_rules_are_set_corrected_and_removed() -> None:
    admin = client_as(a_role(Function.ADMINISTER))
    wanted = {"service_code": "MG.*", "modality": "mg", "when": "SIGNED", "delay_hours": "24", "with_images": "on"}
    assert admin.post(reverse("portal:rules"), wanted).status_code == 302
    rule = ReleaseRule.objects.get(service_code="MG.*")
    assert (rule.modality, rule.when, rule.delay_hours, rule.with_images) == ("MG", "SIGNED", 24, True)
    assert 'value="MG.*"' in admin.get(f"/admin/portal/?rule={rule.pk}").content.decode()
    for field, wrong in (("delay_hours", "-1"), ("delay_hours", "99999"), ("when", "SOON"), ("modality", "a b")):
        assert admin.post(reverse("portal:rules"), {**wanted, field: wrong}).status_code == 422
    admin.post(f"/admin/portal/{rule.pk}/remove")
    assert not ReleaseRule.objects.filter(pk=rule.pk).exists()
    assert admin.post(f"/admin/portal/{rule.pk}/remove").status_code == 404
