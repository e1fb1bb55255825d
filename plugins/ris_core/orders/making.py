"""Orders made in the RIS: for a patient who is here already or a new one, one or several services at once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.devices.models import ImagingService
from ris_core.errors import InvalidValue, NotFound
from ris_core.identifiers import PatientIdentifier, PlacerOrderNumber
from ris_core.names import dicom_person_name
from ris_core.orders.finding import known_orders, lock_procedures
from ris_core.orders.models import ExamState, RequestedProcedure, ScheduledProcedureStep
from ris_core.orders.records import RIS_SOURCE
from ris_core.orders.rules import NOTHING_SAID, OrderedStep, OrderRequest, PatientCondition
from ris_core.orders.services import PlacedOrder, change_order, place_order
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import identifiers_of, present_patient

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what is mistaken for something else when it is read or typed."""

DUPLICATE_HOURS = 24
"""A further order of the same service within so many hours is worth a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPatient:
    """A person nobody has told us of yet."""

    full_name: str
    birth_date: str = ""
    """``YYYY``, ``YYYYMM`` or ``YYYYMMDD``."""
    sex: str = ""
    patient_number: str = ""
    """The hospital's; empty: one is made, until the HIS tells its own."""
    citizen_number: str = ""
    insurance_number: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What somebody at the counter says of an order."""

    service_ids: tuple[int, ...]
    priority: str = "ROUTINE"
    scheduled_at: datetime | None = None
    station_ae_title: str = ""
    room: str = ""
    requesting_physician: str = ""
    requesting_department: str = ""
    clinical_indication: str = ""
    comments: str = ""
    condition: PatientCondition = NOTHING_SAID


@transaction.atomic
def make_order(patient: int | NewPatient, new: NewOrder, actor: Actor) -> list[PlacedOrder]:
    """Place an order with one procedure for each service, all under one request.

    :param patient: the key of one who is here, or a new one
    :raises NotFound: no such patient, or a service that cannot be ordered (any more)
    :raises InvalidValue: nothing is ordered, or a value cannot be
    :raises OrderRefused: a rule does not take orders of this kind
    :raises IdentityConflict: a new patient's number is somebody else's
    """
    if not new.service_ids:
        raise InvalidValue("choose what is ordered", field="service")
    services = {row.pk: row for row in ImagingService.objects.filter(pk__in=new.service_ids, active=True)}
    if len(services) < len(set(new.service_ids)):
        raise NotFound("the service cannot be ordered any more", field="service")
    number = _free_number()
    details = details_of(patient) if isinstance(patient, int) else _details_of_new(patient)
    placed: list[PlacedOrder] = []
    for service in (services[key] for key in dict.fromkeys(new.service_ids)):
        step = OrderedStep(station_ae_title=new.station_ae_title, room=new.room)
        order = OrderRequest(
            source=RIS_SOURCE,
            placer_order_number=number,
            patient=details,
            service_code=service.code,
            service_coding_system=service.coding_system,
            service_name=service.name,
            modality=service.modality,
            priority=new.priority,
            scheduled_at=new.scheduled_at,
            requesting_physician=new.requesting_physician,
            requesting_department=new.requesting_department,
            clinical_indication=new.clinical_indication,
            comments=new.comments,
            condition=new.condition,
            ordered_at=timezone.now(),
            steps=(step,) if step != OrderedStep() else (),
        )
        placed.append(place_order(order, actor))
    return placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What a person changes of one procedure of an order; none where it stays."""

    priority: str | None = None
    scheduled_at: datetime | None = None
    station_ae_title: str = ""
    room: str = ""
    requesting_physician: str | None = None
    requesting_department: str | None = None
    clinical_indication: str | None = None
    comments: str | None = None
    condition: PatientCondition = NOTHING_SAID


@transaction.atomic
def amend_order(procedure_id: int, amendment: Amendment, actor: Actor) -> bool:
    """Change one procedure of an order, whoever placed it; whether anything has changed.

    :raises NotFound: no such procedure
    :raises TransitionRefused: it was cancelled, or the change comes too late
    """
    lock_procedures([procedure_id])  # before the patient, as whoever changes the order does
    procedure = RequestedProcedure.objects.filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("there is no such procedure", field="procedure")
    steps = ScheduledProcedureStep.objects.filter(procedure=procedure).order_by("pk")
    order = OrderRequest(
        source=procedure.source,
        placer_order_number=PlacerOrderNumber(procedure.placer_order_number),
        patient=details_of(procedure.patient_id),
        service_code=procedure.service_code,
        priority=amendment.priority,
        scheduled_at=amendment.scheduled_at,
        requesting_physician=amendment.requesting_physician,
        requesting_department=amendment.requesting_department,
        clinical_indication=amendment.clinical_indication,
        comments=amendment.comments,
        condition=amendment.condition,
        steps=tuple(
            OrderedStep(
                scheduled_procedure_step_id=step.scheduled_procedure_step_id,
                station_ae_title=amendment.station_ae_title,
                room=amendment.room,
            )
            for step in steps
        ),
    )
    return change_order(order, actor).changed


def duplicates(patient_id: int, service_ids: Sequence[int], at: datetime | None) -> list[RequestedProcedure]:
    """The patient's other orders of these services around ``at`` (now), cancelled ones left out."""
    near = timedelta(hours=DUPLICATE_HOURS)
    middle = at or timezone.now()
    services = ImagingService.objects.filter(pk__in=service_ids).values("code")
    found = RequestedProcedure.objects.filter(
        patient_id=patient_id, service_code__in=services, scheduled_at__range=(middle - near, middle + near)
    ).exclude(exam_state=ExamState.CANCELLED)
    return list(found.select_related("request").order_by("-scheduled_at")[:10])


def details_of(patient_id: int) -> PatientDetails:
    """A patient who is here, so that an order for them is recognised and changes nothing of them.

    :raises NotFound: no such patient
    """
    patient = present_patient(patient_id)
    known = sorted(identifiers_of(patient.pk), key=lambda row: not row.is_primary)
    return PatientDetails(
        identifiers=tuple(PatientIdentifier(row.value, row.issuer, row.kind) for row in known),
        full_name=patient.full_name,
        dicom_name=patient.dicom_name,
        birth_date=patient.birth_date or None,
        sex=patient.sex or None,
    )


def _details_of_new(new: NewPatient) -> PatientDetails:
    name = " ".join(new.full_name.split()).upper()
    family, _, given = name.partition(" ")
    dicom_name = dicom_person_name(family, given)
    if not given or len(dicom_name) > 64:
        raise InvalidValue("a name has a family name and a given name, 64 characters at most", field="full_name")
    site = settings.QUANG.site
    identifiers = []
    if new.patient_number.strip():
        identifiers.append(PatientIdentifier(new.patient_number.strip(), site.patient_id_issuer))
    if new.citizen_number.strip():
        identifiers.append(PatientIdentifier(new.citizen_number.strip(), "VN", "NI"))
    if new.insurance_number.strip():
        identifiers.append(PatientIdentifier(new.insurance_number.strip().upper(), "VN", "HC"))
    if not new.patient_number.strip():
        made = f"T{timezone.localtime():%y%m%d}{''.join(secrets.choice(_LETTERS) for _ in range(5))}"
        identifiers.insert(0, PatientIdentifier(made, RIS_SOURCE))
    return PatientDetails(
        identifiers=tuple(identifiers),
        full_name=name,
        dicom_name=dicom_name,
        birth_date=new.birth_date or None,
        sex=new.sex or None,
        phone=new.phone.strip() or None,
    )


def _free_number() -> PlacerOrderNumber:
    """``R261122-7KM3``: the day, and four characters that cannot be mistaken."""
    while True:
        letters = "".join(secrets.choice(_LETTERS) for _ in range(4))
        number = f"R{timezone.localtime():%y%m%d}-{letters}"
        if not known_orders(RIS_SOURCE, number):
            return PlacerOrderNumber(number)
