"""The file that a stored image should be: the one received, with some attributes changed and the change noted in it.

What was received is kept in the file itself, as the standard foresees it: Original Attributes Sequence (0400,0561),
PS3.3 C.12.1.1.9, holds the former values byte for byte, their character set with them. Every change starts from the
file as received, so changes never pile up, and no change at all is the way back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydicom.charset import convert_encodings, encode_string
from pydicom.datadict import dictionary_VR

from ris_core.studies.dicom_file import (
    DEEPEST,
    SPECIFIC_CHARACTER_SET,
    DicomFile,
    Element,
    Elements,
    Encoding,
    plain,
    read_dicom_file,
    recoded,
)
from ris_core.studies.elements import FileData
from ris_core.studies.received import KEPT, Header, decode_text

Items = tuple[Mapping[int, str], ...]
"""The items of a sequence: tag → text."""
Wanted = Mapping[int, "str | Items | None"]
"""Tag → what it should be: a text (empty: an empty value), the items of a sequence, or None: not there."""

MODIFYING_SYSTEM: Final = "QUANG"
_ORIGINAL_ATTRIBUTES: Final = 0x04000561
_MODIFIED_ATTRIBUTES: Final = 0x04000550
_MODIFIED_AT: Final = 0x04000562
_SYSTEM: Final = 0x04000563
_SOURCE: Final = 0x04000564
_REASON: Final = 0x04000565
_COMPARED_BYTES: Final = 256 * 1024
_UTF8: Final = "ISO_IR 192"
_ABOUT_PATIENT_AND_STUDY: Final = frozenset({0x0008, 0x0010})
"""Groups of attributes that identify."""
_ABOUT_STUDY_AND_ORDER: Final = frozenset({0x0020000D, 0x00200010, 0x00321060, 0x00400275, _ORIGINAL_ATTRIBUTES})
_CREATOR: Final = 0x00090010
_ADDED: Final = 0x00091001
"""Private to us, in our note: the attributes that were not there at all, which an empty former value does not tell."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the Original Attributes Sequence says beside the former values."""

    at: datetime
    source: str
    """Where the former values came from: the device's AE title."""


def rewritten(file: DicomFile, wanted: Wanted, note: Note) -> DicomFile:
    """``file`` as received with ``wanted`` put into it; ``file`` itself when it is so already.

    Text in the file's own character set stays in it as long as that can hold what is wanted; else all text becomes
    UTF-8 (ISO_IR 192).
    """
    received = as_received(file)
    target = dict(received.elements)
    texts = [value for value in wanted.values() if isinstance(value, str)]
    texts += [text for value in wanted.values() if isinstance(value, tuple) for item in value for text in item.values()]
    if not all(text.isascii() for text in texts) and file_charset(received.elements) != _UTF8:
        target = _in_utf8(received)
    for tag, value in wanted.items():
        target.pop(tag, None)
        if isinstance(value, str):
            target[tag] = plain(dictionary_VR(tag), value)
        elif value is not None:
            target[tag] = _sequence(value, file.encoding)
    for tag, value in wanted.items():
        if value is None and tag in received.elements and not received.elements[tag].value:
            target[tag] = received.elements[tag]
    changed = [
        tag
        for tag in sorted(received.elements.keys() | target.keys())
        if received.elements.get(tag) is None
        or target.get(tag) is None
        or _trimmed(received.elements[tag]) != _trimmed(target[tag])
    ]
    if changed:
        target[_ORIGINAL_ATTRIBUTES] = _noted(received, changed, note)
    if _without_note(target) == _without_note(file.elements):
        return file
    return file.with_elements(target)


def as_received(file: DicomFile) -> DicomFile:
    """``file`` as it came, when it was rewritten here; else itself."""
    notes = file.elements.get(_ORIGINAL_ATTRIBUTES)
    items = file.encoding.items(notes) if notes else []
    ours = next((item for item in items if _is_ours(item, file.encoding)), None)
    if ours is None:
        return file
    note = file.encoding.read(ours)
    former = file.encoding.read(file.encoding.items(note[_MODIFIED_ATTRIBUTES])[0])
    elements = dict(file.elements)
    if SPECIFIC_CHARACTER_SET in former:
        elements.update(_sequences_from_utf8(file, former[SPECIFIC_CHARACTER_SET].value))
    elements.update(former)
    for tag in _ascii(note.get(_ADDED)).split("\\"):
        elements.pop(int(tag or "0", 16), None)
    others = [item for item in items if item is not ours]
    if others:
        elements[_ORIGINAL_ATTRIBUTES] = file.encoding.sequence(others)
    else:
        del elements[_ORIGINAL_ATTRIBUTES]
    return file.with_elements(elements)


def same_attributes(one: DicomFile, other: DicomFile) -> bool:
    """Whether two files say the same beside the attributes of the patient, the study and the order."""
    return _content(one) == _content(other) or _content(as_received(one)) == _content(as_received(other))


def same_bytes(one: FileData | memoryview, other: FileData | memoryview) -> bool:
    """Whether two files, or parts of them, are equal; however large, little of them is in memory at a time."""
    if isinstance(one, bytes) and isinstance(other, bytes):
        return one == other
    first, second = memoryview(one), memoryview(other)
    return len(first) == len(second) and all(
        bytes(first[at : at + _COMPARED_BYTES]) == bytes(second[at : at + _COMPARED_BYTES])
        for at in range(0, len(first), _COMPARED_BYTES)
    )


def received_header(data: bytes) -> Header:
    """The header of a file, or of its beginning, as it was received.

    :raises HeaderIncomplete: when ``data`` ends before the pixels and before everything that may be noted
    """
    elements = as_received(read_dicom_file(data)).elements
    return Header("", {name: elements[tag].value for name in KEPT if (tag := int(name, 16)) in elements})


def file_charset(elements: Elements) -> str:
    """The file's Specific Character Set (0008,0005) as it stands there; empty when it names none."""
    return _ascii(elements.get(SPECIFIC_CHARACTER_SET))


def _content(file: DicomFile) -> dict[int, object]:
    own = {
        tag: element
        for tag, element in file.elements.items()
        if tag >> 16 not in _ABOUT_PATIENT_AND_STUDY and tag not in _ABOUT_STUDY_AND_ORDER
    }
    return _values(own, file.encoding)


def _values(elements: Elements, encoding: Encoding, depth: int = 0) -> dict[int, object]:
    """Without padding, and sequences by their items: how their ends are marked means nothing."""
    return {
        tag: [_values(encoding.read(item), encoding, depth + 1) for item in encoding.items(element)]
        if element.vr == "SQ" and depth < DEEPEST
        else _trimmed(element)
        for tag, element in elements.items()
    }


def _is_ours(item: bytes, encoding: Encoding) -> bool:
    elements = encoding.read(item)
    return _ascii(elements.get(_SYSTEM)) == MODIFYING_SYSTEM and _MODIFIED_ATTRIBUTES in elements


def _noted(received: DicomFile, changed: Sequence[int], note: Note) -> Element:
    """The received notes of others and ours."""
    encoding = received.encoding
    former = {tag: received.elements.get(tag) or Element(dictionary_VR(tag), b"") for tag in changed}
    added = "\\".join(f"{tag:08X}" for tag in changed if tag not in received.elements)
    ours = {
        _CREATOR: plain("LO", MODIFYING_SYSTEM),
        _ADDED: plain("LO", added),
        _MODIFIED_ATTRIBUTES: encoding.sequence([encoding.written(former)]),
        _MODIFIED_AT: plain("DT", note.at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")),
        _SYSTEM: plain("LO", MODIFYING_SYSTEM),
        _SOURCE: plain("LO", note.source[:64]),
        _REASON: plain("CS", "COERCE"),
    }
    theirs = received.elements.get(_ORIGINAL_ATTRIBUTES)
    items = encoding.items(theirs) if theirs else []
    return encoding.sequence([*items, encoding.written(ours)])


def _trimmed(element: Element) -> bytes:
    return element.value.rstrip(b" \0")


def _ascii(element: Element | None) -> str:
    return element.value.decode("ascii", "replace").strip(" \0") if element else ""


def _without_note(elements: Elements) -> Elements:
    return {tag: element for tag, element in elements.items() if tag != _ORIGINAL_ATTRIBUTES}


def _sequence(items: Sequence[Mapping[int, str]], encoding: Encoding) -> Element:
    return encoding.sequence(
        [encoding.written({tag: plain(dictionary_VR(tag), text) for tag, text in item.items()}) for item in items]
    )


def _in_utf8(file: DicomFile) -> dict[int, Element]:
    declared = file_charset(file.elements).encode()

    def recode(vr: str, raw: bytes) -> bytes:
        if raw.isascii() and b"\x1b" not in raw:
            return raw
        return plain(vr, decode_text(raw, vr, declared).rstrip(" \0")).value

    elements = recoded(file.elements, file.encoding, recode)
    elements[SPECIFIC_CHARACTER_SET] = plain("CS", _UTF8)
    return elements


def _sequences_from_utf8(file: DicomFile, declared: bytes) -> Elements:
    """Sequences with their text in the former character set; of all other text the former bytes are noted."""
    encodings = convert_encodings([term.strip(" \0") for term in declared.decode("ascii", "replace").split("\\")])

    def recode(vr: str, raw: bytes) -> bytes:
        if raw.isascii():
            return raw
        text = raw.decode("utf-8", "replace").rstrip(" \0")
        former = encode_string(text, encodings)
        if decode_text(former, vr, declared) != text:
            return raw  # the declared set cannot hold it: it came in UTF-8 that nobody had declared
        return former + b" " * (len(former) & 1)

    sequences = {tag: element for tag, element in file.elements.items() if element.vr == "SQ"}
    return recoded(sequences, file.encoding, recode)
