"""What an order asks for, and the decisions about it that need no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ris_core.errors import InvalidValue
from ris_core.identifiers import AccessionNumber, PlacerOrderNumber, StudyInstanceUID
from ris_core.patients.rules import PatientDetails

DICOM_MODALITIES = frozenset((
    "AR", "ASMT", "AU", "BDUS", "BI", "BMD", "CFM", "CR", "CT", "CTPROTOCOL", "DG", "DMS", "DOC", "DX", "ECG",
    "EEG", "EMG", "EOG", "EPS", "ES", "FID", "GM", "HC", "HD", "IO", "IOL", "IVOCT", "IVUS", "KER", "KO", "LEN",
    "LS", "MG", "MR", "NM", "OAM", "OCT", "OP", "OPM", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA",
    "PLAN", "POS", "PR", "PT", "PX", "REG", "RESP", "RF", "RG", "RTDOSE", "RTIMAGE", "RTINTENT", "RTPLAN",
    "RTRAD", "RTRECORD", "RTSEGANN", "RTSTRUCT", "RWV", "SEG", "SM", "SMR", "SR", "SRF", "STAIN", "TEXTUREMAP",
    "TG", "US", "VA", "XA", "XC", "XAPROTOCOL",
))  # fmt: skip
"""Defined terms of Modality (0008,0060), PS3.3 C.7.3.1.1.1."""


MOST_WEIGHT_KG = Decimal(700)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitDetails:
    """An encounter as a message tells of it."""

    visit_number: str
    issuer: str = ""
    patient_class: str = ""
    ward: str | None = None
    payment_state: str = ""
    """UNPAID, PAID or COVERED (:class:`ris_core.orders.models.PaymentState`); empty: not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedStep:
    """One piece of work as the sender planned it; empty where it leaves the plan to us."""

    scheduled_procedure_step_id: str = ""
    modality: str = ""
    station_ae_title: str = ""
    room: str = ""
    scheduled_at: datetime | None = None
    description: str = ""
    protocol_code: str = ""
    """Its name is ``description``."""
    protocol_coding_system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCondition:
    """What those who perform the exam must know of the patient; none where nothing is said, empty to delete it."""

    allergies: str | None = None
    pregnancy_status: int | None = None
    """1 no, 2 possibly, 3 definitely, 4 unknown (0010,21C0)."""
    patient_weight_kg: Decimal | None = None
    patient_state: str | None = None
    isolation: str | None = None
    transport: str | None = None

    def __post_init__(self) -> None:
        if self.pregnancy_status not in (None, 1, 2, 3, 4):
            raise InvalidValue("a pregnancy status is 1, 2, 3 or 4 (0010,21C0)", field="pregnancy_status")
        weight = self.patient_weight_kg
        if weight is not None and not (weight.is_finite() and Decimal("0.1") <= weight <= MOST_WEIGHT_KG):
            raise InvalidValue(f"a weight is 0.1 to {MOST_WEIGHT_KG} kg", field="patient_weight_kg")

    def said(self) -> dict[str, object]:
        """What is said, by field."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


NOTHING_SAID = PatientCondition()


class NamedAs(StrEnum):
    """What a doctor has to do with an order."""

    REQUESTING = "REQUESTING"
    REFERRING = "REFERRING"
    COPY = "COPY"


@dataclass(frozen=True, slots=True)
class PractitionerNumber:
    """A doctor's number with who gave it; only both together name somebody."""

    identifier: str
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One ordered imaging service. None where the sender says nothing, empty where it says "delete"."""

    source: str
    """Who orders: ``MSH-3|MSH-4``, or ``RIS``; with the placer order number the order's identity."""
    placer_order_number: PlacerOrderNumber
    patient: PatientDetails
    service_code: str
    service_coding_system: str = ""
    service_name: str = ""
    modality: str = ""
    """The sender's hint, used when the catalogue does not know the service."""
    visit: VisitDetails | None = None
    accession_number: str = ""
    """As sent; may be too long or taken (invariant 5)."""
    filler_order_number: str = ""
    requested_procedure_id: str = ""
    study_instance_uid: StudyInstanceUID | None = None
    priority: str | None = None
    scheduled_at: datetime | None = None
    requesting_physician: str | None = None
    practitioners: Mapping[NamedAs, tuple[PractitionerNumber, ...]] = field(default_factory=dict)
    """Whom it names by a number; a part that is not there is one of which nothing is said."""
    requesting_department: str | None = None
    clinical_indication: str | None = None
    comments: str | None = None
    condition: PatientCondition = NOTHING_SAID
    procedure_code: str = ""
    """When what is performed has a code of its own beside the service's (OBR-44)."""
    procedure_coding_system: str = ""
    procedure_name: str = ""
    ordered_at: datetime | None = None
    steps: tuple[OrderedStep, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What the catalogue of imaging services says of a service code."""

    coding_system: str
    name: str
    modality: str
    station_ae_title: str
    room: str


def chosen_entry(entries: list[CatalogueEntry], coding_system: str) -> CatalogueEntry | None:
    """The entry with the order's coding system, else the only one there is."""
    for entry in entries:
        if entry.coding_system == coding_system:
            return entry
    return entries[0] if len(entries) == 1 else None


def modality_of(order: OrderRequest, entry: CatalogueEntry | None) -> str:
    """The order's modality: of its first step, of the catalogue, of the sender's hint, or a service code that is one.

    :raises InvalidValue: when none of them tells it
    """
    planned = order.steps[0].modality if order.steps else ""
    code = order.service_code.upper()
    modality = planned or (entry.modality if entry else "") or order.modality
    if not modality and code in DICOM_MODALITIES:
        modality = code
    if not modality:
        raise InvalidValue(
            "the service is not in the catalogue and the message tells no modality; add the service to the catalogue, "
            "or send the modality",
            field="service_code",
        )
    return modality


def usable_accession_number(sent: str) -> AccessionNumber | None:
    """``sent`` as a DICOM accession number; none when it is empty or does not fit (SH, 16 characters)."""
    try:
        return AccessionNumber(sent)
    except InvalidValue:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContent:
    """What an order that is here says, as far as a sender can say it again or change it."""

    service_code: str
    accession_numbers: tuple[str, ...]
    """Ours, and the one the sender gave when ours is another."""
    priority: str
    scheduled_at: datetime
    requesting_physician: str
    requesting_department: str
    clinical_indication: str
    comments: str = ""
    condition: PatientCondition = NOTHING_SAID


_DESCRIPTIVE = ("priority", "requesting_physician", "requesting_department", "clinical_indication", "comments")


def changes(content: OrderContent, order: OrderRequest) -> dict[str, object]:
    """What ``order`` says otherwise than ``content``, by field; what it does not say is no change."""
    different: dict[str, object] = {}
    if order.service_code != content.service_code:
        different["service_code"] = order.service_code
    sent_number = order.accession_number.strip()
    if sent_number and sent_number not in content.accession_numbers:
        different["accession_number"] = sent_number
    if order.scheduled_at is not None and order.scheduled_at != content.scheduled_at:
        different["scheduled_at"] = order.scheduled_at
    for name in _DESCRIPTIVE:
        said = getattr(order, name)
        if said is not None and said != getattr(content, name):
            different[name] = said
    for name, value in order.condition.said().items():
        if value != (getattr(content.condition, name) or type(value)()):
            different[name] = value
    return different


def needs_open_steps(different: dict[str, object]) -> list[str]:
    """Those of :func:`changes` that are impossible once the acquisition has begun."""
    return [name for name in different if name in ("service_code", "scheduled_at")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalConditions:
    """A kind of order that is not taken; what is empty is not asked for."""

    reason: str
    source: str = ""
    service_code: str = ""
    """A code, or its beginning with ``*``."""
    modality: str = ""
    patient_class: str = ""
    requesting_department: str = ""
    priority: str = ""


_EXACT = ("source", "modality", "patient_class", "requesting_department", "priority")


def refusing_rule(rules: Iterable[RefusalConditions], order: OrderRequest, modality: str) -> RefusalConditions | None:
    """The first of ``rules`` whose every given condition holds for ``order``; none when it may be taken.

    :param modality: as planned: of the catalogue, or the sender's
    """
    told = {
        "source": order.source,
        "modality": modality,
        "patient_class": order.visit.patient_class if order.visit else "",
        "requesting_department": order.requesting_department or "",
        "priority": order.priority or "ROUTINE",
    }
    for rule in rules:
        agrees = all(not getattr(rule, name) or getattr(rule, name) == told[name] for name in _EXACT)
        if agrees and (not rule.service_code or _code_matches(rule.service_code, order.service_code)):
            return rule
    return None


def _code_matches(pattern: str, code: str) -> bool:
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern
