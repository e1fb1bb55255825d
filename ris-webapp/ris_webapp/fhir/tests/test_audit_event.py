"""AuditEvent: sealed events for auditors' keys, and for nobody else's (P16, P20)."""

from __future__ import annotations

import pytest
from fhir.resources.R4B.auditevent import AuditEvent as Model

from ris_core.access.scopes import Scope
from ris_core.audit.models import AuditEvent
from ris_core.audit.sealing import seal_events
from ris_core.audit.services import Actor, record
from ris_testing.exams import an_exam
from ris_webapp.api.tests.programs import Program

pytestmark = pytest.mark.django_db
LAN = Actor("bs_lan", address="10.0.0.7", role="RADIOLOGIST")


def test_an_auditors_program_reads_sealed_events_by_patient_person_and_time() -> None:
    exam = an_exam()
    record(LAN, "exam.opened", subject=f"exam:{exam.pk}", patient_id=exam.patient_id, reason="Hội chẩn")
    record(LAN, "user.login_failed", success=False)
    seal_events()
    record(LAN, "exam.viewed", patient_id=exam.patient_id)
    program = Program([Scope.AUDIT_READ])
    for query, count in (
        (f"patient=Patient/{exam.patient_id}", 1),
        ("altid=bs_lan", 2),
        ("altid=bs_lan&outcome=4", 1),
        ("subtype=exam.opened", 1),
        ("altid=bs_lan&date=ge2199-01-01", 0),
    ):
        bundle = program.get(f"/fhir/AuditEvent?{query}")
        assert len(bundle.get("entry", [])) == count, query
    opened = AuditEvent.objects.get(action="exam.opened")
    resource = program.get(f"/fhir/AuditEvent/{opened.pk}")
    Model.model_validate(resource)
    assert (resource["action"], resource["outcome"], resource["agent"][0]["altId"]) == ("R", "0", "bs_lan")
    assert {"type": "hash", "valueString": opened.hash} in resource["entity"][-1]["detail"]


def test_other_keys_are_refused() -> None:
    assert Program([Scope.PATIENTS_READ, Scope.ORDERS_READ]).call("GET", "/fhir/AuditEvent").status_code == 403
