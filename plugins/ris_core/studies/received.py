"""The patient and study attributes of a DICOM file, byte for byte as the device wrote them (domain invariant 3).

Reads the beginning of a Part 10 file (PS3.10 7) and keeps the data elements of the Patient and General Study modules.
Written for hostile files: no recursion (hundreds of nested sequences are stepped over), no trust in lengths, and text
that cannot be decoded is still shown. Private elements, sequences and everything else are not looked into.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.charset import convert_encodings

from ris_core.code_extensions import decoded
from ris_core.studies.elements import (
    BIG_ENDIAN,
    DEFLATED,
    IMPLICIT,
    UNDEFINED,
    FileData,
    HeaderIncomplete,
    HeaderUnreadable,
    after_undefined,
    file_meta,
    inflated,
    length_at,
)

SPECIFIC_CHARACTER_SET: Final = "00080005"
KEPT: Final[dict[str, str]] = {
    SPECIFIC_CHARACTER_SET: "CS",
    "00080020": "DA",  # StudyDate
    "00080030": "TM",  # StudyTime
    "00080050": "SH",  # AccessionNumber
    "00080060": "CS",  # Modality
    "00080080": "LO",  # InstitutionName
    "00080090": "PN",  # ReferringPhysicianName
    "00080201": "SH",  # TimezoneOffsetFromUTC
    "00081010": "SH",  # StationName
    "00081030": "LO",  # StudyDescription
    "00100010": "PN",  # PatientName
    "00100020": "LO",  # PatientID
    "00100021": "LO",  # IssuerOfPatientID
    "00100030": "DA",  # PatientBirthDate
    "00100032": "TM",  # PatientBirthTime
    "00100040": "CS",  # PatientSex
    "00101000": "LO",  # OtherPatientIDs
    "00101001": "PN",  # OtherPatientNames
    "00101010": "AS",  # PatientAge
    "00101020": "DS",  # PatientSize
    "00101030": "DS",  # PatientWeight
    "00101040": "LO",  # PatientAddress
    "00102154": "SH",  # PatientTelephoneNumbers
    "00104000": "LT",  # PatientComments
    "0020000D": "UI",  # StudyInstanceUID
    "00200010": "SH",  # StudyID
    "0008103E": "LO",  # SeriesDescription of the first instance, as the following: for matching, no study attributes
    "00180015": "CS",  # BodyPartExamined
    "00181030": "LO",  # ProtocolName
    "00204000": "LT",  # ImageComments
}
"""Tag → VR of what is kept; text VRs of at most 64 KiB, all of groups 0008 to 0020."""
LAST_GROUP: Final = 0x0020

_MAXIMUM_INFLATED_BYTES: Final = 4 * 1024 * 1024
_SINGLE_VALUED: Final = frozenset({"LT", "ST", "UT"})
_MULTI_BYTE: Final = ("GB", "ISO 2022", "ISO_IR 192")
_CONTROL: Final = {code: "\ufffd" for code in range(32) if chr(code) not in "\t\n\f\r"}
ENGINE_TAGS: Final = {
    "StudyDate": "00080020",
    "StudyTime": "00080030",
    "AccessionNumber": "00080050",
    "StudyDescription": "00081030",
    "PatientName": "00100010",
    "PatientID": "00100020",
    "IssuerOfPatientID": "00100021",
    "PatientBirthDate": "00100030",
    "PatientSex": "00100040",
    "StudyInstanceUID": "0020000D",
    "StudyID": "00200010",
}


@dataclass(frozen=True, slots=True)
class Header:
    """Patient and study attributes of one file."""

    transfer_syntax_uid: str
    elements: dict[str, bytes]
    """Tag (eight hexadecimal digits) → value as encoded in the file, padding included."""
    as_sent: bool = True
    """False when the file's structure could not be read and the values are the engine's reading of it."""

    def text(self, tag: str) -> str:
        """The value as one string without padding; empty when there is none."""
        return "\\".join(self.values(tag)).strip()

    def values(self, tag: str) -> list[str]:
        """The values, decoded by the file's character set, without padding; control characters are replaced."""
        charset = self.elements.get(SPECIFIC_CHARACTER_SET, b"")
        text = decode_text(self.elements.get(tag, b""), KEPT[tag], charset).rstrip(" \0")
        values = [text] if KEPT[tag] in _SINGLE_VALUED else text.split("\\")
        return [value.strip(" \0").translate(_CONTROL) for value in values]

    def restated(self, changes: Mapping[str, str]) -> Header:
        """The header with these texts (tag → text) in place of what came; itself without changes."""
        if not changes:
            return self
        texts = {tag: "\\".join(self.values(tag)).encode() for tag in self.elements}
        texts |= {tag: text.encode() for tag, text in changes.items() if tag in KEPT}
        return Header(self.transfer_syntax_uid, {**texts, SPECIFIC_CHARACTER_SET: b"ISO_IR 192"})

    def as_json(self) -> dict[str, Any]:
        """DICOM JSON model (PS3.18 F.2) with the encoded bytes beside each text, as ``received`` (base64)."""
        return {tag: self._element(tag) for tag in sorted(self.elements)}

    def _element(self, tag: str) -> dict[str, Any]:
        vr, raw = KEPT[tag], self.elements[tag]
        element: dict[str, Any] = {"vr": vr}
        values = self.values(tag)
        if any(values):
            element["Value"] = [_person_name(value) if vr == "PN" else value for value in values]
        if raw and self.as_sent:
            element["received"] = base64.b64encode(raw).decode()
        return element


def decode_text(raw: bytes, vr: str, specific_character_set: bytes) -> str:
    """Text as its file declares it; UTF-8 that was declared as something else, or not at all, is read as UTF-8."""
    terms = [term.strip(" \0") for term in specific_character_set.decode("ascii", "replace").split("\\")]
    if len(terms) == 1 and not terms[0].startswith(_MULTI_BYTE) and not raw.isascii():
        # no Latin text is well-formed UTF-8 by chance
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
    try:
        encodings = list(convert_encodings(terms))
    except (LookupError, ValueError):
        encodings = ["iso8859"]
    return decoded(raw, encodings, set(b"\\^=" if vr == "PN" else b"\\"))


def header_from_json(as_received: Mapping[str, Any]) -> Header:
    """The header that :meth:`Header.as_json` made; what was not kept as sent is there as its text."""
    exact = {tag: base64.b64decode(e["received"]) for tag, e in as_received.items() if "received" in e}
    if exact or not as_received:
        return Header("", exact)
    return Header("", {tag: _as_text(element).encode() for tag, element in as_received.items()}, as_sent=False)


def header_read_by_engine(main_tags: Mapping[str, str]) -> Header:
    """What the engine understood of a file whose structure we cannot read (no preamble, for one).

    :param main_tags: keyword → text, as Orthanc gives them
    """
    elements = {tag: main_tags[keyword].encode() for keyword, tag in ENGINE_TAGS.items() if main_tags.get(keyword)}
    return Header("", elements, as_sent=False)


def read_header(data: FileData) -> Header:
    """The header in ``data``, the beginning of a DICOM file or the whole of it.

    :raises HeaderIncomplete: when ``data`` ends before group 0020 does
    :raises HeaderUnreadable: when it is no DICOM file
    """
    if data[128:132] != b"DICM":
        raise HeaderUnreadable("no DICM prefix at byte 128 (PS3.10 7.1)")
    syntax, start = file_meta(data)
    if syntax == DEFLATED:
        data, start = inflated(memoryview(data)[start:], _MAXIMUM_INFLATED_BYTES), 0
    explicit, order = syntax != IMPLICIT, (">" if syntax == BIG_ENDIAN else "<")
    elements: dict[str, bytes] = {}
    for tag, value in _top_level(data, start, explicit, order):
        if tag >> 16 > LAST_GROUP:
            return Header(syntax, elements)
        name = f"{tag:08X}"
        if value is not None and name in KEPT and len(value) <= 65536:
            elements[name] = value
    return Header(syntax, elements)


def _as_text(element: Mapping[str, Any]) -> str:
    values = element.get("Value", [])
    return "\\".join("=".join(v.values()) if isinstance(v, dict) else str(v) for v in values)


def _person_name(value: str) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False)
    return {group: text for group, text in groups if text}


def _top_level(data: FileData, position: int, explicit: bool, order: str) -> Iterator[tuple[int, bytes | None]]:
    """Tag and encoded value of each data element of the dataset itself; none for one of undefined length."""
    while position < len(data):
        if position + 8 > len(data):
            raise HeaderIncomplete("the bytes end within an element")
        group, element = struct.unpack_from(order + "HH", data, position)
        tag = group << 16 | element
        if group > LAST_GROUP:
            yield tag, None
            return
        length, value_at = length_at(data, position, explicit, order)
        if length == UNDEFINED:
            position = after_undefined(data, position, explicit, order)
            yield tag, None
            continue
        if value_at + length > len(data):
            raise HeaderIncomplete("the bytes end within a value")
        yield tag, data[value_at : value_at + length]
        position = value_at + length
