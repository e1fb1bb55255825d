"""A result as JSON for a receiver's own program, posted and signed as webhooks are. Pure."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from ris_core.delivery import cda
from ris_core.delivery.layout import Part
from ris_core.delivery.result import Result

EVENT = "result"


def compose(result: Result) -> bytes:
    """The JSON in UTF-8: numbers, state, text, and the files that the receiver's layout names."""
    recalled = result.recalled
    body: dict[str, Any] = {
        "id": result.control_id,
        "event": EVENT,
        "test": result.test,
        "composed_at": result.composed_at.isoformat(),
        "report": {
            "id": result.report_id,
            "version": result.version_number,
            "replaces_version": result.former_number or None,
            "status": "recalled" if recalled else _STATUS[result.status],
            "approved_at": result.approved_at.isoformat(),
            "approved_by": {
                "user_name": result.interpreter.user_name,
                "full_name": result.interpreter.full_name,
                "title": result.interpreter.title,
            },
            "recalled": {"at": recalled.recalled_at.isoformat(), "reason": recalled.reason} if recalled else None,
        },
        "order": {
            "placer_order_number": result.placer_order_number,
            "filler_order_number": result.filler_order_number,
            "accession_number": result.accession_number,
            "requested_procedure_id": result.requested_procedure_id,
            "service_code": result.service_code,
            "service_name": result.service_name,
            "modality": result.modality,
            "observed_at": result.observed_at.isoformat(),
            "study_instance_uids": list(result.study_uids),
        },
        "patient": {
            "identifiers": [
                {"value": each.value, "issuer": each.issuer, "kind": each.kind} for each in result.patient_identifiers
            ],
            "name": result.patient_name,
            "birth_date": result.birth_date,
            "sex": result.sex,
            "visit_number": result.visit_number,
        },
    }
    if not recalled:
        body["content"] = _content(result)
    return msgspec.json.encode(body)


_STATUS = {"P": "preliminary", "F": "final", "C": "corrected"}


def _content(result: Result) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for part in result.layout.parts:
        match part:
            case Part.SECTIONS | Part.WHOLE_TEXT:
                content["sections"] = {section.name: section.text for section in result.sections if section.text}
            case Part.LINK if result.viewer_url:
                content["link"] = result.viewer_url
            case Part.PDF:
                content["pdf"] = base64.b64encode(result.pdf).decode("ascii")
            case Part.SIGNED_XML if result.signed_xml:
                content["signed_xml"] = base64.b64encode(result.signed_xml).decode("ascii")
            case Part.CDA:
                content["cda"] = base64.b64encode(cda.compose(result)).decode("ascii")
            case Part.IMAGES:
                content["images"] = [
                    {"sop_instance_uid": image.sop_instance_uid, "jpeg": base64.b64encode(image.jpeg).decode("ascii")}
                    for image in result.images
                ]
            case Part.IMAGE_LINKS:
                content["image_links"] = [
                    {"sop_instance_uid": image.sop_instance_uid, "url": image.url} for image in result.images
                ]
    return content
