"""What programs write: Patient, ServiceRequest and Task, one by one or together in a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.task import Task

from ris_core.access.errors import ScopeMissing
from ris_core.access.scopes import Scope
from ris_core.errors import IdentityConflict, InvalidValue, NotFound, TransitionRefused
from ris_core.orders.ending import cancel_order
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.orders.services import PlacedOrder, change_order, place_order
from ris_core.patients.consequences import details_changed
from ris_core.patients.models import Patient
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import find_patient, present_patient, record_patient
from ris_webapp.api.caller import Caller
from ris_webapp.api.orders import found_order, known_details, own_order
from ris_webapp.fhir.outcome import checked, valid
from ris_webapp.fhir.patient import patient_resource, read_patient
from ris_webapp.fhir.references import References, refuse_repeated
from ris_webapp.fhir.results import task_resource
from ris_webapp.fhir.search import full_url, reference_id
from ris_webapp.fhir.service_request import (
    ENDED,
    checked_service_request,
    read_service_request,
    service_request_resource,
)
from ris_webapp.fhir.systems import patient_identifier

MOST_ENTRIES: Final = 100
_ORDER: Final = ("Patient", "ServiceRequest", "Task")
"""In which the entries of a transaction are carried out, whatever their order in the Bundle (R4 3.1.0.11.2)."""
_CANCELLING: Final = frozenset({"cancelled", "rejected", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class Written:
    """What a write has become."""

    kind: str
    key: int
    created: bool
    resource: dict[str, Any]

    @property
    def status(self) -> int:
        return 201 if self.created else 200

    @property
    def location(self) -> str:
        return full_url(self.kind, self.key)


def write(caller: Caller, kind: str, body: object, key: int | None, references: References) -> Written:
    """Create (``key`` none) or update one resource.

    :param references: as the same transaction makes them
    :raises QuangError: naming what is wrong
    """
    if key is not None and isinstance(body, dict) and body.get("id", str(key)) != str(key):
        raise InvalidValue("the id is not the one of the address", field=f"{kind}.id")
    return _WRITERS[kind](caller, body, key, references)


def transaction(caller: Caller, body: object) -> dict[str, Any]:
    """Carry out every entry of a Bundle, or none: patients first, then orders, then tasks.

    :raises InvalidValue: no transaction, or an entry that cannot be part of one
    """
    if isinstance(body, dict) and isinstance(body.get("entry"), list) and len(body["entry"]) > MOST_ENTRIES:
        raise InvalidValue(f"at most {MOST_ENTRIES} entries", field="Bundle.entry")
    bundle = checked(Bundle, body)
    if bundle.get("type") != "transaction":
        raise InvalidValue("the Bundle is no transaction; batches are not taken", field="Bundle.type")
    entries = bundle.get("entry", [])
    refuse_repeated(entries)
    answers: list[dict[str, Any]] = [{} for _ in entries]
    references = References()
    for kind in _ORDER:
        for index, entry in enumerate(entries):
            resource = entry.get("resource", {})
            if resource.get("resourceType") != kind:
                continue
            written = write(caller, kind, resource, _key(kind, entry, index), references.within(entry))
            references.remember(kind, entry, written.key, created=entry["request"]["method"] == "POST")
            answers[index] = {
                "fullUrl": written.location,
                "response": {"status": str(written.status), "location": written.location},
            }
    for index, answer in enumerate(answers):
        if not answer:
            raise InvalidValue(f"an entry is one of {', '.join(_ORDER)}", field=f"Bundle.entry[{index}].resource")
    response: dict[str, Any] = {"resourceType": "Bundle", "type": "transaction-response"}
    return valid(Bundle, {**response, "entry": answers} if answers else response)


def _key(kind: str, entry: dict[str, Any], index: int) -> int | None:
    request = entry.get("request", {})
    method, url = request.get("method"), str(request.get("url", ""))
    if method == "POST" and url == kind:
        return None
    if method == "PUT" and url.startswith(f"{kind}/") and (key := reference_id(kind, url)):
        return key
    raise InvalidValue(f"POST {kind} or PUT {kind}/id", field=f"Bundle.entry[{index}].request")


def _write_patient(caller: Caller, body: object, key: int | None, references: References) -> Written:
    caller.require(Scope.PATIENTS_WRITE)
    details = read_patient(body, caller.facility)
    known = next(filter(None, map(find_patient, details.identifiers)), None)
    if key is not None and (known is None or known.pk != key):
        raise IdentityConflict(
            f"the identifiers are not those of Patient/{key}; send at least one that this patient has",
            field="Patient.identifier",
        )
    patient, identifiers, corrected = record_patient(details, caller.actor)
    if corrected:
        details_changed(patient, identifiers, corrected)
    resource = patient_resource(Patient.objects.get(pk=patient.pk))
    return Written("Patient", patient.pk, known is None, resource)


def _write_service_request(caller: Caller, body: object, key: int | None, references: References) -> Written:
    caller.require(Scope.ORDERS_WRITE)
    resource = checked_service_request(body)
    known = own_order(caller, key) if key is not None else None
    status = resource.get("status")
    if known is not None and status in ENDED:
        return _ended(caller, "ServiceRequest", known)
    if status != "active" or resource.get("intent") != "order":
        raise InvalidValue("an order is active and has the intent order", field="ServiceRequest.status")
    patient = _subject(caller, resource, references)
    order = read_service_request(resource, patient, caller.source, known)
    placed = change_order(order, caller.actor) if known else place_order(order, caller.actor)
    return Written("ServiceRequest", placed.procedure_id, placed.changed and known is None, _shown_order(placed))


def _write_task(caller: Caller, body: object, key: int | None, references: References) -> Written:
    """A Task that asks for the end of an order (``abort``), or the order's own Task set to ``cancelled``.

    Any other status is known here and not told by a program.
    """
    caller.require(Scope.ORDERS_WRITE)
    task = checked(Task, body)
    focus = str(task.get("focus", {}).get("reference", ""))
    order_id = key if key is not None else reference_id("ServiceRequest", references.resolved(focus))
    order = own_order(caller, order_id)
    codes = [coding.get("code") for coding in task.get("code", {}).get("coding", [])]
    if ("abort" in codes) if key is None else (task.get("status") in _CANCELLING):
        return _ended(caller, "Task", order)
    present = task_resource(order)
    if ("fulfill" in codes) if key is None else (task.get("status") == present["status"]):
        return Written("Task", order.pk, False, present)
    raise InvalidValue(
        "how far an exam is is known here; set the status cancelled, or create a Task with the code abort",
        field="Task.status",
    )


def _ended(caller: Caller, kind: str, order: RequestedProcedure) -> Written:
    cancel_order(
        order.source, order.placer_order_number, caller.actor, service_code=order.service_code, discontinue=False
    )
    ended = found_order(caller, order.pk)
    if ended.exam_state != ExamState.CANCELLED:
        raise TransitionRefused(
            "the acquisition has begun, the order can no longer be cancelled", field=f"{kind}.status"
        )
    resource = task_resource(ended) if kind == "Task" else service_request_resource(ended)
    return Written(kind, ended.pk, False, resource)


def _subject(caller: Caller, resource: dict[str, Any], references: References) -> PatientDetails:
    """Whom the order is for: a patient here (by id or by number), contained, or of the same transaction.

    :raises NotFound: nobody here
    :raises IdentityConflict: reference and number are those of two people
    :raises ScopeMissing: the key neither reads patients nor has an order of this one: ids could be tried for names
    """
    subject = resource.get("subject", {})
    reference = str(subject.get("reference", ""))
    if reference.startswith("#"):
        for contained in resource.get("contained", []):
            if contained.get("resourceType") == "Patient" and contained.get("id") == reference[1:]:
                return read_patient(contained, caller.facility)
    number = patient_identifier(subject["identifier"], caller.facility) if "identifier" in subject else None
    numbered = find_patient(number) if number else None
    patient = _here(reference_id("Patient", references.resolved(reference))) if reference else numbered
    if not _may_name(caller, patient):
        raise ScopeMissing(
            "a patient who has no order of this sender is named by keys with the scope patients:read alone; send them "
            "contained, with name and birth date",
            field="ServiceRequest.subject",
        )
    if patient is None:
        raise NotFound(
            "the patient is not here; create them first, in the same transaction or contained",
            field="ServiceRequest.subject",
        )
    if number and (numbered is None or numbered.pk != patient.pk):
        raise IdentityConflict(
            f"the identifier is not that of Patient/{patient.pk}", field="ServiceRequest.subject.identifier"
        )
    return known_details(patient.pk)


def _here(key: int) -> Patient | None:
    """The patient, or who they are now."""
    return present_patient(key) if Patient.objects.filter(pk=key).exists() else None


def _may_name(caller: Caller, patient: Patient | None) -> bool:
    if {Scope.PATIENTS_READ, Scope.PATIENTS_WRITE} & set(caller.key.scopes):
        return True
    return patient is not None and caller.visible_orders().filter(patient_id=patient.pk).exists()


def _shown_order(placed: PlacedOrder) -> dict[str, Any]:
    found = RequestedProcedure.objects.select_related("request", "patient").get(pk=placed.procedure_id)
    return service_request_resource(found)


_WRITERS: dict[str, Callable[[Caller, object, int | None, References], Written]] = {
    "Patient": _write_patient,
    "ServiceRequest": _write_service_request,
    "Task": _write_task,
}
