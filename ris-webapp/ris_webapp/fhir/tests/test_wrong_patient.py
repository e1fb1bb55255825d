"""What a program could send by mistake, and would have an order reach somebody else or turn it round."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from ris_core.access.scopes import Scope
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.studies.models import Study, StudyLink
from ris_testing.exams import an_exam
from ris_webapp.api.shapes import person_name
from ris_webapp.api.tests.programs import Program
from ris_webapp.fhir.tests.test_fhir import CCCD, a_patient, a_request

pytestmark = pytest.mark.django_db

THEIRS = "https://his.example.vn/fhir"


def _sent(program: Program, method: str, path: str, body: object) -> tuple[int, dict[str, Any]]:
    answer = program.call(method, path, body, Content_Type="application/fhir+json")
    return answer.status_code, json.loads(answer.content)


def _stranger(program: Program) -> Patient:
    status, created = _sent(program, "POST", "/fhir/Patient", a_patient(name=[{"text": "TRẦN VĂN KHÁC"}]))
    assert status == 201
    return Patient.objects.get(pk=created["id"])


def _bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def _entry(resource: dict[str, Any], full_url: str = "") -> dict[str, Any]:
    entry = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
    return {**entry, "fullUrl": full_url} if full_url else entry


def test_a_relative_reference_of_another_server_reaches_its_own_patient_not_ours_with_that_id() -> None:
    program = Program()
    stranger = _stranger(program)
    order = a_request({"reference": f"Patient/{stranger.pk}"})
    theirs = _entry({**a_patient(), "id": str(stranger.pk)}, f"{THEIRS}/Patient/{stranger.pk}")
    status, _ = _sent(program, "POST", "/fhir", _bundle(theirs, _entry(order, f"{THEIRS}/ServiceRequest/1")))
    assert status == 200
    assert RequestedProcedure.objects.get().patient.full_name == "Nguyễn Thị Đào"


def test_a_reference_that_would_reach_our_patient_by_a_strange_id_reaches_nobody() -> None:
    program = Program()
    stranger = _stranger(program)
    order = a_request({"reference": f"Patient/{stranger.pk}"})
    with_id = _entry({**a_patient(), "id": str(stranger.pk)})
    for bundle in (_bundle(with_id, _entry(order)), _bundle(_entry(order, f"{THEIRS}/ServiceRequest/1"))):
        assert _sent(program, "POST", "/fhir", bundle)[0] == 404
    assert not RequestedProcedure.objects.exists()


def test_a_full_url_that_stands_for_two_patients_is_refused() -> None:
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    bundle = _bundle(_entry(a_patient(), urn), _entry(a_patient(), urn), _entry(a_request({"reference": urn})))
    assert _sent(Program(), "POST", "/fhir", bundle)[0] == 422
    assert not Patient.objects.exists()


def test_reference_and_number_of_a_subject_are_one_persons() -> None:
    program = Program()
    one, other = _stranger(program), _stranger(program)
    number = {"system": CCCD, "value": other.identifiers.get(kind="NI").value}
    subject = {"reference": f"Patient/{one.pk}", "identifier": number}
    assert _sent(program, "POST", "/fhir/ServiceRequest", a_request(subject))[0] == 409
    subject["reference"] = f"Patient/{other.pk}"
    assert _sent(program, "POST", "/fhir/ServiceRequest", a_request(subject))[0] == 201


def test_a_key_for_orders_learns_no_names_by_trying_ids() -> None:
    program, orders = Program(), Program([Scope.ORDERS_WRITE], sender="PK|X")
    stranger = _stranger(program)
    for key in (stranger.pk, 999_999):
        request = a_request({"reference": f"Patient/{key}"})
        assert _sent(orders, "POST", "/fhir/ServiceRequest", request)[0] == 403
    contained = {**a_patient(), "id": "p"}
    status, placed = _sent(
        orders, "POST", "/fhir/ServiceRequest", a_request({"reference": "#p"}, contained=[contained])
    )
    assert status == 201
    assert _sent(orders, "POST", "/fhir/ServiceRequest", a_request(placed["subject"]))[0] == 201


@pytest.mark.parametrize(
    "values",
    [
        {"doNotPerform": True},
        {"implicitRules": "http://example.org/rules"},
        {"modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}]},
        {"code": {"coding": [{"code": "CT", "modifierExtension": []}], "modifierExtension": [{"url": "x:y"}]}},
    ],
)
def test_what_turns_an_order_round_is_refused(values: dict[str, Any]) -> None:
    program = Program()
    contained = {**a_patient(), "id": "p"}
    order = a_request({"reference": "#p"}, contained=[contained], **values)
    assert _sent(program, "POST", "/fhir/ServiceRequest", order)[0] == 422
    assert not Patient.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"active": False},
        {"link": [{"type": "replaced-by", "other": {"reference": "Patient/1"}}]},
        {"identifier": [{"system": "https://a.example.vn/" + "x" * 60, "value": "1"}]},
        {"identifier": [{"value": str(number)} for number in range(21)]},
        {"birthDate": 315532800},
    ],
)
def test_a_patient_who_would_be_taken_for_another_is_refused(values: dict[str, Any]) -> None:
    assert _sent(Program(), "POST", "/fhir/Patient", a_patient(**values))[0] == 422
    assert not Patient.objects.exists()


def test_an_update_names_the_order_of_its_address() -> None:
    program = Program()
    contained = {**a_patient(), "id": "p"}
    _, one = _sent(program, "POST", "/fhir/ServiceRequest", a_request({"reference": "#p"}, contained=[contained]))
    _, other = _sent(program, "POST", "/fhir/ServiceRequest", a_request({"reference": "#p"}, contained=[contained]))
    address = f"/fhir/ServiceRequest/{one['id']}"
    assert _sent(program, "PUT", address, {**other, "status": "revoked"})[0] == 422
    assert _sent(program, "PUT", address, {**other, "id": one["id"], "priority": "stat"})[0] == 422
    assert _sent(program, "PUT", address, {**one, "priority": "stat"})[0] == 200


def test_a_change_takes_the_patient_as_they_are_now() -> None:
    program = Program()
    placed = program.place()
    Patient.objects.update(full_name="NGUYỄN THỊ ĐÀO HOA", dicom_name="NGUYỄN^THỊ ĐÀO HOA")
    changed = program.call("PATCH", f"/api/v1/orders/{placed['id']}", {"priority": "STAT"})
    assert changed.status_code == 200
    assert Patient.objects.get().full_name == "NGUYỄN THỊ ĐÀO HOA"


@pytest.mark.parametrize("query", ["name=...", "name=", "birthdate="])
def test_a_search_that_says_nothing_finds_nobody(query: str) -> None:
    program = Program()
    _stranger(program)
    assert "entry" not in _sent(program, "GET", f"/fhir/Patient?{query}", None)[1]


def test_a_study_tells_the_orders_of_the_keys_sender_alone() -> None:
    exam = an_exam()
    link = exam.links.get()
    others = RequestedProcedure.objects.get(pk=exam.pk)
    others.pk, others.source = None, "EMR|X"
    others.filler_order_number, others.requested_procedure_id, others.study_instance_uid = "F-X", "RP-X", "2.25.99"
    others.save()
    link.pk, link.procedure = None, others
    link.save()
    program = Program(sender=exam.source)
    study = program.get(f"/fhir/ImagingStudy?basedon={exam.pk}")["entry"][0]["resource"]
    assert study["basedOn"] == [{"reference": f"ServiceRequest/{exam.pk}"}]


def test_a_family_name_at_the_end_stands_once() -> None:
    assert person_name("John Smith", "Smith") == ("Smith John", "Smith^John")
    assert person_name("Nguyễn Thị Đào", "Nguyễn") == ("Nguyễn Thị Đào", "Nguyễn^Thị Đào")
    assert person_name("Smith", "Smith")[1] == "Smith"


def test_images_that_were_taken_from_an_order_are_not_found_by_it_and_those_of_an_order_once() -> None:
    program, first, second = Program(), an_exam(), an_exam()
    study = Study.objects.get(study_instance_uid=first.study_instance_uid)
    StudyLink.objects.filter(study=study).update(undone_at=timezone.now(), undone_reason="của người khác")
    study.patient = second.patient
    study.save()
    for undone_at in (timezone.now(), None):
        StudyLink.objects.create(
            study=study, procedure=second, how="PERSON", linked_at=timezone.now(), undone_at=undone_at
        )
    assert "entry" not in program.get(f"/fhir/ImagingStudy?basedon=ServiceRequest/{first.pk}")
    found = program.get(f"/fhir/ImagingStudy?basedon=ServiceRequest/{second.pk}")["entry"]
    assert sorted(each["resource"]["id"] for each in found).count(str(study.pk)) == 1
