"""The segments that every message about an exam begins with (HL7 2.3 to 2.5.1): MSH, PID, PV1; and how segments are
written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ris_core.hl7.separators import Separators
from ris_core.hl7.timestamps import write_timestamp
from ris_core.identifiers import PatientIdentifier

SEPARATORS: Final = Separators()

_DIAGNOSTIC_SERVICE: Final[dict[str, str]] = {
    "CT": "CT", "MR": "NMR", "US": "RUS", "NM": "NMS", "PT": "NMS", "ECG": "EC", "CR": "RX", "DX": "RX",
}  # fmt: skip
"""OBR-24 by modality, HL7 table 0074; others are RAD."""


@dataclass(frozen=True, slots=True)
class Party:
    """An application and its facility (MSH-3 to MSH-6)."""

    application: str
    facility: str


@dataclass(frozen=True, slots=True)
class ExamMessage:
    """What a message about an exam says of sender, receiver, patient and order. Times are aware, in the site's zone."""

    control_id: str
    composed_at: datetime
    hl7_version: str
    sender: Party
    receiver: Party
    patient_identifiers: tuple[PatientIdentifier, ...]
    """The primary one first."""
    patient_name: str
    """PN or XPN: family^given^middle."""
    birth_date: str
    sex: str
    patient_class: str
    ward: str
    visit_number: str
    visit_issuer: str
    placer_order_number: str
    filler_order_number: str
    accession_number: str
    """As the HIS sent it."""
    requested_procedure_id: str
    service_code: str
    service_name: str
    service_coding_system: str
    modality: str
    ordering_physician: str


def diagnostic_service(modality: str) -> str:
    """OBR-24."""
    return _DIAGNOSTIC_SERVICE.get(modality, "RAD")


def joined(segments: Iterable[str]) -> bytes:
    """The message in UTF-8, segments ended by CR."""
    return "".join(f"{line}\r" for line in segments).encode()


def msh(message: ExamMessage, message_type: str, structure: str, *, test: bool = False) -> str:
    """:param message_type: MSH-9.1 and MSH-9.2; the structure, MSH-9.3, came with 2.3.1
    :param test: MSH-11 says that it is for training only (HL7 table 0103)
    """
    fields = {
        3: escaped(message.sender.application),
        4: escaped(message.sender.facility),
        5: escaped(message.receiver.application),
        6: escaped(message.receiver.facility),
        7: write_timestamp(message.composed_at),
        9: message_type if message.hl7_version == "2.3" else f"{message_type}^{structure}",
        10: message.control_id,
        11: "T" if test else "P",
        12: message.hl7_version,
        18: "UNICODE UTF-8",
    }
    # MSH-1 is the field separator itself: MSH-2 stands where another segment has its first field
    return segment("MSH", {1: SEPARATORS.encoding_characters, **{n - 1: value for n, value in fields.items()}})


def pid(message: ExamMessage) -> str:
    identifiers = (
        components(identifier.value, "", "", identifier.issuer, identifier.kind)
        for identifier in message.patient_identifiers
    )
    return segment(
        "PID",
        {
            1: "1",
            3: "~".join(identifiers),
            5: components(*message.patient_name.split("=")[0].split("^")),
            7: escaped(message.birth_date),
            8: escaped(message.sex) or "U",
        },
    )


def pv1(message: ExamMessage) -> str:
    return segment(
        "PV1",
        {
            1: "1",
            2: escaped(message.patient_class) or "U",
            3: escaped(message.ward),
            19: components(message.visit_number, "", "", message.visit_issuer),
        },
    )


def segment(name: str, fields: dict[int, str]) -> str:
    """Fields by their number, without their empty end."""
    last = max(number for number, value in fields.items() if value)
    return "|".join([name, *(fields.get(number, "") for number in range(1, last + 1))])


def components(*parts: str) -> str:
    """One field of several components, without their empty end."""
    return "^".join(map(escaped, parts)).rstrip("^")


def escaped(text: str) -> str:
    """As a field's or component's value."""
    return SEPARATORS.escaped(text)
