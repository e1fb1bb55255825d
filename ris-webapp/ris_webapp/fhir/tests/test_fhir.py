"""FHIR R4: orders in, studies and reports out, by the same services as HL7 and REST (R6, G1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from fhir.resources.R4B import get_fhir_model_class

from ris_core.access.scopes import Scope
from ris_core.messages.models import InboundMessage, Protocol
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.reports.models import Document, ReportVersion
from ris_core.worklist.models import WorklistEntry
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.api.tests.programs import Program, unique
from ris_webapp.fhir.capability import capability_statement
from ris_webapp.fhir.kinds import KINDS

pytestmark = pytest.mark.django_db

FHIR = "application/fhir+json"
CCCD = "urn:quang:id:cccd"


def a_patient(**values: Any) -> dict[str, Any]:
    number = unique("BN")
    return {
        "resourceType": "Patient",
        "identifier": [{"value": number}, {"system": CCCD, "value": f"001{number}"}],
        "name": [{"use": "official", "family": "Nguyễn", "given": ["Thị", "Đào"]}],
        "birthDate": "1980-11-21",
        "gender": "female",
        **values,
    }


def a_request(subject: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [
            {"type": {"coding": [{"code": "PLAC"}]}, "value": unique("PL")},
            {"type": {"coding": [{"code": "ACSN"}]}, "value": unique("AC")},
        ],
        "status": "active",
        "intent": "order",
        "priority": "urgent",
        "code": {"coding": [{"code": "CT.SONAO", "display": "Chụp CLVT sọ não"}]},
        "orderDetail": [{"coding": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}]}],
        "subject": subject,
        "occurrenceDateTime": "2026-11-22T08:30:00+07:00",
        "requester": {"display": "BS. Lê Thị Hoa"},
        "reasonCode": [{"text": "Đau đầu, chóng mặt"}],
        **values,
    }


def _send(program: Program, method: str, path: str, body: object, **headers: str) -> HttpResponse:
    return program.call(method, path, body, Content_Type=FHIR, **headers)


def _json(answer: HttpResponseBase, status: int = 200) -> dict[str, Any]:
    assert isinstance(answer, HttpResponse)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == FHIR
    resource: dict[str, Any] = json.loads(answer.content)
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return resource


def _outcome(answer: HttpResponseBase, status: int) -> dict[str, Any]:
    outcome = _json(answer, status)
    assert outcome["resourceType"] == "OperationOutcome"
    issue: dict[str, Any] = outcome["issue"][0]
    return issue


def _ordered(program: Program, **values: Any) -> dict[str, Any]:
    patient = _json(_send(program, "POST", "/fhir/Patient", a_patient()), 201)
    request = a_request({"reference": f"Patient/{patient['id']}"}, **values)
    return _json(_send(program, "POST", "/fhir/ServiceRequest", request), 201)


def test_an_order_is_placed_and_is_on_the_worklist_under_its_vietnamese_name() -> None:
    program = Program()
    request = _ordered(program)
    procedure = RequestedProcedure.objects.get(pk=request["id"])
    assert (procedure.source, procedure.priority, procedure.modality) == ("HIS|BVQ", "HIGH", "CT")
    assert (procedure.patient.full_name, procedure.patient.dicom_name) == ("Nguyễn Thị Đào", "Nguyễn^Thị Đào")
    assert procedure.request.clinical_indication == "Đau đầu, chóng mặt"
    assert WorklistEntry.objects.get().patient_name == "nguyen thi dao"
    again = _json(program.call("GET", f"/fhir/ServiceRequest/{request['id']}"))
    assert again == request
    patient = _json(program.call("GET", f"/fhir/{request['subject']['reference']}"))
    assert patient["name"][0] == {
        "use": "official", "text": "Nguyễn Thị Đào", "family": "Nguyễn", "given": ["Thị", "Đào"]
    }  # fmt: skip
    assert {each["system"] for each in patient["identifier"]} == {"urn:quang:id:patient:BVQ", CCCD}
    assert set(InboundMessage.objects.values_list("protocol", flat=True)) == {Protocol.FHIR}


def test_patient_and_order_come_in_one_transaction_or_not_at_all() -> None:
    program = Program()
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"

    def bundle(**values: Any) -> dict[str, Any]:
        request = a_request({"reference": urn}, **values)
        return {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"resource": request, "request": {"method": "POST", "url": "ServiceRequest"}},
                {"fullUrl": urn, "resource": a_patient(), "request": {"method": "POST", "url": "Patient"}},
            ],
        }

    refused = _send(program, "POST", "/fhir", bundle(code={"coding": [{"code": "KHONG.CO"}]}, orderDetail=[]))
    assert _outcome(refused, 422)["code"] == "processing"
    assert not Patient.objects.exists()
    answer = _json(_send(program, "POST", "/fhir/", bundle()))
    assert [each["response"]["status"] for each in answer["entry"]] == ["201", "201"]
    assert RequestedProcedure.objects.get().patient == Patient.objects.get()


def test_a_contained_patient_and_a_patient_named_by_number_are_understood() -> None:
    program = Program()
    contained = {**a_patient(), "id": "p"}
    first = a_request({"reference": "#p"}, contained=[contained])
    _json(_send(program, "POST", "/fhir/ServiceRequest", first), 201)
    second = a_request({"identifier": contained["identifier"][1]})
    _json(_send(program, "POST", "/fhir/ServiceRequest", second), 201)
    assert Patient.objects.count() == 1
    unknown = a_request({"identifier": {"system": CCCD, "value": "0"}})
    assert _outcome(_send(program, "POST", "/fhir/ServiceRequest", unknown), 404)["expression"] == [
        "ServiceRequest.subject"
    ]


def test_an_order_is_changed_and_revoked_by_update() -> None:
    program = Program()
    request = _ordered(program)
    changed = {**request, "priority": "stat", "reasonCode": [{"text": "Chấn thương sọ não"}]}
    address = f"/fhir/ServiceRequest/{request['id']}"
    assert _json(_send(program, "PUT", address, changed))["priority"] == "stat"
    assert _json(_send(program, "PUT", address, {**changed, "status": "revoked"}))["status"] == "revoked"
    assert not WorklistEntry.objects.exists()
    assert _outcome(_send(program, "PUT", address, changed), 409)["code"] == "conflict"


@pytest.mark.parametrize("by_update", [True, False])
def test_a_task_tells_how_far_it_is_and_ends_the_order(by_update: bool) -> None:
    program = Program()
    request = _ordered(program)
    task = _json(program.call("GET", f"/fhir/Task/{request['id']}"))
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("accepted", "ORDERED")
    if by_update:
        answer = _send(program, "PUT", f"/fhir/Task/{task['id']}", {**task, "status": "cancelled"})
    else:
        abort = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "abort"}]}
        new = {"resourceType": "Task", "status": "requested", "intent": "order", "code": abort}
        answer = _send(
            program, "POST", "/fhir/Task", {**new, "focus": {"reference": f"ServiceRequest/{request['id']}"}}
        )
    assert _json(answer)["status"] == "cancelled"
    finished = {**task, "status": "completed"}
    assert _outcome(_send(program, "PUT", f"/fhir/Task/{task['id']}", finished), 422)["expression"] == ["Task.status"]


def test_study_and_report_are_read_after_approval_with_the_pdf_by_reference() -> None:
    program = Program()
    exam = an_exam()
    found = _json(program.call("GET", f"/fhir/ImagingStudy?basedon=ServiceRequest/{exam.pk}"))
    study = found["entry"][0]["resource"]
    assert study["identifier"][0]["value"] == f"urn:oid:{exam.study_instance_uid}"
    assert "entry" not in _json(program.call("GET", f"/fhir/DiagnosticReport?based-on={exam.pk}"))
    approved(exam, a_reader())
    version = ReportVersion.objects.get()
    document = Document.objects.create(version=version, kind="PDF", content=b"%PDF-1.7", sha256="0" * 64)
    report = _json(program.call("GET", f"/fhir/DiagnosticReport?based-on={exam.pk}&status=final"))["entry"][0][
        "resource"
    ]
    assert (report["status"], report["imagingStudy"]) == ("final", [{"reference": f"ImagingStudy/{study['id']}"}])
    assert report["presentedForm"][0]["url"] == f"Binary/{document.pk}"
    pdf = program.call("GET", f"/fhir/Binary/{document.pk}")
    assert (pdf["Content-Type"], pdf.content) == ("application/pdf", b"%PDF-1.7")
    approved(exam, a_reader(), status="C", conclusion="Đính chính")  # type: ignore[arg-type]
    assert "entry" not in _json(program.call("GET", "/fhir/DiagnosticReport?status=final"))
    assert _json(program.call("GET", "/fhir/DiagnosticReport?status=corrected"))["entry"]
    stranger = Program(sender="EMR|X")
    for address in (f"ImagingStudy/{study['id']}", f"DiagnosticReport/{report['id']}", f"Binary/{document.pk}"):
        assert _outcome(stranger.call("GET", f"/fhir/{address}"), 404)["code"] == "not-found"


@pytest.mark.parametrize("form", [True, False])
def test_search_finds_by_numbers_patients_and_times(form: bool) -> None:
    program = Program()
    request = _ordered(program)
    _ordered(program)
    number = {each["type"]["coding"][0]["code"]: each for each in request["identifier"] if "type" in each}
    patient_id = request["subject"]["reference"]

    def found(kind: str, query: str) -> list[str]:
        if form:
            answer = program.call(
                "POST", f"/fhir/{kind}/_search", query.encode(), Content_Type="application/x-www-form-urlencoded"
            )
        else:
            answer = program.call("GET", f"/fhir/{kind}?{query}")
        return [each["resource"]["id"] for each in _json(answer).get("entry", [])]

    assert found("ServiceRequest", f"identifier={number['ACSN']['value']}") == [request["id"]]
    assert found("ServiceRequest", f"identifier={number['PLAC']['system']}%7C{number['PLAC']['value']}") == [
        request["id"]
    ]
    assert found("ServiceRequest", f"identifier={number['ACSN']['system']}%7C{number['PLAC']['value']}") == []
    assert found("ServiceRequest", f"patient={patient_id}&status=active") == [request["id"]]
    assert len(found("ServiceRequest", "_lastUpdated=ge2020-01-01&occurrence=2026-11-22")) == 2
    assert found("ServiceRequest", "status=completed,revoked") == []
    assert found("Task", f"focus=ServiceRequest/{request['id']}&status=accepted") == [request["id"]]
    citizen = Patient.objects.get(pk=int(patient_id.partition("/")[2])).identifiers.get(kind="NI")
    assert found("Patient", f"identifier={CCCD}%7C{citizen.value}") == [patient_id.partition("/")[2]]
    assert len(found("Patient", "name=dao%20nguyen&birthdate=1980")) == 2


def test_pages_follow_each_other() -> None:
    program = Program()
    placed = [_ordered(program)["id"] for _ in range(3)]
    seen, address = [], "/fhir/ServiceRequest?_count=2"
    while address:
        page = _json(program.call("GET", address))
        seen += [each["resource"]["id"] for each in page["entry"]]
        following = [each["url"] for each in page["link"] if each["relation"] == "next"]
        address = following[0].partition("8080")[2] if following else ""
    assert seen == placed


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/fhir/ServiceRequest?unknown=1", 400),
        ("/fhir/ServiceRequest?_lastUpdated=yesterday", 400),
        ("/fhir/ServiceRequest?_lastUpdated=ge9999-12-31", 400),
        ("/fhir/ServiceRequest?_count=x", 400),
        ("/fhir/ServiceRequest/999999", 404),
        ("/fhir/ServiceRequest/" + "9" * 60, 404),
        ("/fhir/Observation", 404),
        ("/fhir/Observation/1/x/y", 404),
        ("/fhir", 405),
        ("/fhir/Binary/1", 404),
    ],
)
def test_what_is_not_there_is_an_operation_outcome(path: str, status: int) -> None:
    _outcome(Program().call("GET", path), status)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"resourceType": "Patient"}, 400),
        ({"resourceType": "ServiceRequest", "foo": 1}, 422),
        (a_request({"reference": "Patient/0"}), 404),
        (a_request({"reference": "#p"}), 404),
        (a_request({"reference": "Patient/0"}, status="completed"), 422),
        (a_request({"reference": "Patient/0"}, occurrenceDateTime="2026-11-22T08:30"), 422),
    ],
)
def test_an_order_that_cannot_be_is_named_and_kept(body: Any, status: int) -> None:
    _outcome(_send(Program(), "POST", "/fhir/ServiceRequest", body), status)
    assert InboundMessage.objects.get().acknowledgement_code == str(status)


def test_the_same_key_is_done_once_with_its_location() -> None:
    program, patient = Program(), a_patient()
    first, again = (_send(program, "POST", "/fhir/Patient", patient, Idempotency_Key="F-1") for _ in range(2))
    assert (again.status_code, again.content, again["Location"]) == (201, first.content, first["Location"])
    other = _send(program, "PUT", f"/fhir/Patient/{_json(first, 201)['id']}", a_patient())
    assert _outcome(other, 409)["details"]["coding"][0]["code"] == "QUANG-1004"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_resource_opens_to_its_scope_alone(kind: Any) -> None:
    assert _outcome(Client().get(f"/fhir/{kind.name}"), 401)["code"] == "login"
    others = Program([scope for scope in Scope if scope is not kind.scope])
    assert _outcome(others.call("GET", f"/fhir/{kind.name}"), 403)["code"] == "forbidden"
    _json(Program([kind.scope]).call("GET", f"/fhir/{kind.name}"))
    if kind.write_scope:
        reader = Program([scope for scope in Scope if scope is not kind.write_scope])
        _outcome(_send(reader, "POST", f"/fhir/{kind.name}", {"resourceType": kind.name}), 403)
    else:
        _outcome(_send(Program(), "POST", f"/fhir/{kind.name}", {}), 404)


def test_the_statement_tells_what_can_be_done_without_a_key() -> None:
    statement = _json(Client().get("/fhir/metadata"))
    assert statement == json.loads(json.dumps(capability_statement()))
    assert statement["fhirVersion"] == "4.0.1"
