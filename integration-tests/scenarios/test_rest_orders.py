"""A HIS without HL7: it orders by REST, follows the exam and fetches the report by FHIR (R6, Q7, G1)."""

from __future__ import annotations

import functools

import pytest
import requests

from ris_testing.backends import RunningSuite
from ris_testing.modality import Modality, acquire
from ris_testing.orders import unique
from ris_testing.program import Program, make_api_key
from ris_testing.ris_user import log_in
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

SCOPES = ["orders:write", "orders:read", "patients:read", "reports:read"]


def test_an_order_by_rest_is_imaged_and_its_report_fetched_by_fhir(suite: RunningSuite) -> None:
    key = make_api_key(log_in(suite.public_url, suite.demo_logins(), "ADMINISTRATOR"), "EMR|BVQ", SCOPES)
    program = Program(suite.public_url, key)
    ct1 = Modality("CT1", suite.dicom.host, suite.dicom.port)
    order = {
        "placer_order_number": unique("PL"),
        "patient": {
            "identifiers": [{"value": unique("BN")}],
            "full_name": "TRẦN THỊ BƯỞI",
            "birth_date": "1975-05",
            "sex": "F",
        },
        "service": {"code": "CT.SONAO"},
        "accession_number": unique("AC"),
        "priority": "STAT",
    }

    once = unique("K")
    first, again = (program.call("POST", "/api/v1/orders", order, Idempotency_Key=once) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    placed = first.json()

    (answer,) = ct1.find_worklist(PatientID=order["patient"]["identifiers"][0]["value"])  # type: ignore[index]
    assert (str(answer.PatientName), answer.AccessionNumber) == ("TRẦN^THỊ BƯỞI", order["accession_number"])
    task = f"/fhir/Task/{placed['id']}"
    assert program.get(task)["status"] == "accepted"

    sent = ct1.store(acquire(answer))
    based_on = f"/fhir/ImagingStudy?basedon=ServiceRequest/{placed['id']}"
    program.wait_for(based_on, lambda found: "entry" in found)
    radiologist = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    radiologist.wait_for_images(placed["id"], sent)
    (entry,) = program.get(based_on)["entry"]
    assert entry["resource"]["identifier"][0]["value"] == f"urn:oid:{answer.StudyInstanceUID}"
    assert program.get(task)["status"] == "in-progress"

    radiologist.report(placed["id"], findings="Bình thường.", conclusion="Hiện không thấy bất thường.")
    report = program.wait_for(
        f"/fhir/DiagnosticReport?based-on={placed['id']}",
        lambda found: "presentedForm" in found.get("entry", [{"resource": {}}])[0]["resource"],
    )["entry"][0]["resource"]
    assert (report["status"], report["conclusion"]) == ("final", "Hiện không thấy bất thường.")
    pdf = program.call("GET", f"/fhir/{report['presentedForm'][0]['url']}")
    assert pdf.content.startswith(b"%PDF-")
    assert program.call("GET", f"/api/v1/orders/{placed['id']}/report/document").content == pdf.content
    assert program.get(task)["status"] == "completed"

    mistaken = program.call("POST", "/api/v1/orders", {**order, "placer_order_number": unique("PL")}).json()
    cancelled = program.call("POST", f"/api/v1/orders/{mistaken['id']}/cancel", {})
    assert cancelled.json()["status"] == "CANCELLED"
    assert not ct1.find_worklist(PatientID=order["patient"]["identifiers"][0]["value"])  # type: ignore[index]


def _unless_limited(program: Program, path: str) -> list[requests.Response]:
    answer = program.call("GET", path)
    return [] if answer.status_code == requests.codes.too_many_requests else [answer]


def test_without_its_key_nothing_is_told(suite: RunningSuite) -> None:
    stranger = Program(suite.public_url, "qk_aaaaaaaa_" + "x" * 43)
    for path in ("/api/v1/orders", "/fhir/Patient", "/fhir/ImagingStudy/1"):
        # whoever has tried many wrong keys within a minute, as attacks played before may have, is told nothing either
        refused = wait_until(functools.partial(_unless_limited, stranger, path), "the minute is over")
        assert [answer.status_code for answer in refused] == [401]
    assert stranger.call("GET", "/fhir/metadata").json()["fhirVersion"] == "4.0.1"
    assert "/api/v1/orders" in stranger.call("GET", "/api/v1/openapi.json").json()["paths"]
