"""The counter and the page of an order: made, asked about, changed, renumbered, linked, ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.devices.models import ImagingService
from ris_core.external_results.models import ExternalDocument
from ris_core.external_results.rules import StatedDocument, StatedResult
from ris_core.external_results.services import record_result
from ris_core.identifiers import PatientIdentifier
from ris_core.notices.models import Notice
from ris_core.orders.models import (
    FormerNumber,
    ImagingServiceRequest,
    OrderLink,
    RefusalRule,
    RequestedProcedure,
    ScheduledProcedureStep,
)
from ris_core.orders.services import change_order, place_order
from ris_core.orders.tests.builders import an_order
from ris_core.patients.models import Patient
from ris_webapp.screens.notices.sentences import sentence_of
from ris_webapp.screens.orders.forms import typed_moment
from ris_webapp.screens.orders.record import record_of
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def head() -> ImagingService:
    return ImagingService.objects.create(code="CT.SN", name="Chụp CLVT sọ não", modality="CT")


def new_person(ordered: ImagingService, **said: str) -> dict[str, Any]:
    usual = {
        "patient": "new", "full_name": "trần thị bình", "birth_date": "21111980", "sex": "F",
        "service": str(ordered.pk), "priority": "STAT", "clinical_indication": "Chấn thương đầu",
    }  # fmt: skip
    return usual | said


def test_an_order_for_a_new_patient_is_made_in_one_form(head: ImagingService) -> None:
    client = client_as(Role.RECEPTION)
    assert "Chụp CLVT sọ não" in client.get("/orders/new/").content.decode()
    answer = client.post("/orders/new/", new_person(head))
    exam = RequestedProcedure.objects.select_related("patient", "request").get()
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{exam.request_id}/")
    assert (exam.patient.full_name, exam.patient.birth_date, exam.priority) == ("TRẦN THỊ BÌNH", "19801121", "STAT")
    page = client.get(answer["Location"]).content.decode()
    assert exam.request.accession_number in page
    assert "Chấn thương đầu" in page


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"full_name": ""}, "full_name-error"),
        ({"full_name": "BÌNH"}, "full_name-error"),
        ({"birth_date": "31/02/1980"}, "birth_date-error"),
        ({"birth_date": "hôm qua"}, "birth_date-error"),
        ({"scheduled_at": "mai"}, "scheduled_at-error"),
        ({"patient_weight_kg": "nặng"}, "patient_weight_kg-error"),
        ({"patient": ""}, "Chọn người bệnh"),
        ({"service": ""}, "Chọn ít nhất một dịch vụ"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(head: ImagingService, said: dict[str, str], says: str) -> None:
    answer = client_as(Role.RECEPTION).post("/orders/new/", new_person(head, **said))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not RequestedProcedure.objects.exists()


def test_a_likely_duplicate_is_asked_about_once(head: ImagingService) -> None:
    client = client_as(Role.RECEPTION)
    client.post("/orders/new/", new_person(head))
    again = {"patient": str(Patient.objects.get().pk), "service": str(head.pk)}
    answer = client.post("/orders/new/", again)
    assert (answer.status_code, RequestedProcedure.objects.count()) == (200, 1)
    assert "đã có chỉ định này" in answer.content.decode()
    assert client.post("/orders/new/", {**again, "confirmed": "on"}).status_code == 302
    assert RequestedProcedure.objects.count() == 2


def test_patients_and_services_are_found_without_diacritics(head: ImagingService) -> None:
    client = client_as(Role.RECEPTION)
    client.post("/orders/new/", new_person(head))
    assert "TRẦN THỊ BÌNH" in client.get("/orders/new/patients?patient_query=binh tran").content.decode()
    assert "Chụp CLVT sọ não" in client.get("/orders/new/services?service_query=so nao").content.decode()
    chosen = client.get(f"/orders/new/services?service_query=khong co&service={head.pk}").content.decode()
    assert "checked" in chosen


def test_a_refused_order_tells_why(head: ImagingService) -> None:
    RefusalRule.objects.create(reason="Máy CT đang bảo trì", modality="CT")
    answer = client_as(Role.RECEPTION).post("/orders/new/", new_person(head))
    assert "Máy CT đang bảo trì" in answer.content.decode()


@pytest.mark.parametrize(
    ("text", "hour_minute", "days"),
    [("14:30", (14, 30), 0), ("8g05", (8, 5), 0), ("{tomorrow} 7:00", (7, 0), 1), ("{digits} 7:00", (7, 0), 1)],
)
def test_times_as_people_type_them(text: str, hour_minute: tuple[int, int], days: int) -> None:
    day = timezone.localtime() + timedelta(days=days)
    at: datetime = typed_moment(text.format(tomorrow=f"{day:%d/%m/%Y}", digits=f"{day:%d%m%Y}"))
    assert (at.date(), (at.hour, at.minute)) == (day.date(), hour_minute)


@pytest.mark.parametrize("text", ["", "mai", "25:00", "31/02/2026 10:00", "10:61"])
def test_what_is_no_time_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        typed_moment(text)


def test_an_order_of_the_his_is_changed_and_ended() -> None:
    client = client_as(Role.TECHNOLOGIST)
    placed = place_order(an_order(), SYSTEM)
    at = f"/orders/procedures/{placed.procedure_id}"
    form = client.get(f"{at}/change/").content.decode()
    assert "Đau đầu" in form
    changed = {"priority": "STAT", "room": "P9", "clinical_indication": "Đau đầu dữ dội"}
    assert client.post(f"{at}/change/", changed).status_code == 302
    step = ScheduledProcedureStep.objects.select_related("procedure__request").get()
    assert (step.room, step.procedure.priority) == ("P9", "STAT")
    assert step.procedure.request.clinical_indication == "Đau đầu dữ dội"
    client.post(f"{at}/end", {"reason": ""})
    assert RequestedProcedure.objects.get().exam_state == "ORDERED"
    client.post(f"{at}/end", {"reason": "người bệnh về"})
    assert RequestedProcedure.objects.get().exam_state == "CANCELLED"
    assert "người bệnh về" in client.get(f"/orders/{placed.request_id}/").content.decode()


def test_history_is_told_in_the_order_in_which_it_happened() -> None:
    """Processes take the keys of what they write in blocks (PostgreSQL): keys do not tell what came first."""
    placed = place_order(an_order(), SYSTEM)
    said = {"user": None, "actor": "worker", "subject": f"request:{placed.request_id}"}
    AuditEvent.objects.create(pk=900_001, at=timezone.now() + timedelta(hours=1), action="order.changed", **said)
    AuditEvent.objects.create(pk=900_000, at=timezone.now() + timedelta(hours=2), action="order.ended", **said)
    request = ImagingServiceRequest.objects.select_related("patient", "visit").get(pk=placed.request_id)
    assert [event.action for event in record_of(request).events[:2]] == ["order.ended", "order.changed"]


def test_numbers_are_changed_and_restored_on_the_page() -> None:
    client = client_as(Role.RECEPTION)
    placed = place_order(an_order(), SYSTEM)
    client.post(f"/orders/{placed.request_id}/accession", {"number": "MOI1", "reason": "gõ nhầm"})
    client.post(f"/orders/procedures/{placed.procedure_id}/placer", {"number": "P9", "reason": "gõ nhầm"})
    page = client.get(f"/orders/{placed.request_id}/").content.decode()
    assert "MOI1" in page
    assert "gõ nhầm" in page
    former = FormerNumber.objects.get(value="ACC1")
    client.post(f"/orders/numbers/{former.pk}/restore")
    exam = RequestedProcedure.objects.select_related("request").get()
    assert (exam.request.accession_number, exam.placer_order_number) == ("ACC1", "P9")


def test_an_order_made_here_is_linked_to_the_his_order_and_back(head: ImagingService) -> None:
    client = client_as(Role.RECEPTION)
    theirs = place_order(an_order(), SYSTEM)
    client.post("/orders/new/", {"patient": str(Patient.objects.get().pk), "service": str(head.pk)})
    own = RequestedProcedure.objects.get(source="RIS")
    assert "Nối với chỉ định của HIS" in client.get(f"/orders/{own.request_id}/").content.decode()
    client.post(f"/orders/procedures/{own.pk}/link", {"his_procedure": str(theirs.procedure_id), "reason": "một ca"})
    own.refresh_from_db()
    assert own.source == "HIS|BVX"
    link = OrderLink.objects.get()
    assert "Gỡ nối" in client.get(f"/orders/{own.request_id}/").content.decode()
    client.post(f"/orders/links/{link.pk}/undo")
    own.refresh_from_db()
    assert own.source == "RIS"


def test_a_result_made_elsewhere_is_shown_to_those_who_may_see_results() -> None:
    placed = place_order(an_order(), SYSTEM)
    document = StatedDocument("Phiếu", "application/pdf", b"%PDF-1.4")
    other = StatedDocument("Trang", "text/html", b"<script>alert(1)</script>")
    record_result(
        StatedResult(
            source="PACS2|BVX", patient_identifiers=(PatientIdentifier("BN1", "BVX"),), placer_order_number="P1",
            text="Kết luận: bình thường", documents=(document, other), status="F",
        ),
        SYSTEM,
    )  # fmt: skip
    client = client_as(Role.TECHNOLOGIST)
    assert "Kết luận: bình thường" in client.get(f"/orders/{placed.request_id}/").content.decode()
    shown, downloaded = (client.get(f"/orders/documents/{row.pk}") for row in ExternalDocument.objects.order_by("pk"))
    assert (shown["Content-Type"], shown.content) == ("application/pdf", b"%PDF-1.4")
    assert (downloaded["Content-Type"], downloaded["Content-Disposition"][:10]) == (
        "application/octet-stream", "attachment",
    )  # fmt: skip
    reception = client_as(Role.RECEPTION)
    assert "bình thường" not in reception.get(f"/orders/{placed.request_id}/").content.decode()
    assert reception.get(f"/orders/documents/{ExternalDocument.objects.order_by('pk')[0].pk}").status_code == 403


def test_rules_are_edited_by_administrators_only() -> None:
    administrator = client_as(Role.ADMINISTRATOR)
    answer = administrator.post("/orders/rules/new/", {"reason": "Không làm ở đây", "active": "on"})
    assert (answer.status_code, RefusalRule.objects.count()) == (422, 0)
    rule = {"reason": "Không làm ở đây", "service_code": "PET.*", "active": "on"}
    assert administrator.post("/orders/rules/new/", rule).status_code == 302
    found = RefusalRule.objects.get()
    assert "PET.*" in administrator.get("/orders/rules/").content.decode()
    assert administrator.post(f"/orders/rules/{found.pk}/", {**rule, "active": ""}).status_code == 302
    assert not RefusalRule.objects.get().active
    assert client_as(Role.RECEPTION).get("/orders/rules/").status_code == 403


def test_clinicians_make_no_orders() -> None:
    clinician = client_as(Role.CLINICIAN)
    for path in ("/orders/", "/orders/new/"):
        assert clinician.get(path).status_code == 403


def test_an_empty_list_says_what_to_do() -> None:
    assert "Chưa có chỉ định nào" in client_as(Role.RECEPTION).get("/orders/").content.decode()


def test_a_change_after_the_exam_has_begun_is_told_to_readers_in_words() -> None:
    placed = place_order(an_order(), SYSTEM)
    RequestedProcedure.objects.update(exam_state="IN_PROGRESS")
    change_order(an_order(clinical_indication="Đau đầu sau ngã"), SYSTEM)
    notice = Notice.objects.get(procedure_id=placed.procedure_id)
    assert "lý do chụp" in sentence_of(notice)
