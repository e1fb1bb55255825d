"""A result as a FHIR R4 transaction for a receiver's server: DiagnosticReport and DocumentReference, each put by its
own identifier, so that a repeat changes nothing and a later version takes the place of the former.

Patient, order and study are named by their identifiers (logical references): whoever receives has its own resources of
them. A recalled report is ``entered-in-error``: withdrawn after it was released (FHIR R4 diagnostic-report-status).
Systems of identifiers are given by the caller. Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from ris_core.delivery import cda
from ris_core.delivery.layout import Part
from ris_core.delivery.observations import recall_notice
from ris_core.delivery.result import REPORT_CODE, Result, Section
from ris_core.identifiers import PatientIdentifier

CONTENT_TYPE: Final = "application/fhir+json"
_REPORT_STATUS: Final = {"P": "preliminary", "F": "final", "C": "corrected"}
_DOC_STATUS: Final = {"P": "preliminary", "F": "final", "C": "amended"}
_WITHDRAWN: Final = "entered-in-error"
_RADIOLOGY: Final = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}
_LOINC: Final = "http://loinc.org"


@dataclass(frozen=True, slots=True)
class Systems:
    """Which URI stands for which kind of number."""

    patient: Callable[[PatientIdentifier], str]
    order: Callable[[str], str]
    """By kind: ``placer``, ``report``, ``document``, ``document-version``."""


def compose(result: Result, systems: Systems) -> bytes:
    """The Bundle in JSON."""
    entries = [
        _entry(_diagnostic_report(result, systems), systems.order("report"), result.report_id),
        _entry(_document_reference(result, systems), systems.order("document"), result.report_id),
    ]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    if result.test:
        bundle["meta"] = {"tag": [_TEST]}
    return msgspec.json.encode(bundle)


_TEST: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


def _entry(resource: dict[str, Any], system: str, value: str) -> dict[str, Any]:
    identifier = quote(f"{system}|{value}", safe="")
    return {
        "fullUrl": f"urn:quang:{resource['resourceType'].lower()}:{quote(value, safe='')}",
        "resource": resource,
        "request": {"method": "PUT", "url": f"{resource['resourceType']}?identifier={identifier}"},
    }


def _diagnostic_report(result: Result, systems: Systems) -> dict[str, Any]:
    conclusion = next((section.text for section in result.sections if section.name == "conclusion"), "")
    coding = {"code": result.service_code, "display": result.service_name}
    resource: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "identifier": [{"system": systems.order("report"), "value": result.report_id}],
        "basedOn": [_order(result, systems)],
        "status": _WITHDRAWN if result.recalled else _REPORT_STATUS[result.status],
        "category": [{"coding": [_RADIOLOGY]}],
        "code": {"coding": [coding], "text": result.service_name},
        "subject": _patient(result, systems),
        "effectiveDateTime": result.observed_at.isoformat(),
        "issued": (result.recalled.recalled_at if result.recalled else result.approved_at).isoformat(),
        "resultsInterpreter": [_interpreter(result)],
    }
    if result.study_uids:
        resource["imagingStudy"] = [
            {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}}
            for uid in result.study_uids
        ]
    if result.recalled:
        return {**resource, "conclusion": recall_notice(result)}
    if conclusion:
        resource["conclusion"] = conclusion
    resource["presentedForm"] = _attachments(result)
    resource["text"] = {"status": "generated", "div": _narrative(result.sections)}
    return resource


def _document_reference(result: Result, systems: Systems) -> dict[str, Any]:
    loinc, meaning = REPORT_CODE
    return {
        "resourceType": "DocumentReference",
        "masterIdentifier": {"system": systems.order("document-version"), "value": result.document_id},
        "identifier": [{"system": systems.order("document"), "value": result.report_id}],
        "status": _WITHDRAWN if result.recalled else "current",
        "docStatus": _WITHDRAWN if result.recalled else _DOC_STATUS[result.status],
        "type": {"coding": [{"system": _LOINC, "code": loinc, "display": meaning}]},
        "subject": _patient(result, systems),
        "date": result.approved_at.isoformat(),
        "author": [_interpreter(result)],
        "description": recall_notice(result) if result.recalled else result.service_name,
        # content is required (1..*): of a withdrawn document nothing but its title is left
        "content": [
            {"attachment": attachment}
            for attachment in ([{"title": "Kết quả đã bị thu hồi"}] if result.recalled else _attachments(result))
        ],
        "context": {"related": [_order(result, systems)]},
    }


def _attachments(result: Result) -> list[dict[str, Any]]:
    """The files that the receiver's layout names, and the link; the PDF when it names none."""
    title, created = result.service_name, result.approved_at.isoformat()
    attachments: list[dict[str, Any]] = []
    for part in result.layout.parts:
        if part in _FILES:
            kind, data = _FILES[part]
            attachments.append({**_inline(kind, data(result)), "language": "vi", "title": title, "creation": created})
        elif part is Part.LINK and result.viewer_url:
            attachments.append({"contentType": "text/html", "url": result.viewer_url, "title": "Ảnh và kết quả"})
        elif part is Part.SIGNED_XML and result.signed_xml:
            attachments.append({**_inline("text/xml", result.signed_xml), "title": title, "creation": created})
        elif part is Part.IMAGES:
            attachments += [{**_inline(_JPEG, image.jpeg), "title": image.title} for image in result.images]
        elif part is Part.IMAGE_LINKS:
            attachments += [{"contentType": _JPEG, "url": image.url, "title": image.title} for image in result.images]
    return attachments or [_inline("application/pdf", result.pdf)]


def _inline(kind: str, data: bytes) -> dict[str, Any]:
    return {"contentType": kind, "data": base64.b64encode(data).decode("ascii")}


_JPEG: Final = "image/jpeg"
_FILES: Final[dict[Part, tuple[str, Callable[[Result], bytes]]]] = {
    Part.PDF: ("application/pdf", lambda result: result.pdf),
    Part.CDA: ("text/xml", cda.compose),
}


def _order(result: Result, systems: Systems) -> dict[str, Any]:
    return {
        "type": "ServiceRequest",
        "identifier": {"system": systems.order("placer"), "value": result.placer_order_number},
        "display": result.accession_number,
    }


def _patient(result: Result, systems: Systems) -> dict[str, Any]:
    reference: dict[str, Any] = {"type": "Patient"}
    if result.patient_identifiers:
        primary = result.patient_identifiers[0]
        reference["identifier"] = {"system": systems.patient(primary), "value": primary.value}
    return reference


def _interpreter(result: Result) -> dict[str, str]:
    return {"display": f"{result.interpreter.title} {result.interpreter.full_name}".strip()}


def _narrative(sections: Iterable[Section]) -> str:
    parts = "".join(f"<h3>{_xhtml(each.heading)}</h3><p>{_xhtml(each.text)}</p>" for each in sections if each.text)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{parts}</div>'


def _xhtml(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("\n", "<br/>")
