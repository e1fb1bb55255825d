"""Receivers of results on the screen: registered, changed, previewed, tried; payment rules."""

from __future__ import annotations

import pytest

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.delivery.models import PaymentRule, Receiver
from ris_testing.exams import a_receiver
from ris_testing.his import Behaviour, SimulatedHis
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

HIS = {
    "code": "HIS", "name": "HIS bệnh viện", "format": "ORU", "host": "10.0.0.5", "port": "2576", "application": "HIS",
    "facility": "BVQ", "hl7_version": "2.5.1", "first_status": "F", "parts": ["sections", "pdf"], "recalled_as": "D",
    "newer_document": "T10", "identifiers": "conclusion=KL^Kết luận^BVQ", "active": "on",
    "rule_source": ["", ""], "rule_requesting_department": ["Khoa Nội", ""], "rule_modality": ["ct", ""],
    "rule_service_code": ["", ""],
}  # fmt: skip


def test_a_receiver_is_registered_and_changed() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    assert admin.post("/admin/result-receivers/new/", HIS).status_code == 302
    receiver = Receiver.objects.get()
    assert (receiver.host, receiver.port, receiver.first_status) == ("10.0.0.5", 2576, "F")
    assert receiver.layout == {
        "parts": ["sections", "pdf"], "identifiers": {"conclusion": "KL^Kết luận^BVQ"}, "recalled_as": "D",
    }  # fmt: skip
    rule = receiver.rules.get()
    assert (rule.modality, rule.requesting_department) == ("CT", "Khoa Nội")
    page = admin.get(f"/admin/result-receivers/{receiver.pk}/").content.decode()
    assert 'value="CT"' in page
    changed = {
        **HIS,
        "code": "OTHER",
        "name": "HIS mới",
        "rule_modality": ["", ""],
        "rule_requesting_department": ["", ""],
    }
    assert admin.post(f"/admin/result-receivers/{receiver.pk}/", changed).status_code == 302
    receiver.refresh_from_db()
    assert (receiver.code, receiver.name, receiver.rules.count()) == ("HIS", "HIS mới", 0)
    assert "HIS mới" in admin.get("/admin/result-receivers/").content.decode()
    assert AuditEvent.objects.filter(action__in=("receiver.registered", "receiver.changed")).count() == 2


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"code": "có dấu"}, "Mã gồm chữ không dấu"),
        ({"host": ""}, "Hãy ghi tên máy"),
        ({"port": "70000"}, "Cổng là số"),
        ({"format": "FHIR", "url": "http://emr/fhir"}, "Địa chỉ https"),
        ({"identifiers": "conclusion"}, "Mỗi dòng: phần=mã"),
        ({"identifiers": "nothing=A^B^C"}, "no section and no part"),
        ({"parts": []}, "Hãy chọn ít nhất một phần"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(entered: dict[str, object], words: str) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/admin/result-receivers/new/", {**HIS, **entered})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Receiver.objects.exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [("ORU", "ORU^R01"), ("MDM", "MDM^T11"), ("FHIR", "entered-in-error"), ("CALLBACK", "&#34;recalled&#34;")],
)
def test_a_message_is_previewed_before_anything_is_saved(kind: str, words: str) -> None:
    entered = {**HIS, "format": kind, "url": "https://emr.example/fhir", "do": "preview", "state": "R"}
    page = client_as(Role.ADMINISTRATOR).post("/admin/result-receivers/new/", entered).content.decode()
    assert words in page
    assert not Receiver.objects.exists()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [(Behaviour.AA, "Nơi nhận đã nhận bản tin thử"), (Behaviour.AR, "Gửi thử không được")],
)
def test_a_test_message_is_sent_and_the_answer_shown(behaviour: Behaviour, words: str) -> None:
    with SimulatedHis(behaviour=behaviour) as his:
        receiver = a_receiver(his.port)
        page = client_as(Role.ADMINISTRATOR).post(f"/admin/result-receivers/{receiver.pk}/test/", {"state": "F"})
        assert words in page.content.decode()
        assert his.received[0].field("MSH", 11) == "T"
    event = AuditEvent.objects.get(action="receiver.tested")
    assert event.success == (behaviour is Behaviour.AA)


def test_a_callback_has_a_secret_that_can_be_replaced() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    receiver = a_receiver(format="CALLBACK", url="https://emr.example/results")
    first = admin.post(f"/admin/result-receivers/{receiver.pk}/secret/").content.decode()
    assert "whs_" in first
    again = admin.post(f"/admin/result-receivers/{receiver.pk}/secret/", {"do": "replace"}).content.decode()
    assert first.split("whs_")[1][:20] != again.split("whs_")[1][:20]


def test_payment_rules_are_kept_as_one_table() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    new = {"name-0": "Ngoại trú", "patient_class-0": "O", "active-0": "on", "unknown_too-0": "on"}
    assert admin.post("/admin/payment-rules/", new).status_code == 302
    rule = PaymentRule.objects.get()
    assert (rule.patient_class, rule.unknown_too, rule.active) == ("O", True, True)
    assert admin.post("/admin/payment-rules/", {"name-0": "Ngoại trú", "patient_class-0": "O"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.active, PaymentRule.objects.count()) == (False, 1)
    assert admin.post("/admin/payment-rules/", {"name-0": ""}).status_code == 422


def test_only_administrators_see_receivers() -> None:
    assert client_as(Role.RADIOLOGIST).get("/admin/result-receivers/").status_code == 403
