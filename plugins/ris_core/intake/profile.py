"""How one sending system fills its messages, as data: which place means what, and what its words mean.

What a profile does not say is read as ``docs/conformance/hl7.md`` tells. Words are added to the standard's tables; a
word that a profile names counts before the table's.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from ris_core.errors import InvalidValue
from ris_core.intake.places import Place, Places, at


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A part of a profile; immutable, refuses keys it does not know."""


class OrderPlaces(Part, frozen=True):
    """Where an order's values stand."""

    placer_order_number: Places = at("ORC-2", "OBR-2")
    filler_order_number: Places = at("ORC-3", "OBR-3")
    accession_number: Places = at("IPC-1", "OBR-18", "ORC-3", "OBR-3")
    requested_procedure_id: Places = at("IPC-2", "OBR-19")
    study_instance_uid: Places = at("ZDS-1", "IPC-3")
    service_code: Places = at("OBR-4.1")
    service_name: Places = at("OBR-4.2")
    coding_system: Places = at("OBR-4.3")
    modality: Places = at("OBR-24")
    priority: Places = at("TQ1-9", "OBR-27.6", "ORC-7.6", "OBR-5")
    scheduled_at: Places = at("TQ1-7", "OBR-27.4", "ORC-7.4", "OBR-36", "OBR-6")
    ordered_at: Places = at("ORC-9")
    requesting_physician: Places = at("ORC-12", "OBR-16")
    requesting_department: Places = at("ORC-17", "ORC-13")
    clinical_indication: Places = at("OBR-31", "OBR-13", "DG1-3/4", "NTE-3", "OBX-5")
    """All of them, in this order, each text once."""
    order_control: Places = at("ORC-1")
    order_status: Places = at("ORC-5")
    pregnancy_status: Places = ()
    patient_weight: Places = ()
    allergies: Places = ()
    payment_status: Places = ()
    exam_key: Places = ()


class StepPlaces(Part, frozen=True):
    """Where the plan of an order's steps stands: in each IPC segment, or else once for the order."""

    step_id: Places = at("IPC-4", "OBR-20")
    modality: Places = at("IPC-5")
    description: Places = at("IPC-6")
    room: Places = at("IPC-8")
    station: Places = at("IPC-9")


class IdentifierPlace(Part, frozen=True):
    """A field with identifiers of the patient (CX), every repetition of it."""

    place: Place
    kind: str = ""
    """MR, NI, HC …; empty: what CX.5 says, through :attr:`Words.identifier_kinds`."""
    issuer: str = ""
    """Who gives these numbers; empty: what CX.4 says, else the kind's usual one."""


class PatientPlaces(Part, frozen=True):
    """Where a patient's values stand."""

    identifiers: tuple[IdentifierPlace, ...] = (IdentifierPlace(place=Place("PID-3")),)
    default_issuer: str = ""
    """Of an identifier that names none; empty: MSH-4."""
    name: Places = at("PID-5")
    name_order: Literal["as_hl7", "family_first", "family_last"] = "as_hl7"
    """What a name that comes as a whole, or in the wrong components, begins or ends with.

    ``as_hl7``: family, given and middle name in their components; a whole name begins with the family name.
    ``family_first``, ``family_last``: all components are one text whose first (last) word is the family name.
    """
    birth_date: Places = at("PID-7")
    sex: Places = at("PID-8")
    phone: Places = at("PID-13")
    address: Places = at("PID-11")


class VisitPlaces(Part, frozen=True):
    """Where a visit's values stand."""

    visit_number: Places = at("PV1-19")
    patient_class: Places = at("PV1-2")
    ward: Places = at("PV1-3")


class Words(Part, frozen=True):
    """The sender's words for ours, in upper case."""

    order_controls: dict[str, str] = {}
    """As ORC-1 of HL7 table 0119: ``{"NEW": "NW"}``."""
    order_statuses: dict[str, str] = {}
    """As ORC-5 of HL7 table 0038: ``{"HUY": "CA"}``."""
    priorities: dict[str, Literal["STAT", "HIGH", "ROUTINE", "MEDIUM", "LOW"]] = {}
    modalities: dict[str, str] = {}
    """As DICOM modality: ``{"XQ": "DX"}``."""
    coding_systems: dict[str, str] = {}
    """As our catalogue calls them."""
    rooms: dict[str, str] = {}
    """As our rooms are called."""
    stations: dict[str, str] = {}
    """Names of devices, or rooms, as the AE title of the device."""
    departments: dict[str, str] = {}
    identifier_kinds: dict[str, str] = {}
    """As MR, NI (CCCD) or HC (BHYT): ``{"BHYT": "HC"}``."""
    issuers: dict[str, str] = {}
    sexes: dict[str, Literal["M", "F", "O", ""]] = {}
    patient_classes: dict[str, Literal["E", "I", "O", ""]] = {}


class Profile(Part, frozen=True):
    """How the messages of one sending system are read."""

    description: str = ""
    message_types: tuple[str, ...] = ()
    """``ORM^O01`` …: what this sender may send; empty: everything that is taken here."""
    undeclared_charset: str = ""
    """Python's name of the character set of a message without MSH-18; empty: ``hl7.undeclared_charset``."""
    order: OrderPlaces = OrderPlaces()
    step: StepPlaces = StepPlaces()
    patient: PatientPlaces = PatientPlaces()
    visit: VisitPlaces = VisitPlaces()
    words: Words = Words()


DEFAULT_PROFILE = Profile()


def profile_from(data: Any) -> Profile:
    """The profile in ``data``, as JSON or TOML decode it.

    :raises InvalidValue: naming the key that is unknown or wrong
    """
    try:
        return msgspec.convert(data, Profile, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise InvalidValue(str(error), field=_path(str(error))) from error


def profile_to(profile: Profile) -> dict[str, Any]:
    """``profile`` as JSON has it; what is as in the default profile is left out."""
    found: dict[str, Any] = msgspec.to_builtins(profile, enc_hook=str)
    return found


def _decode(kind: type, value: object) -> object:
    if kind is Place and isinstance(value, str):
        try:
            return Place(value)
        except InvalidValue as error:
            raise ValueError(error.detail) from error
    raise ValueError(f"{value!r} is no {kind.__name__}")


def _path(message: str) -> str:
    """``order.accession_number`` of ``… - at `$.order.accession_number[0]```."""
    found = re.search(r"at `\$\.?(.+)`$", message)
    return found[1] if found else ""
