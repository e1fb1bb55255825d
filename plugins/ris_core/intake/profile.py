"""How one sending system fills its messages, as data: which place means what, and what its words mean.

What a profile does not say is read as ``docs/conformance/hl7.md`` tells. Words are added to the standard's tables; a
word that a profile names counts before the table's.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from ris_core.errors import InvalidValue
from ris_core.hl7.charsets import CODECS
from ris_core.identifiers import AETitle
from ris_core.intake.controls import ORDER_CONTROLS, ORDER_STATUSES
from ris_core.intake.places import Place, Places, at
from ris_core.orders.rules import DICOM_MODALITIES

SomePlaces = Annotated[Places, Meta(max_length=12)]
RequiredPlaces = Annotated[Places, Meta(min_length=1, max_length=12)]
RoleCode = Annotated[str, Meta(pattern=r"^(?!ADMINISTRATOR$|IT$)[A-Z0-9_]{2,16}$")]
_Word = TypeVar("_Word")
Table = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=128)], _Word], Meta(max_length=500)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A part of a profile; immutable, refuses keys it does not know."""


class OrderPlaces(Part, frozen=True):
    """Where an order's values stand."""

    placer_order_number: RequiredPlaces = at("ORC-2", "OBR-2")
    filler_order_number: SomePlaces = at("ORC-3", "OBR-3")
    accession_number: SomePlaces = at("IPC-1", "OBR-18", "ORC-3", "OBR-3")
    requested_procedure_id: SomePlaces = at("IPC-2", "OBR-19")
    study_instance_uid: SomePlaces = at("ZDS-1", "IPC-3")
    service_code: RequiredPlaces = at("OBR-4.1")
    service_name: SomePlaces = at("OBR-4.2")
    coding_system: SomePlaces = at("OBR-4.3")
    modality: SomePlaces = at("OBR-24")
    priority: SomePlaces = at("TQ1-9", "OBR-27.6", "ORC-7.6", "OBR-5")
    scheduled_at: SomePlaces = at("TQ1-7", "OBR-27.4", "ORC-7.4", "OBR-36", "OBR-6")
    ordered_at: SomePlaces = at("ORC-9")
    requesting_physician: SomePlaces = at("ORC-12", "OBR-16")
    referring_physician: SomePlaces = at("PV1-8")
    """Every repetition, by its number: who sent the patient."""
    copies_to: SomePlaces = at("OBR-28")
    """Every repetition, by its number: who gets the result too."""
    requesting_department: SomePlaces = at("ORC-17", "ORC-13")
    clinical_indication: SomePlaces = at("OBR-31", "OBR-13", "DG1-3/4", "NTE-3", "OBX-5")
    """All of them, in this order, each text once."""
    order_control: RequiredPlaces = at("ORC-1")
    order_status: SomePlaces = at("ORC-5")
    comments: SomePlaces = ()
    """All of them: what the requester says to those who perform the exam."""
    procedure_code: SomePlaces = at("OBR-44.1")
    procedure_name: SomePlaces = at("OBR-44.2")
    procedure_coding_system: SomePlaces = at("OBR-44.3")
    allergies: SomePlaces = at("AL1-3")
    """All of them."""
    pregnancy_status: SomePlaces = ()
    patient_weight: SomePlaces = ()
    """In kg."""
    patient_state: SomePlaces = ()
    isolation: SomePlaces = ()
    transport: SomePlaces = at("OBR-30")


class StepPlaces(Part, frozen=True):
    """Where the plan of an order's steps stands: in each IPC segment, or else once for the order."""

    step_id: SomePlaces = at("IPC-4", "OBR-20")
    modality: SomePlaces = at("IPC-5")
    description: SomePlaces = at("IPC-6")
    room: SomePlaces = at("IPC-8")
    station: SomePlaces = at("IPC-9")


class IdentifierPlace(Part, frozen=True):
    """A field with identifiers of the patient (CX), every repetition of it."""

    place: Place
    kind: str = ""
    """MR, NI, HC …; empty: what CX.5 says, through :attr:`Words.identifier_kinds`."""
    issuer: str = ""
    """Who gives these numbers; empty: what CX.4 says, else the kind's usual one."""


class PatientPlaces(Part, frozen=True):
    """Where a patient's values stand."""

    identifiers: Annotated[tuple[IdentifierPlace, ...], Meta(min_length=1, max_length=8)] = (
        IdentifierPlace(place=Place("PID-3")),
    )
    default_issuer: str = ""
    """Of an identifier that names none; empty: MSH-4."""
    name: RequiredPlaces = at("PID-5")
    name_order: Literal["as_hl7", "family_first", "family_last"] = "as_hl7"
    """What a name that comes as a whole, or in the wrong components, begins or ends with.

    ``as_hl7``: family, given and middle name in their components; a whole name begins with the family name.
    ``family_first``, ``family_last``: all components are one text whose first (last) word is the family name.
    """
    birth_date: SomePlaces = at("PID-7")
    sex: SomePlaces = at("PID-8")
    phone: SomePlaces = at("PID-13")
    address: SomePlaces = at("PID-11")


class VisitPlaces(Part, frozen=True):
    """Where a visit's values stand."""

    visit_number: SomePlaces = at("PV1-19")
    patient_class: SomePlaces = at("PV1-2")
    ward: SomePlaces = at("PV1-3")
    payment_state: SomePlaces = ()
    """Whether the visit is paid for; a word of :attr:`Words.payment_states`."""


class Words(Part, frozen=True):
    """The sender's words for ours, in upper case."""

    order_controls: Table[str] = {}
    """As ORC-1 of HL7 table 0119: ``{"NEW": "NW"}``."""
    order_statuses: Table[str] = {}
    """As ORC-5 of HL7 table 0038: ``{"HUY": "CA"}``."""
    priorities: Table[Literal["STAT", "HIGH", "ROUTINE", "MEDIUM", "LOW"]] = {}
    modalities: Table[str] = {}
    """As DICOM modality: ``{"XQ": "DX"}``."""
    coding_systems: Table[str] = {}
    """As our catalogue calls them."""
    rooms: Table[str] = {}
    """As our rooms are called."""
    stations: Table[str] = {}
    """Names of devices, or rooms, as the AE title of the device."""
    departments: Table[str] = {}
    pregnancy: Table[Literal[1, 2, 3, 4]] = {}
    """1 no, 2 possibly, 3 yes, 4 unknown: ``{"B6": 3}``."""
    identifier_kinds: Table[str] = {}
    """As MR, NI (CCCD) or HC (BHYT): ``{"BHYT": "HC"}``."""
    issuers: Table[str] = {}
    sexes: Table[Literal["M", "F", "O", ""]] = {}
    patient_classes: Table[Literal["E", "I", "O", ""]] = {}
    payment_states: Table[Literal["UNPAID", "PAID", "COVERED"]] = {}
    """``{"CHUATT": "UNPAID"}``; the three are understood as they are."""
    staff_accounts: Table[RoleCode] = {}
    """Role of the account that a record of staff (MFN) opens, by kind: ``{"TECHNOLOGIST": "TECHNOLOGIST"}``;
    a kind that is not named gets none. Never a role that manages accounts or the system."""


class Profile(Part, frozen=True):
    """How the messages of one sending system are read."""

    description: Annotated[str, Meta(max_length=2000)] = ""
    message_types: tuple[Annotated[str, Meta(pattern=r"^[A-Z]{3}(\^[A-Z0-9]{3})?$")], ...] = ()
    """``ORM^O01`` …: what this sender may send; empty: everything that is taken here."""
    undeclared_charset: str = ""
    """Python's name of the character set of a message without MSH-18; empty: ``hl7.undeclared_charset``."""
    queries: Literal["refused", "answered"] = "refused"
    """Whether every sender with this profile may ask for orders and patients (a single one: ``Sender.may_query``)."""
    contradicting_merges: Literal["held", "believed"] = "held"
    """What becomes of a merge of two records that seem to be two persons' (``patients.rules.merge_contradiction``).

    ``held``: a person decides. ``believed``: it is done, because this sender's own people compare before they merge.
    """
    order: OrderPlaces = OrderPlaces()
    step: StepPlaces = StepPlaces()
    patient: PatientPlaces = PatientPlaces()
    visit: VisitPlaces = VisitPlaces()
    words: Words = Words()


DEFAULT_PROFILE = Profile()


def profile_from(data: Any) -> Profile:
    """The profile in ``data``, as JSON or TOML decode it.

    :raises InvalidValue: naming the first key that is unknown or wrong
    """
    try:
        profile = msgspec.convert(_with_upper_case_words(data), Profile, dec_hook=_decode)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        raise InvalidValue(detail, field=path.strip(".`")) from error
    _check_words(profile.words)
    if profile.undeclared_charset:
        check_codec(profile.undeclared_charset, "undeclared_charset")
    return profile


def profile_to(profile: Profile) -> dict[str, Any]:
    """``profile`` as JSON has it; what is as in the default profile is left out."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(profile, enc_hook=str))
    return found


def check_codec(name: str, field: str) -> None:
    """
    :raises InvalidValue: when it is no name of a character set that MLLP can carry
    """
    if name not in CODECS:
        raise InvalidValue(f"{name[:32]!r} is no character set that is known here: {', '.join(CODECS)}", field=field)


def _decode(kind: type, value: object) -> object:
    if kind is Place and isinstance(value, str):
        try:
            return Place(value)
        except InvalidValue as error:
            raise ValueError(error.detail) from error
    raise ValueError(f"{value!r} is no {kind.__name__}")


def _with_upper_case_words(data: Any) -> Any:
    """Words are compared without regard to case."""
    if not (isinstance(data, Mapping) and isinstance(data.get("words"), Mapping)):
        return data
    words = {
        name: {str(word).upper(): meaning for word, meaning in table.items()} if isinstance(table, Mapping) else table
        for name, table in data["words"].items()
    }
    return {**data, "words": words}


def _check_words(words: Words) -> None:
    """What a word may stand for.

    :raises InvalidValue: naming the word
    """
    allowed: dict[str, Container[str]] = {
        "order_controls": {*ORDER_CONTROLS, "SC"},
        "order_statuses": ORDER_STATUSES,
        "modalities": DICOM_MODALITIES,
    }
    for name, meanings in allowed.items():
        for word, meaning in getattr(words, name).items():
            if meaning not in meanings:
                raise InvalidValue(f"{word!r} cannot stand for {meaning[:16]!r}", field=f"words.{name}")
    for word in words.staff_accounts.keys() - _STAFF:
        raise InvalidValue(
            f"{word[:16]!r} is no kind of staff: {', '.join(sorted(_STAFF))}", field="words.staff_accounts"
        )
    for name, kind in _IDENTIFIERS.items():
        for meaning in getattr(words, name).values():
            try:
                kind(meaning)
            except InvalidValue as error:
                raise InvalidValue(error.detail, field=f"words.{name}") from error


_STAFF = frozenset({"PHYSICIAN", "TECHNOLOGIST", "NURSE", "OTHER"})


def _short(limit: int, text: str) -> str:
    if not text or len(text) > limit:
        raise InvalidValue(f"1 to {limit} characters, not {text[:32]!r}")
    return text


_IDENTIFIERS: dict[str, Callable[[str], object]] = {
    "stations": AETitle,
    "issuers": partial(_short, 64),
    "identifier_kinds": partial(_short, 16),
    "rooms": partial(_short, 64),
    "coding_systems": partial(_short, 64),
    "departments": partial(_short, 255),
}
