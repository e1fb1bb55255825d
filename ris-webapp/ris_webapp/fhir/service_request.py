"""ServiceRequest: an order, out and in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fhir.resources.R4B.servicerequest import ServiceRequest as ServiceRequestModel

from ris_core.errors import InvalidValue
from ris_core.identifiers import PlacerOrderNumber
from ris_core.orders.models import ExamState, FormerNumber, RequestedProcedure
from ris_core.orders.rules import DICOM_MODALITIES, NamedAs, OrderRequest, PractitionerNumber
from ris_core.patients.rules import PatientDetails
from ris_webapp.fhir.outcome import checked, valid
from ris_webapp.fhir.systems import DICOM, DICOM_UID, identifier, order_system, type_code

_PRIORITIES: Final = {"STAT": "stat", "HIGH": "urgent", "ROUTINE": "routine", "MEDIUM": "routine", "LOW": "routine"}
_PRIORITIES_IN: Final = {"stat": "STAT", "asap": "HIGH", "urgent": "HIGH", "routine": "ROUTINE"}
STATUSES: Final = {
    ExamState.CANCELLED: "revoked",
    ExamState.FINAL: "completed",
    ExamState.RETURNED: "completed",
}
"""Of an exam; ``active`` in every other state."""
ENDED: Final = frozenset({"revoked", "entered-in-error"})
"""Statuses by which a program cancels an order."""


def service_request_resource(procedure: RequestedProcedure) -> dict[str, Any]:
    """The order of one service."""
    request = procedure.request
    numbers = [
        identifier(order_system("placer", procedure.source), procedure.placer_order_number, "PLAC"),
        identifier(order_system("filler"), procedure.filler_order_number, "FILL"),
        identifier(order_system("accession"), request.accession_number, "ACSN"),
        {"system": order_system("procedure"), "value": procedure.requested_procedure_id},
        {"system": DICOM_UID, "value": f"urn:oid:{procedure.study_instance_uid}"},
    ]
    coding = {"code": procedure.service_code, "display": procedure.service_name}
    if procedure.service_coding_system:
        coding["system"] = coding_system(procedure.service_coding_system)
    resource: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "id": str(procedure.pk),
        "meta": {"lastUpdated": procedure.updated_at.isoformat()},
        "identifier": numbers,
        "status": STATUSES.get(ExamState(procedure.exam_state), "active"),
        "intent": "order",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "363679005", "display": "Imaging"}]}],
        "priority": _PRIORITIES[procedure.priority],
        "code": {"coding": [coding], "text": procedure.service_name},
        "orderDetail": [{"coding": [{"system": DICOM, "code": procedure.modality}]}],
        "subject": {"reference": f"Patient/{procedure.patient_id}", "display": procedure.patient.full_name},
        "occurrenceDateTime": procedure.scheduled_at.isoformat(),
        "authoredOn": request.ordered_at.isoformat(),
    }
    if request.requesting_physician:
        resource["requester"] = {"display": request.requesting_physician}
    if request.clinical_indication:
        resource["reasonCode"] = [{"text": request.clinical_indication}]
    return valid(ServiceRequestModel, resource)


def checked_service_request(body: object) -> dict[str, Any]:
    """What a program sent as a ServiceRequest, of the right form.

    :raises BodyInvalid: naming every wrong place
    :raises InvalidValue: it says what is not to be done
    """
    resource = checked(ServiceRequestModel, body)
    if resource.get("doNotPerform"):
        raise InvalidValue("an order not to perform something is not taken", field="ServiceRequest.doNotPerform")
    return resource


def read_service_request(
    resource: dict[str, Any], patient: PatientDetails, source: str, known: RequestedProcedure | None = None
) -> OrderRequest:
    """The order that a checked ServiceRequest is.

    :param known: the order that it changes; numbers and service that it leaves out stay
    :raises InvalidValue: naming the element that is missing or wrong
    """
    numbers = _numbers(resource.get("identifier", []), source)
    placer = known.placer_order_number if known else numbers.get("PLAC", "")
    if known and not _is_known_as(known, numbers.get("PLAC", "")):
        raise InvalidValue(
            f"the placer order number is not that of ServiceRequest/{known.pk}", field="ServiceRequest.identifier"
        )
    if not placer:
        raise InvalidValue("the placer order number is missing (type PLAC)", field="ServiceRequest.identifier")
    codings = resource.get("code", {}).get("coding", [])
    coding = codings[0] if codings else {}
    code = str(coding.get("code", "")) or (known.service_code if known else "")
    if not 1 <= len(code) <= 64:
        raise InvalidValue("the service's code has 1 to 64 characters", field="ServiceRequest.code.coding.code")
    priority = resource.get("priority")
    if priority is not None and priority not in _PRIORITIES_IN:
        raise InvalidValue(f"priority is one of {', '.join(_PRIORITIES_IN)}", field="ServiceRequest.priority")
    reasons = [_text(each) for each in resource.get("reasonCode", [])]
    system = str(coding.get("system", ""))
    return OrderRequest(
        source=source,
        placer_order_number=PlacerOrderNumber(placer),
        patient=patient,
        service_code=code,
        service_coding_system=_short(system) if coding else (known.service_coding_system if known else ""),
        service_name=(str(coding.get("display", "")) or str(resource.get("code", {}).get("text", "")))[:255],
        modality=_modality(resource),
        accession_number=numbers.get("ACSN", "")[:128],
        filler_order_number=numbers.get("FILL", ""),
        priority=_PRIORITIES_IN[priority] if priority else None,
        scheduled_at=_moment(resource, "occurrenceDateTime"),
        requesting_physician=resource["requester"].get("display", "")[:255] if "requester" in resource else None,
        practitioners=_requester(resource, source),
        clinical_indication="; ".join(filter(None, reasons))[:4000] if reasons else None,
        ordered_at=_moment(resource, "authoredOn"),
    )


def _requester(resource: dict[str, Any], source: str) -> dict[NamedAs, tuple[PractitionerNumber, ...]]:
    """Who requests, by the number of ``requester.identifier``; given by its assigner, its system, or the sender."""
    if "requester" not in resource:
        return {}
    number = resource["requester"].get("identifier", {})
    assigner = str(number.get("assigner", {}).get("display", "")) or _short(str(number.get("system", "")))
    issuer = assigner or source.partition("|")[2] or source
    identifier = str(number.get("value", "")).strip()
    if len(identifier) > 64 or len(issuer) > 128:
        raise InvalidValue("a doctor's number has at most 64 characters", field="ServiceRequest.requester.identifier")
    return {NamedAs.REQUESTING: (PractitionerNumber(identifier, issuer),) if identifier else ()}


def _is_known_as(known: RequestedProcedure, number: str) -> bool:
    """Whether ``number`` is the order's, or was before a person here gave it another."""
    if number.strip() in ("", known.placer_order_number):
        return True
    return known.former_numbers.filter(kind=FormerNumber.Kind.PLACER, value=number.strip()).exists()


def coding_system(short: str) -> str:
    """The URI of a hospital's own code system; one that is a URI already is itself."""
    return short if ":" in short else order_system("codes", short)


def _short(system: str) -> str:
    prefix = order_system("codes") + ":"
    return (system.removeprefix(prefix) if system.startswith(prefix) else system)[:64]


def _numbers(identifiers: list[dict[str, Any]], source: str) -> dict[str, str]:
    """The order's numbers by their type (HL7 table 0203), told by type or by system; an only one is the placer's."""
    by_system = {
        order_system("placer", source): "PLAC",
        order_system("filler"): "FILL",
        order_system("accession"): "ACSN",
    }
    found: dict[str, str] = {}
    for each in identifiers:
        kind = type_code(each) or by_system.get(str(each.get("system", "")), "")
        if not kind and len(identifiers) == 1:
            kind = "PLAC"
        if kind and each.get("value"):
            found.setdefault(kind, str(each["value"]))
    return found


def _modality(resource: dict[str, Any]) -> str:
    for detail in resource.get("orderDetail", []):
        for coding in detail.get("coding", []):
            if coding.get("system") == DICOM and coding.get("code") in DICOM_MODALITIES:
                return str(coding["code"])
    return ""


def _moment(resource: dict[str, Any], name: str) -> datetime | None:
    """A FHIR dateTime; a date alone is no moment and left to us.

    :raises InvalidValue: a time without an offset
    """
    text = str(resource.get(name, ""))
    if "T" not in text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue("no date and time of the calendar", field=f"ServiceRequest.{name}") from error
    if at.tzinfo is None:
        raise InvalidValue("a time needs its offset from UTC", field=f"ServiceRequest.{name}")
    return at


def _text(concept: dict[str, Any]) -> str:
    displays = [str(coding.get("display", "")) for coding in concept.get("coding", [])]
    return str(concept.get("text", "")) or next(filter(None, displays), "")
