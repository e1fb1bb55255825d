"""What programs send: patients and orders, in the words of the domain. An unknown member is an error, not ignored."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from ris_core.errors import InvalidValue
from ris_core.hl7.timestamps import read_date
from ris_core.identifiers import AETitle, PatientIdentifier, PlacerOrderNumber, StudyInstanceUID
from ris_core.names import dicom_person_name
from ris_core.orders.rules import (
    DICOM_MODALITIES,
    NamedAs,
    OrderedStep,
    OrderRequest,
    PractitionerNumber,
    VisitDetails,
)
from ris_core.patients.rules import PatientDetails


def _in_utc(moment: datetime) -> datetime:
    """With offsets that no place has, databases would not take it."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("before the year 1 or after 9999") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its offset from UTC."""


def _modality(value: str) -> str:
    if value and value not in DICOM_MODALITIES:
        raise ValueError("no DICOM modality (0008,0060)")
    return value


def _date(value: str) -> str:
    try:
        return read_date(value.replace("-", "")) if value else ""
    except InvalidValue as error:
        raise ValueError("no date of the calendar") from error


Code = Annotated[str, Field(min_length=1, max_length=64)]
Modality = Annotated[str, Field(max_length=16), AfterValidator(_modality)]
Date = Annotated[str, Field(pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$"), AfterValidator(_date)]
Text = Annotated[str, Field(max_length=4000)]
Line = Annotated[str, Field(max_length=255)]
Priority = Literal["STAT", "HIGH", "ROUTINE", "MEDIUM", "LOW"]


class _Strict(Schema):
    model_config = ConfigDict(extra="forbid")


class IdentifierIn(_Strict):
    """One number by which a patient is known."""

    value: Annotated[str, Field(min_length=1, max_length=64)]
    issuer: Annotated[str, Field(max_length=64, description="Who issued it; without it, the sender's facility")] = ""
    kind: Annotated[str, Field(max_length=16, description="HL7 table 0203: MR, NI (CCCD), HC (BHYT), …")] = "MR"

    def identifier(self, facility: str) -> PatientIdentifier:
        issuer = self.issuer or ("VN" if self.kind in ("NI", "HC") else facility)
        return PatientIdentifier(self.value.strip(), issuer, self.kind or "MR")


class PatientIn(_Strict):
    """A patient; a member that is left out is not changed, an empty text deletes what was known."""

    identifiers: Annotated[list[IdentifierIn], Field(min_length=1, max_length=20)]
    full_name: Annotated[str, Field(min_length=1, max_length=64, description="Family, middle, given name")]
    family_name: Annotated[str, Field(max_length=64, description="Where it is not the first word")] = ""
    birth_date: Annotated[Date | None, Field(description="YYYY, YYYY-MM or YYYY-MM-DD")] = None
    sex: Literal["M", "F", "O", ""] | None = None
    phone: Annotated[str, Field(max_length=64)] | None = None
    address: Line | None = None

    def details(self, facility: str) -> PatientDetails:
        """:raises InvalidValue: the name is empty, or devices cannot hold a number"""
        full_name, dicom_name = person_name(self.full_name, self.family_name)
        numbers = dict.fromkeys(each.identifier(facility) for each in self.identifiers)
        return PatientDetails(
            identifiers=tuple(sorted(numbers, key=lambda number: number.kind != "MR")),
            full_name=full_name,
            dicom_name=dicom_name,
            birth_date=self.birth_date,
            sex=self.sex,
            phone=self.phone,
            address=self.address,
        )


class ServiceIn(_Strict):
    """The ordered service, by the code of the hospital's catalogue."""

    code: Code
    coding_system: Annotated[str, Field(max_length=64)] = ""
    name: Line = ""


class VisitIn(_Strict):
    """The encounter that the order belongs to."""

    visit_number: Code
    issuer: Annotated[str, Field(max_length=64)] = ""
    patient_class: Literal["E", "I", "O", ""] = ""
    ward: Annotated[str, Field(max_length=128)] | None = None
    payment_state: Literal["UNPAID", "PAID", "COVERED", ""] = ""
    """Of the whole visit; empty: not said. An order's own is told by ``PUT /orders/{id}/payment``."""

    def details(self, facility: str) -> VisitDetails:
        return VisitDetails(
            visit_number=self.visit_number,
            issuer=self.issuer or facility,
            patient_class=self.patient_class,
            ward=self.ward,
            payment_state=self.payment_state,
        )


class PaymentIn(_Strict):
    """Whether an order is paid for."""

    state: Literal["UNPAID", "PAID", "COVERED", ""]
    """Empty: what the visit says."""


class StepIn(_Strict):
    """One piece of work as the sender plans it."""

    scheduled_procedure_step_id: Annotated[str, Field(max_length=16)] = ""
    modality: Modality = ""
    station_ae_title: Annotated[str, Field(max_length=16)] = ""
    room: Annotated[str, Field(max_length=64)] = ""
    scheduled_at: Moment | None = None
    description: Line = ""

    def step(self) -> OrderedStep:
        return OrderedStep(
            scheduled_procedure_step_id=self.scheduled_procedure_step_id,
            modality=self.modality,
            station_ae_title=AETitle(self.station_ae_title) if self.station_ae_title else "",
            room=self.room,
            scheduled_at=self.scheduled_at,
            description=self.description,
        )


class PractitionerIn(_Strict):
    """A doctor by number: one who has an account sees the order's result there once it is released."""

    named_as: NamedAs
    identifier: Annotated[str, Field(min_length=1, max_length=64)]
    issuer: Annotated[str, Field(max_length=128, description="Who gave the number; empty: the sender")] = ""


class _Said(_Strict):
    """What may be said of an order at first and changed later."""

    visit: VisitIn | None = None
    accession_number: Annotated[str, Field(max_length=128)] = ""
    priority: Priority | None = None
    scheduled_at: Annotated[Moment | None, Field(description="With its offset from UTC")] = None
    requesting_physician: Line | None = None
    practitioners: Annotated[list[PractitionerIn] | None, Field(max_length=20)] = None
    requesting_department: Line | None = None
    clinical_indication: Text | None = None
    steps: Annotated[list[StepIn], Field(max_length=20)] = []

    def numbers(self, facility: str) -> dict[NamedAs, tuple[PractitionerNumber, ...]]:
        """Whom it names by a number: all of them, where it says anything of them."""
        if self.practitioners is None:
            return {}
        return {
            part: tuple(
                dict.fromkeys(
                    PractitionerNumber(each.identifier.strip(), each.issuer.strip() or facility)
                    for each in self.practitioners
                    if each.named_as == part and each.identifier.strip()
                )
            )
            for part in NamedAs
        }


class OrderIn(_Said):
    """An order of one service for one patient."""

    placer_order_number: Annotated[str, Field(min_length=1, max_length=128)]
    patient: PatientIn
    service: ServiceIn
    modality: Annotated[Modality, Field(description="Needed where the catalogue does not know the service")] = ""
    filler_order_number: Annotated[str, Field(max_length=128)] = ""
    requested_procedure_id: Annotated[str, Field(max_length=16)] = ""
    study_instance_uid: Annotated[str, Field(max_length=64)] = ""
    ordered_at: Moment | None = None

    def request(self, source: str, facility: str) -> OrderRequest:
        """:raises InvalidValue: naming the field that the domain cannot hold"""
        return OrderRequest(
            source=source,
            placer_order_number=PlacerOrderNumber(self.placer_order_number),
            patient=self.patient.details(facility),
            service_code=self.service.code,
            service_coding_system=self.service.coding_system,
            service_name=self.service.name,
            modality=self.modality,
            visit=self.visit.details(facility) if self.visit else None,
            accession_number=self.accession_number,
            filler_order_number=self.filler_order_number,
            requested_procedure_id=self.requested_procedure_id,
            study_instance_uid=StudyInstanceUID(self.study_instance_uid) if self.study_instance_uid else None,
            priority=self.priority,
            scheduled_at=self.scheduled_at,
            requesting_physician=self.requesting_physician,
            practitioners=self.numbers(facility),
            requesting_department=self.requesting_department,
            clinical_indication=self.clinical_indication,
            ordered_at=self.ordered_at,
            steps=tuple(step.step() for step in self.steps),
        )


class OrderChangeIn(_Said):
    """What shall be otherwise; what is left out stays."""

    patient: PatientIn | None = None
    service: ServiceIn | None = None
    modality: Modality = ""


class CancelIn(_Strict):
    """How an order is ended."""

    discontinue: Annotated[bool, Field(description="Also end an acquisition that has begun")] = False


class BulkIn(_Strict):
    """Orders that are placed one by one: each has its own result."""

    orders: Annotated[list[OrderIn], Field(min_length=1)]


def person_name(full_name: str, family_name: str = "") -> tuple[str, str]:
    """A name as it is read and as PN: the family name is the first word of a Vietnamese name.

    :raises InvalidValue: nothing is left of it
    """
    words = re.sub(r"[\^=\\\x00-\x1f]", " ", full_name).split()
    family = " ".join(family_name.split())
    name = " ".join(words)
    if family and name.casefold().startswith(family.casefold() + " "):
        given = name[len(family) :].strip()
    elif family and (name.casefold() == family.casefold() or name.casefold().endswith(" " + family.casefold())):
        given = name[: -len(family)].strip()
    elif family:
        given = name
    else:
        family, given = (words[0] if words else ""), " ".join(words[1:])
    dicom_name = dicom_person_name(family, given)
    shown = name if name.casefold().startswith(family.casefold()) else f"{family} {given}".strip()
    if not dicom_name or len(dicom_name) > 64:
        raise InvalidValue("a name has 1 to 64 characters", field="PatientName")
    return shown, dicom_name
