"""What an event says: numbers and status, and the patient's name only where the webhook is allowed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ris_core.orders.models import RequestedProcedure
from ris_core.patients.services import identifiers_of


def compose(
    event: str, event_id: str, occurred_at: datetime, sent_at: datetime, procedure: RequestedProcedure, with_names: bool
) -> bytes:
    """The JSON of an event, in UTF-8."""
    primary = next((number for number in identifiers_of(procedure.patient_id) if number.is_primary), None)
    patient: dict[str, Any] = {"id": procedure.patient_id}
    if primary:
        patient["identifier"] = {"value": primary.value, "issuer": primary.issuer, "kind": primary.kind}
    if with_names:
        patient["full_name"] = procedure.patient.full_name
    body = {
        "id": event_id,
        "event": event,
        "occurred_at": occurred_at.isoformat(),
        "composed_at": sent_at.isoformat(),
        "order": {
            "id": procedure.pk,
            "source": procedure.source,
            "placer_order_number": procedure.placer_order_number,
            "filler_order_number": procedure.filler_order_number,
            "accession_number": procedure.request.accession_number,
            "status": procedure.exam_state,
            "modality": procedure.modality,
            "service_code": procedure.service_code,
            "study_instance_uid": procedure.study_instance_uid,
        },
        "patient": patient,
    }
    return msgspec.json.encode(body)
