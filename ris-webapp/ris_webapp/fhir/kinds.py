"""Every kind of resource that can be read: its rows, its form, its search parameters and who may read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from ris_core.access.scopes import Scope
from ris_core.audit.models import AuditEvent
from ris_core.delivery.outside import held_readings
from ris_core.names import folded
from ris_core.orders.models import ExamState
from ris_core.patients.models import Patient
from ris_core.reports.models import Document, Reading, ReportVersion
from ris_core.studies.models import LINKED_STATES, Study, StudyLink
from ris_webapp.api.caller import Caller
from ris_webapp.api.numbers import keys_of_orders
from ris_webapp.fhir.audit_event import audit_event_resource
from ris_webapp.fhir.patient import patient_resource
from ris_webapp.fhir.results import (
    REPORT_STATUSES,
    TASK_STATUSES,
    WITHDRAWN,
    diagnostic_report_resource,
    imaging_study_resource,
    task_resource,
)
from ris_webapp.fhir.search import Parameter, instants, reference_id, token
from ris_webapp.fhir.service_request import STATUSES, service_request_resource
from ris_webapp.fhir.systems import base, patient_system

NOTHING = Q(pk__in=())


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """One resource type."""

    name: str
    scope: Scope
    rows: Callable[[Caller], QuerySet[Any]]
    shown: Callable[[Any], dict[str, Any]]
    patient_of: Callable[[Any], int | None]
    parameters: tuple[Parameter, ...]
    writes: tuple[str, ...] = ()
    """``create``, ``update``."""
    write_scope: Scope | None = None


def _id(value: str) -> Q:
    return Q(pk=reference_id("", value))


def _patient(path: str) -> Callable[[str], Q]:
    def condition(value: str) -> Q:
        return Q(**{path: reference_id("Patient", value)})

    return condition


def _based_on(path: str) -> Callable[[str], Q]:
    def condition(value: str) -> Q:
        return Q(**{path: reference_id("ServiceRequest", value)})

    return condition


def _linked_to(value: str) -> Q:
    """Of studies: those of an order now; what was linked to it and taken away is somebody else's."""
    links = StudyLink.objects.filter(undone_at__isnull=True, procedure_id=reference_id("ServiceRequest", value))
    return Q(pk__in=links.values("study_id"))


def _patient_number(value: str) -> Q:
    system, code = token(value)
    found = Q(identifiers__value=code, identifiers__retired_at__isnull=True)
    if not system:
        return found
    fhir = settings.QUANG.fhir
    if system == fhir.citizen_id_system:
        return found & Q(identifiers__kind="NI")
    if system == fhir.insurance_card_system:
        return found & Q(identifiers__kind="HC")
    same = [
        number.pk
        for patient in Patient.objects.filter(found)[:50]
        for number in patient.identifiers.filter(value=code)
        if patient_system(number.kind, number.issuer) == system or number.issuer == system[:64]
    ]
    return Q(identifiers__pk__in=same)


_ORDER_NUMBERS = {
    "placer": ("placer_order_number",),
    "filler": ("filler_order_number",),
    "accession": ("request__accession_number", "request__sent_accession_number"),
    "procedure": ("requested_procedure_id",),
}


def _order_number(key: str) -> Callable[[str], Q]:
    """Any number of an order; with one of our systems, that one."""

    def condition(value: str) -> Q:
        system, code = token(value)
        fields = [
            field
            for name, its_fields in _ORDER_NUMBERS.items()
            if not system or system.startswith(f"{base()}:{name}")
            for field in its_fields
        ]
        return Q(**{f"{key}__in": keys_of_orders(code, *fields)})

    return condition


def _study_number(value: str) -> Q:
    """The StudyInstanceUID, or the accession number of an order that it is linked to; looked up as orders' are."""
    system, code = token(value)
    found = Q(study_instance_uid=code.removeprefix("urn:oid:"))
    if not system or system == f"{base()}:accession":
        links = StudyLink.objects.filter(undone_at__isnull=True, procedure__request__accession_number=code)
        found |= Q(pk__in=sorted(links.values_list("study_id", flat=True)))
    return found


def _status(words: dict[Any, str], other: str) -> Callable[[str], Q]:
    def condition(value: str) -> Q:
        if value == other:
            return ~Q(exam_state__in=list(words))
        return Q(exam_state__in=[state for state, word in words.items() if word == value])

    return condition


def _names(value: str) -> Q:
    """Nobody for a name without a letter, not everybody."""
    words = folded(value).split()
    found = Q() if words else NOTHING
    for word in words:
        found &= Q(search_key__contains=word)
    return found


def _birth_date(value: str) -> Q:
    digits = value.replace("-", "")
    return Q(birth_date__startswith=digits) if digits else NOTHING


def _orders(caller: Caller) -> QuerySet[Any]:
    return caller.visible_orders().select_related("request", "patient")


def _patients(caller: Caller) -> QuerySet[Any]:
    return caller.visible_patients().prefetch_related("identifiers")


def _studies(caller: Caller) -> QuerySet[Any]:
    """With the links to orders that it may see: another sender's numbers are not told."""
    links = StudyLink.objects.filter(undone_at__isnull=True, procedure__in=caller.visible_orders())
    studies = Study.objects.filter(state__in=LINKED_STATES, pk__in=links.values("study_id"))
    return studies.prefetch_related(Prefetch("links", links.select_related("procedure__request").order_by("pk")))


def _reports(caller: Caller) -> QuerySet[Any]:
    documents = Document.objects.defer("content")
    approved = ReportVersion.objects.filter(reading__procedure__in=caller.visible_orders())
    return (
        Reading.objects.filter(pk__in=approved.values("reading_id"))
        .exclude(held_readings())
        .select_related("procedure__request", "procedure__patient")
        .prefetch_related(
            "versions__approved_by", "versions__recall", Prefetch("versions__documents", documents), "procedure__links"
        )
    )


def _report_status(value: str) -> Q:
    """The status of the newest version."""
    recalled = Q(procedure__exam_state=ExamState.RECALLED)
    if value == WITHDRAWN:
        return recalled
    codes = [code for code, word in REPORT_STATUSES.items() if word == value]
    newer = ReportVersion.objects.filter(reading=OuterRef("reading"), number__gt=OuterRef("number"))
    return Q(pk__in=ReportVersion.objects.filter(~Exists(newer), status__in=codes).values("reading_id")) & ~recalled


def _common(updated: str) -> tuple[Parameter, ...]:
    return (Parameter("_id", "token", _id), Parameter("_lastUpdated", "date", instants(updated)))


KINDS: tuple[ResourceKind, ...] = (
    ResourceKind(
        "Patient",
        Scope.PATIENTS_READ,
        _patients,
        patient_resource,
        lambda patient: int(patient.pk),
        (
            *_common("updated_at"),
            Parameter("identifier", "token", _patient_number),
            Parameter("name", "string", _names),
            Parameter("birthdate", "date", _birth_date),
        ),
        ("create", "update"),
        Scope.PATIENTS_WRITE,
    ),
    ResourceKind(
        "ServiceRequest",
        Scope.ORDERS_READ,
        _orders,
        service_request_resource,
        lambda order: int(order.patient_id),
        (
            *_common("updated_at"),
            Parameter("identifier", "token", _order_number("pk")),
            Parameter("patient", "reference", _patient("patient_id")),
            Parameter("status", "token", _status(dict(STATUSES), "active")),
            Parameter("occurrence", "date", instants("scheduled_at")),
        ),
        ("create", "update"),
        Scope.ORDERS_WRITE,
    ),
    ResourceKind(
        "Task",
        Scope.ORDERS_READ,
        _orders,
        task_resource,
        lambda order: int(order.patient_id),
        (
            *_common("updated_at"),
            Parameter("focus", "reference", _based_on("pk")),
            Parameter("patient", "reference", _patient("patient_id")),
            Parameter("status", "token", _status(dict(TASK_STATUSES), "in-progress")),
            Parameter("business-status", "token", lambda value: Q(exam_state=token(value)[1])),
        ),
        ("create", "update"),
        Scope.ORDERS_WRITE,
    ),
    ResourceKind(
        "ImagingStudy",
        Scope.ORDERS_READ,
        _studies,
        imaging_study_resource,
        lambda study: int(study.patient_id),
        (
            *_common("updated_at"),
            Parameter("identifier", "token", _study_number),
            Parameter("patient", "reference", _patient("patient_id")),
            Parameter("basedon", "reference", _linked_to),
            Parameter("modality", "token", lambda value: Q(modalities__contains=token(value)[1])),
        ),
    ),
    ResourceKind(
        "DiagnosticReport",
        Scope.REPORTS_READ,
        _reports,
        diagnostic_report_resource,
        lambda reading: int(reading.procedure.patient_id),
        (
            *_common("updated_at"),
            Parameter("identifier", "token", _order_number("procedure_id")),
            Parameter("patient", "reference", _patient("procedure__patient_id")),
            Parameter("based-on", "reference", _based_on("procedure_id")),
            Parameter("status", "token", _report_status),
        ),
    ),
    ResourceKind(
        "AuditEvent",
        Scope.AUDIT_READ,
        lambda caller: AuditEvent.objects.filter(sequence__isnull=False),
        audit_event_resource,
        lambda event: None if event.patient_id is None else int(event.patient_id),
        (
            Parameter("_id", "token", _id),
            Parameter("date", "date", instants("at")),
            Parameter("patient", "reference", _patient("patient_id")),
            Parameter("altid", "token", lambda value: Q(actor=token(value)[1])),
            Parameter("subtype", "token", lambda value: Q(action=token(value)[1])),
            Parameter("outcome", "token", lambda value: Q(success=token(value)[1] == "0")),
            Parameter("address", "string", lambda value: Q(address=value)),
        ),
    ),
)

BY_NAME = {kind.name: kind for kind in KINDS}
