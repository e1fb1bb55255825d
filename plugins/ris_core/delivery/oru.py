"""Composes ORU^R01, the result as a HIS receives it (HL7 2.3 §7.2 to 2.5.1 §7.3); ``docs/conformance/hl7.md`` has every
field.

Pure: everything that goes into the message is in :class:`Result`, so the same result gives the same bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ris_core.delivery.segments import (
    SEPARATORS,
    ExamMessage,
    components,
    diagnostic_service,
    escaped,
    joined,
    msh,
    pid,
    pv1,
    segment,
)
from ris_core.hl7.timestamps import write_timestamp

VERSIONS: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
"""HL7 versions in which a result can be sent."""

_NULL: Final = '""'

_SECTIONS: Final[dict[str, tuple[str, str, str]]] = {
    "technique": ("55111-9", "Current imaging procedure descriptions", "Kỹ thuật"),
    "findings": ("18782-3", "Radiology Study observation", "Mô tả hình ảnh"),
    "conclusion": ("19005-8", "Radiology Imaging study [Impression]", "Kết luận"),
    "recommendation": ("18783-1", "Radiology Study recommendation", "Đề nghị"),
}
"""OBX-3 of each section: LOINC code and name, name in Vietnamese."""

_ORDER_STATUS: Final = {"P": "IP", "F": "CM", "C": "CM"}
"""ORC-5 by version status, HL7 table 0038: in process, completed."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The physician who approved (OBR-32, OBX-16)."""

    user_name: str
    full_name: str
    """As written in Vietnamese: the family name first."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the report; ``text`` is empty for one that an earlier version had and this one has not."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Result(ExamMessage):
    """One version of a report as one receiver gets it. Times are aware, in the site's zone."""

    observed_at: datetime
    status: str
    """HL7 table 0123: P, F or C."""
    approved_at: datetime
    interpreter: Interpreter
    sections: tuple[Section, ...]
    study_uids: tuple[str, ...]
    viewer_url: str
    """Empty when the exam has no images."""
    pdf: bytes


def compose(result: Result) -> bytes:
    """The ORU^R01 of ``result`` in UTF-8, segments ended by CR."""
    segments = [msh(result, "ORU^R01", "ORU_R01"), pid(result)]
    if result.visit_number:
        segments.append(pv1(result))
    segments += [_orc(result), _obr(result)]
    segments += [
        segment("OBX", {1: str(number), **fields}) for number, fields in enumerate(_observations(result), start=1)
    ]
    return joined(segments)


def _orc(result: Result) -> str:
    return segment(
        "ORC",
        {
            1: "RE",
            2: escaped(result.placer_order_number),
            3: escaped(result.filler_order_number),
            5: _ORDER_STATUS[result.status],
            7: _quantity(result),
        },
    )


def _obr(result: Result) -> str:
    return segment(
        "OBR",
        {
            1: "1",
            2: escaped(result.placer_order_number),
            3: escaped(result.filler_order_number),
            4: components(result.service_code, result.service_name, result.service_coding_system),
            7: write_timestamp(result.observed_at),
            16: components("", result.ordering_physician) if result.ordering_physician else "",
            18: escaped(result.accession_number),
            19: escaped(result.requested_procedure_id),
            22: write_timestamp(result.approved_at),
            24: diagnostic_service(result.modality),
            25: result.status,
            27: _quantity(result),
            32: f"{_person(result.interpreter, '&')}^{write_timestamp(result.approved_at)}",
        },
    )


def _quantity(result: Result) -> str:
    """ORC-7 and OBR-27, which HL7 2.3 requires and later versions do not."""
    return "1" if result.hl7_version == "2.3" else ""


def _observations(result: Result) -> Iterable[dict[int, str]]:
    for section in result.sections:
        code, name, vietnamese = _SECTIONS[section.name]
        identifier = components(code, name, "LN", section.name.upper(), vietnamese, "99QUANG")
        # a section that was taken out of a corrected report is deleted by name: a receiver that merges by OBX-3
        # would go on showing the old text otherwise
        value = SEPARATORS.formatted(section.text) if section.text else _NULL
        yield _observation(result, "FT", identifier, value, status="" if section.text else "D")
    for number, study_uid in enumerate(result.study_uids, start=1):
        yield _observation(result, "ST", "113014^DICOM Study^DCM", escaped(study_uid), sub_id=str(number))
    if result.viewer_url:
        identifier = components("VIEWER", "Đường dẫn xem ảnh", "99QUANG")
        pointer = f"{escaped(result.viewer_url)}^{escaped(result.sender.application)}^Application^html"
        yield _observation(result, "RP", identifier, pointer)
    identifier = components("18748-4", "Diagnostic imaging study", "LN", "PDF", "Phiếu kết quả", "99QUANG")
    data = base64.b64encode(result.pdf).decode("ascii")
    yield _observation(result, "ED", identifier, f"^application^pdf^Base64^{data}")


def _observation(
    result: Result, value_type: str, identifier: str, value: str, *, sub_id: str = "1", status: str = ""
) -> dict[int, str]:
    return {
        2: value_type,
        3: identifier,
        4: sub_id,
        5: value,
        11: status or result.status,
        14: write_timestamp(result.observed_at),
        16: _person(result.interpreter, "^"),
    }


def _person(person: Interpreter, separator: str) -> str:
    """id, family name, given name, -, -, prefix; as XCN components, or as CNN subcomponents within NDL."""
    family, _, given = person.full_name.strip().partition(" ")
    parts = (person.user_name, family, given, "", "", person.title)
    return separator.join(map(escaped, parts)).rstrip(separator)
