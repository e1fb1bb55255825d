"""Orders and patients by REST: the same effects as by HL7 (R6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ris_core.audit.models import AuditEvent
from ris_core.messages.models import InboundMessage, MessageState, Protocol
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.worklist.models import WorklistEntry
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.api import numbers as api_numbers
from ris_webapp.api.tests.programs import Program, a_patient, an_order, unique

pytestmark = pytest.mark.django_db


def _problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer.content)
    assert problem["code"] == code
    return problem


def test_an_order_is_placed_put_on_the_worklist_and_found_again() -> None:
    program = Program()
    order = program.place()
    procedure = RequestedProcedure.objects.get(pk=order["id"])
    assert (procedure.source, procedure.patient.dicom_name) == ("HIS|BVQ", "NGUYỄN^THỊ ĐÀO")
    assert WorklistEntry.objects.filter(step__procedure=procedure).count() == 1
    assert order["patient"]["identifiers"][0]["issuer"] == "BVQ"
    assert order["patient"]["identifiers"][1] == {
        "value": order["patient"]["identifiers"][1]["value"], "issuer": "VN", "kind": "NI", "primary": False
    }  # fmt: skip
    assert order["patient"]["birth_date"] == "1980-11-21"
    for query in (
        f"placer_order_number={order['placer_order_number']}",
        f"accession_number={order['accession_number']}",
        f"patient_identifier={order['patient']['identifiers'][0]['value']}",
        f"patient_id={order['patient']['id']}&status=ORDERED&modality=CT",
        "updated_since=2020-01-01T00:00:00Z&scheduled_from=2026-11-22T00:00:00Z",
    ):
        assert [each["id"] for each in program.get(f"/api/v1/orders?{query}")["items"]] == [order["id"]], query
    assert program.get(f"/api/v1/orders/{order['id']}/status")["status"] == "ORDERED"


def test_the_same_order_again_changes_nothing_and_another_under_its_number_is_refused() -> None:
    program, order = Program(), an_order()
    assert program.call("POST", "/api/v1/orders", order).status_code == 201
    assert program.call("POST", "/api/v1/orders", order).status_code == 200
    other = {**order, "clinical_indication": "Chấn thương"}
    problem = _problem(program.call("POST", "/api/v1/orders", other), 409, "QUANG-1101")
    assert problem["errors"][0]["pointer"] == "#/placer_order_number"
    assert RequestedProcedure.objects.count() == 1


def test_an_order_is_changed_and_cancelled() -> None:
    program = Program()
    order = program.place()
    changed = program.call("PATCH", f"/api/v1/orders/{order['id']}", {"priority": "STAT", "requesting_physician": "BS"})
    assert changed.status_code == 200, changed.content
    assert json.loads(changed.content)["priority"] == "STAT"
    for _ in range(2):
        cancelled = program.call("POST", f"/api/v1/orders/{order['id']}/cancel", {})
        assert (cancelled.status_code, json.loads(cancelled.content)["status"]) == (200, "CANCELLED")
    assert not WorklistEntry.objects.exists()
    _problem(program.call("PATCH", f"/api/v1/orders/{order['id']}", {"priority": "LOW"}), 409, "QUANG-1003")


def test_an_order_of_another_sender_is_neither_seen_nor_touched() -> None:
    order = Program().place()
    other = Program(sender="EMR|BVX")
    reader = Program(sender="EMR|BVX", sees_all_senders=True)
    address = f"/api/v1/orders/{order['id']}"
    _problem(other.call("GET", address), 404, "QUANG-1002")
    assert other.get("/api/v1/orders")["items"] == []
    assert reader.get(address)["id"] == order["id"]
    _problem(reader.call("POST", f"{address}/cancel", {}), 404, "QUANG-1002")


def test_several_orders_have_a_result_each() -> None:
    program = Program()
    wrong = an_order(service={"code": "KHONG.CO"}, modality="")
    answer = program.call("POST", "/api/v1/orders/bulk", {"orders": [an_order(), wrong, an_order()]})
    results = json.loads(answer.content)
    assert (results["placed"], results["refused"]) == (2, 1)
    assert [each["status"] for each in results["results"]] == [201, 422, 201]
    assert results["results"][1]["problem"]["errors"][0]["pointer"] == "#/orders/1/service/code"
    assert RequestedProcedure.objects.count() == 2
    assert Patient.objects.count() == 2


def test_pages_follow_each_other_and_each_order_comes_once() -> None:
    program = Program()
    placed = [program.place()["id"] for _ in range(5)]
    seen, address = [], "/api/v1/orders?limit=2"
    while address:
        found = program.get(address)
        seen += [each["id"] for each in found["items"]]
        address = found["next"]
    assert seen == placed


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"service": {"code": ""}}, "#/service/code"),
        ({"priority": "URGENT"}, "#/priority"),
        ({"scheduled_at": "2026-11-22T08:30:00"}, "#/scheduled_at"),
        ({"unknown_member": 1}, "#/unknown_member"),
        ({"patient": {"identifiers": [], "full_name": "A"}}, "#/patient/identifiers"),
        ({"patient": a_patient(birth_date="1980-13-01")}, "#/patient/birth_date"),
        ({"patient": a_patient(identifiers=[{"value": "a\\b"}])}, "#/patient/identifiers"),
        ({"patient": a_patient(full_name=" ^ ")}, "#/patient/full_name"),
        ({"study_instance_uid": "1.2.a"}, "#/study_instance_uid"),
        ({"modality": "XX"}, "#/modality"),
        ({"steps": [{"station_ae_title": "CT\\1"}]}, "#/steps/0/station_ae_title"),
    ],
)
def test_what_is_wrong_is_named_by_its_place_and_kept(change: dict[str, Any], pointer: str) -> None:
    answer = Program().call("POST", "/api/v1/orders", an_order(**change))
    assert answer.status_code == 422, answer.content
    assert [each["pointer"] for each in json.loads(answer.content)["errors"]][:1] == [pointer]
    assert not RequestedProcedure.objects.exists()
    kept = InboundMessage.objects.get()
    assert (kept.protocol, kept.state, kept.acknowledgement_code) == (Protocol.REST, MessageState.REFUSED, "422")


def test_a_patient_is_added_corrected_and_found_and_another_person_is_refused() -> None:
    program, patient = Program(), a_patient()
    first = json.loads(program.call("PUT", "/api/v1/patients", patient).content)
    again = program.call("PUT", "/api/v1/patients", {**patient, "phone": "0901234567"})
    assert json.loads(again.content)["id"] == first["id"]
    number = patient["identifiers"][0]["value"]
    for query in (f"identifier={number}&issuer=BVQ", "name=dao+nguyen", "birth_date=1980-11"):
        assert [each["id"] for each in program.get(f"/api/v1/patients?{query}")["items"]] == [first["id"]], query
    assert program.get(f"/api/v1/patients/{first['id']}")["phone"] == "0901234567"
    other = {**patient, "full_name": "TRẦN VĂN BÌNH", "birth_date": "1955-01-01", "sex": "M"}
    _problem(program.call("PUT", "/api/v1/patients", other), 409, "QUANG-1004")


def test_a_corrected_patient_is_corrected_on_the_worklist_too() -> None:
    program, order = Program(), an_order()
    program.call("POST", "/api/v1/orders", order)
    program.call("PUT", "/api/v1/patients", {**order["patient"], "full_name": "NGUYỄN THỊ ĐÀO HOA"})
    assert WorklistEntry.objects.get().patient_name == "nguyen thi dao hoa"


def test_studies_and_report_of_an_order_are_read_once_approved() -> None:
    program = Program()
    exam = an_exam()
    address = f"/api/v1/orders/{exam.pk}"
    assert [each["study_instance_uid"] for each in program.get(f"{address}/studies")] == [exam.study_instance_uid]
    _problem(program.call("GET", f"{address}/report"), 404, "QUANG-1002")
    approved(exam, a_reader())
    report = program.get(f"{address}/report")
    assert (report["status"], report["version"], report["document"]) == ("F", 1, None)
    assert program.get(f"{address}/status")["report_status"] == "F"
    assert AuditEvent.objects.filter(action="report.viewed", patient=exam.patient).count() == 1


def test_every_write_is_kept_raw_with_its_answer_and_what_it_did() -> None:
    program, order = Program(), an_order()
    answer = program.call("POST", "/api/v1/orders", order, Idempotency_Key="K-1")
    kept = InboundMessage.objects.get()
    assert (kept.protocol, kept.sender, kept.control_id) == (Protocol.REST, "HIS|BVQ", "K-1")
    assert (kept.message_type, kept.state, kept.acknowledgement_code) == ("POST orders", MessageState.APPLIED, "201")
    assert bytes(kept.raw).endswith(json.dumps(order).encode())
    assert bytes(kept.acknowledgement).endswith(answer.content)
    assert "order.placed" in [effect["action"] for effect in kept.effects]
    assert kept.patient is not None


def test_what_is_read_is_in_the_audit_trail_by_ids() -> None:
    program = Program()
    order = program.place()
    program.get(f"/api/v1/orders/{order['id']}")
    program.get("/api/v1/patients?name=Dao")
    one, several = AuditEvent.objects.filter(action="api.read").order_by("pk")
    assert (one.subject, one.patient_id) == (f"/api/v1/orders/{order['id']}", order["patient"]["id"])
    assert one.actor == f"HIS|BVQ [{program.key.prefix}]"
    assert several.subject == "/api/v1/patients"


def test_two_orders_of_one_number_and_two_services_are_changed_by_themselves() -> None:
    program = Program()
    number, patient = unique("PL"), a_patient()
    one = program.place(placer_order_number=number, patient=patient)
    two = program.place(
        placer_order_number=number,
        patient=patient,
        service={"code": "CT.NGUC"},
        accession_number=one["accession_number"],
    )
    program.call("POST", f"/api/v1/orders/{two['id']}/cancel", {})
    assert program.get(f"/api/v1/orders/{one['id']}")["status"] == "ORDERED"
    assert program.get(f"/api/v1/orders/{two['id']}")["status"] == "CANCELLED"


def test_why_an_order_is_not_on_a_device_is_told_check_by_check() -> None:
    program = Program()
    order = program.place()
    (told,) = program.get(f"/api/v1/orders/{order['id']}/worklist?station=NOBODY")
    assert told["present"] is False
    assert {"about": "REGISTERED", "verdict": "FAIL", "wanted": "NOBODY", "found": ""} in told["checks"]
    _problem(program.call("GET", f"/api/v1/orders/{order['id']}/worklist"), 422, "QUANG-6106")


def test_orders_are_found_by_each_of_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program()
    placed, _other = program.place(), program.place()
    numbers = {
        "placer_order_number": placed["placer_order_number"],
        "accession_number": placed["accession_number"],
        "patient_id": placed["patient"]["id"],
        "patient_identifier": placed["patient"]["identifiers"][1]["value"],
    }
    for name, value in numbers.items():
        assert [each["id"] for each in program.get(f"/api/v1/orders?{name}={value}")["items"]] == [placed["id"]], name
        assert Program(sender="EMR|X").get(f"/api/v1/orders?{name}={value}")["items"] == []
    kept = InboundMessage.objects.order_by("pk").first()
    assert kept
    assert all(numbers[name].lower() in kept.search_text for name in ("placer_order_number", "accession_number"))
    monkeypatch.setattr(api_numbers, "MOST_ALIKE", 0)
    assert program.call("GET", f"/api/v1/orders?patient_id={numbers['patient_id']}").status_code == 400
