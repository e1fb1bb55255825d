"""AuditEvent (FHIR R4): sealed events of the audit trail, for auditors' programs."""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B.auditevent import AuditEvent as AuditEventModel

from ris_core.audit.kinds import action_letter, event_code
from ris_core.audit.models import ActorKind, AuditEvent
from ris_webapp.fhir.outcome import valid
from ris_webapp.fhir.systems import base

DCM = "http://dicom.nema.org/resources/ontology/DCM"


def audit_event_resource(event: AuditEvent) -> dict[str, Any]:
    """One event: type by DICOM PS3.15 A.5, our own action as its subtype, patient and subject as entities."""
    code = event_code(event.action)
    agent: dict[str, Any] = {
        "type": {"coding": [{"system": f"{base()}:actor-kind", "code": event.kind}]},
        "altId": event.actor,
        "requestor": event.kind not in (ActorKind.SERVICE, ActorKind.DEVICE),
    }
    if event.role:
        agent["role"] = [{"coding": [{"system": f"{base()}:role", "code": event.role}]}]
    if event.address:
        agent["network"] = {"address": event.address, "type": "2"}
    entities: list[dict[str, Any]] = []
    if event.patient_id is not None:
        entities.append({"what": {"reference": f"Patient/{event.patient_id}"}})
    details = [
        {"type": name, "valueString": str(value)}
        for name, value in (("sequence", event.sequence), ("previous", event.previous), ("hash", event.hash))
    ]
    entities.append({"what": {"display": event.subject or event.action}, "detail": details})
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(event.pk),
        "type": {"system": DCM, "code": code.value, "display": code.meaning},
        "subtype": [{"system": f"{base()}:audit-action", "code": event.action}],
        "action": action_letter(event.action),
        "recorded": event.at.isoformat(),
        "outcome": "0" if event.success else "4",
        "agent": [agent],
        "source": {"observer": {"display": "Quang"}},
        "entity": entities,
    }
    if event.reason:
        resource["purposeOfEvent"] = [{"text": event.reason}]
    return valid(AuditEventModel, resource)
