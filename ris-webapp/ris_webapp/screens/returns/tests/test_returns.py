"""Where a result is: who has which version, recall, release of what is held back."""

from __future__ import annotations

import pytest

from ris_core.accounts.models import Role
from ris_core.audit.services import SYSTEM
from ris_core.delivery.holding import has_open_hold, set_request_payment
from ris_core.delivery.models import Delivery, PaymentRule
from ris_core.delivery.services import owe_void
from ris_core.orders.models import PaymentState, RequestedProcedure
from ris_core.reports.models import Reading, ReportRecall
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def test_the_page_tells_who_has_which_version() -> None:
    a_receiver(code="EMR")
    exam = an_exam()
    approved(exam, a_reader())
    Delivery.objects.update(state="ACKNOWLEDGED")
    page = client_as(Role.CLINICIAN).get(f"/exams/{exam.pk}/return/").content.decode()
    assert "EMR" in page
    assert "Bản 1" in page
    assert "Thu hồi bản" not in page


def test_a_radiologist_recalls_a_result_and_says_why() -> None:
    a_receiver()
    exam, reader = an_exam(), client_as(Role.RADIOLOGIST)
    approved(exam, a_reader())
    reading = Reading.objects.get(procedure=exam)
    form = {"reading": str(reading.pk), "version": "1", "reason": ""}
    reader.post(f"/exams/{exam.pk}/return/recall", form)
    assert not ReportRecall.objects.exists()
    reader.post(f"/exams/{exam.pk}/return/recall", {**form, "version": "7", "reason": "Nhầm"})
    assert not ReportRecall.objects.exists()
    reader.post(f"/exams/{exam.pk}/return/recall", {**form, "reason": "Nhầm bên phải, trái"})
    page = reader.get(f"/exams/{exam.pk}/return/").content.decode()
    assert "Nhầm bên phải, trái" in page
    assert Delivery.objects.filter(kind="RECALL").count() == 1
    refused = client_as(Role.ADMINISTRATOR).post(f"/exams/{exam.pk}/return/recall", form)
    assert refused.status_code == 403


def test_the_reception_lets_an_unpaid_result_go() -> None:
    PaymentRule.objects.create(name="Ngoại trú trả trước")
    a_receiver()
    exam, desk = an_exam(), client_as(Role.RECEPTION)
    set_request_payment(exam.request_id, PaymentState.UNPAID, SYSTEM)
    approved(RequestedProcedure.objects.get(pk=exam.pk), a_reader())
    page = desk.get(f"/exams/{exam.pk}/return/").content.decode()
    assert "Ngoại trú trả trước" in page
    assert "Chưa thanh toán" in page
    desk.post(f"/exams/{exam.pk}/return/release", {"reason": ""})
    assert has_open_hold(exam.pk)
    desk.post(f"/exams/{exam.pk}/return/release", {"reason": "Cấp cứu"})
    assert not has_open_hold(exam.pk)
    assert "Cấp cứu" in desk.get(f"/exams/{exam.pk}/return/").content.decode()


def test_a_returned_result_whose_signature_is_withdrawn_is_shown_as_void() -> None:
    receiver, exam = a_receiver(signed_only=True), an_exam()
    version = approved(exam, a_reader())
    Delivery.objects.update(state="ACKNOWLEDGED")
    client = client_as(Role.RADIOLOGIST)
    assert "không còn hiệu lực" not in client.get(f"/exams/{exam.pk}/return/").content.decode()
    owe_void(receiver, version)
    page = client.get(f"/exams/{exam.pk}/return/").content.decode()
    assert "Kết quả đã trả không còn hiệu lực" in page
    assert "HIS chỉ nhận kết quả có chữ ký" in page
