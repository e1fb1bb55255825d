"""A DICOM file taken apart into data elements and put together again, every byte that nobody changed as it was.

Only what lies before the pixels (group 7FE0) is looked at. Group lengths (retired, PS3.5 7.2) are left out, since they
would be wrong after a change.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from pydicom.datadict import dictionary_VR

from ris_core.studies.elements import (
    BIG_ENDIAN,
    DEFLATED,
    IMPLICIT,
    LONG_VRS,
    UNDEFINED,
    FileData,
    HeaderIncomplete,
    HeaderUnreadable,
    after_undefined,
    file_meta,
    inflated,
    length_at,
)

TEXT_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Representations whose bytes depend on the character set (PS3.5 6.1.2.3)."""
PIXELS: Final = 0x7FE00000
SPECIFIC_CHARACTER_SET: Final = 0x00080005
SOP_INSTANCE_UID: Final = 0x00080018
SERIES_INSTANCE_UID: Final = 0x0020000E
_LARGEST_INFLATED_BYTES: Final = 512 * 1024**2
DEEPEST: Final = 64
"""Sequences within sequences that the engine stores at most."""
_META_UID: Final = b"\x02\x00\x03\x00UI"
_META_END: Final = 1024
_UID: Final = re.compile(r"[0-9.]{1,64}")
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD


@dataclass(frozen=True, slots=True)
class Element:
    """A data element: its value as encoded, of a sequence the encoded items, without the delimiter at its end."""

    vr: str
    value: bytes
    undefined_length: bool = False


Elements = Mapping[int, Element]
"""Tag → element."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a transfer syntax writes elements."""

    explicit: bool
    order: str
    """``<`` or ``>``, as in :mod:`struct`."""

    def read(self, data: FileData, position: int = 0) -> dict[int, Element]:
        """All elements."""
        return {tag: element for tag, element, _ in self.walk(data, position)}

    def walk(self, data: FileData, position: int = 0, *, before: int = UNDEFINED) -> Iterator[tuple[int, Element, int]]:
        """Tag, element and where it ends, one after the other, as long as tags are below ``before``.

        :raises HeaderIncomplete: the bytes end within an element
        """
        while position < len(data):
            if position + 8 > len(data):
                raise HeaderIncomplete("the bytes end within an element")
            group, number = struct.unpack_from(self.order + "HH", data, position)
            tag = group << 16 | number
            if tag >= before:
                return
            length, value_at = length_at(data, position, self.explicit, self.order)
            vr = data[position + 4 : position + 6].decode("ascii") if self.explicit else _vr(tag)
            undefined = length == UNDEFINED
            end = after_undefined(data, position, self.explicit, self.order) if undefined else value_at + length
            if end > len(data):
                raise HeaderIncomplete("the bytes end within a value")
            yield tag, Element(vr, data[value_at : end - 8 * undefined], undefined), end
            position = end

    def written(self, elements: Elements) -> bytes:
        return b"".join(self._element(tag, element) for tag, element in sorted(elements.items()))

    def items(self, sequence: Element) -> list[bytes]:
        """The encoded elements of each item."""
        found, data, position = [], sequence.value, 0
        while position + 8 <= len(data):
            group, number, length = struct.unpack_from(self.order + "HHI", data, position)
            if group << 16 | number != _ITEM:
                break
            start = position + 8
            if length == UNDEFINED:
                end = position = self._item_end(data, start)
                position += 8
            else:
                end = position = start + length
            found.append(data[start:end])
        return found

    def sequence(self, items: list[bytes]) -> Element:
        value = b"".join(self._tag(_ITEM, UNDEFINED) + item + self._tag(_ITEM_END, 0) for item in items)
        return Element("SQ", value, undefined_length=True)

    def _item_end(self, data: bytes, position: int) -> int:
        """Where the delimiter of an item of undefined length begins."""
        while position + 8 <= len(data):
            group, number = struct.unpack_from(self.order + "HH", data, position)
            if group << 16 | number == _ITEM_END:
                return position
            length, value_at = length_at(data, position, self.explicit, self.order)
            undefined = length == UNDEFINED
            position = after_undefined(data, position, self.explicit, self.order) if undefined else value_at + length
        raise HeaderIncomplete("the bytes end within an item")

    def _element(self, tag: int, element: Element) -> bytes:
        length = UNDEFINED if element.undefined_length else len(element.value)
        end = self._tag(_SEQUENCE_END, 0) if element.undefined_length else b""
        start = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit:
            return start + struct.pack(self.order + "I", length) + element.value + end
        vr = element.vr.encode()
        if vr in LONG_VRS:
            return start + vr + b"\0\0" + struct.pack(self.order + "I", length) + element.value + end
        return start + vr + struct.pack(self.order + "H", length) + element.value

    def _tag(self, tag: int, length: int) -> bytes:
        return struct.pack(self.order + "HHI", tag >> 16, tag & 0xFFFF, length)


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A Part 10 file: what comes before the dataset, its elements, and the pixels with what follows them."""

    prelude: bytes
    encoding: Encoding
    deflated: bool
    elements: Elements
    pixels: bytes | memoryview
    """Not copied from the file that was read: they may be gigabytes."""

    def with_elements(self, elements: Elements) -> DicomFile:
        return replace(self, elements=elements)

    def text(self, tag: int) -> str:
        """An ASCII value without its padding; empty when there is none."""
        element = self.elements.get(tag)
        return _ascii(element) if element else ""

    def as_bytes(self) -> bytes:
        if not self.deflated:
            return b"".join((self.before_pixels(), self.pixels))
        elements = self.encoding.written(self.elements)
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        dataset = packer.compress(elements) + packer.compress(self.pixels) + packer.flush()
        return self.prelude + dataset + b"\0" * (len(dataset) & 1)

    def before_pixels(self) -> bytes:
        """The beginning of a file that is not deflated."""
        return self.prelude + self.encoding.written(self.elements)

    def under_sop_instance_uid(self, uid: str) -> DicomFile:
        """The same file as another instance, its meta information included."""
        meta = Encoding(explicit=True, order="<")
        header = meta.read(self.prelude, 132)
        header[0x00020003] = plain("UI", uid)
        del header[0x00020000]
        length = struct.pack("<I", len(meta.written(header)))
        prelude = self.prelude[:132] + meta.written({0x00020000: Element("UL", length)}) + meta.written(header)
        return replace(self, prelude=prelude, elements={**self.elements, SOP_INSTANCE_UID: plain("UI", uid)})


def read_dicom_file(data: FileData) -> DicomFile:
    """:raises HeaderUnreadable: when it is no DICOM file, or makes no sense
    :raises HeaderIncomplete: when it ends before its pixels
    """
    if data[128:132] != b"DICM":
        raise HeaderUnreadable("no DICM prefix at byte 128 (PS3.10 7.1)")
    syntax, start = file_meta(data)
    prelude, deflated = data[:start], syntax == DEFLATED
    dataset: FileData = data
    pixels_at = start
    if deflated:
        dataset, pixels_at = inflated(memoryview(data)[start:], _LARGEST_INFLATED_BYTES), 0
        if len(dataset) == _LARGEST_INFLATED_BYTES:
            raise HeaderUnreadable("the deflated dataset is too large")
    encoding = Encoding(explicit=syntax != IMPLICIT, order=">" if syntax == BIG_ENDIAN else "<")
    elements: dict[int, Element] = {}
    try:
        for tag, element, end in encoding.walk(dataset, pixels_at, before=PIXELS):
            pixels_at = end
            if tag & 0xFFFF:
                elements[tag] = element
    except (struct.error, UnicodeDecodeError) as error:
        raise HeaderUnreadable("the elements make no sense") from error
    return DicomFile(prelude, encoding, deflated, elements, memoryview(dataset)[pixels_at:])


def sop_instance_uid(data: bytes) -> str:
    """Of a file as the engine writes it, found without reading the rest: its Media Storage SOP Instance UID.

    :raises HeaderUnreadable: there is none to be found
    """
    at = data.find(_META_UID, 132, _META_END) + len(_META_UID)
    if at < len(_META_UID):
        return read_dicom_file(data).text(SOP_INSTANCE_UID)
    length = data[at] | data[at + 1] << 8
    return data[at + 2 : at + 2 + length].decode("ascii", "replace").strip(" \0")


def series_instance_uid(data: bytes) -> str:
    """Found without reading what follows it; empty where it cannot be found, or is no UID."""
    try:
        syntax, start = file_meta(data)
        if syntax == DEFLATED:
            uid = read_dicom_file(data).text(SERIES_INSTANCE_UID)
        else:
            encoding = Encoding(explicit=syntax != IMPLICIT, order=">" if syntax == BIG_ENDIAN else "<")
            uid = _text_at(SERIES_INSTANCE_UID, encoding, data, start)
    except (HeaderUnreadable, HeaderIncomplete, struct.error, UnicodeDecodeError):
        return ""
    return uid if _UID.fullmatch(uid) else ""


def _text_at(wanted: int, encoding: Encoding, data: bytes, position: int) -> str:
    for tag, element, _ in encoding.walk(data, position, before=wanted + 1):
        if tag == wanted:
            return _ascii(element)
    return ""


def _ascii(element: Element) -> str:
    return element.value.decode("ascii", "replace").strip(" \0")


def plain(vr: str, text: str) -> Element:
    """A text in UTF-8, padded to even length (PS3.5 6.2)."""
    raw = text.encode()
    return Element(vr, raw + (b"\0" if vr == "UI" else b" ") * (len(raw) & 1))


def recoded(
    elements: Elements, encoding: Encoding, recode: Callable[[str, bytes], bytes], depth: int = 0
) -> dict[int, Element]:
    """Every text put through ``recode(vr, value)``, those within sequences too; what names a character set of its own
    (an item of Original Attributes, for one) stays as it is.

    :raises HeaderUnreadable: sequences are nested deeper than the engine stores
    """
    if depth > DEEPEST:
        raise HeaderUnreadable("sequences are nested too deeply")
    result = dict(elements)
    for tag, element in elements.items():
        if element.vr in TEXT_VRS:
            result[tag] = replace(element, value=recode(element.vr, element.value))
        elif element.vr == "SQ" and (b"\x1b" in element.value or not element.value.isascii()):
            before = [encoding.read(item) for item in encoding.items(element)]
            after = [
                item if SPECIFIC_CHARACTER_SET in item else recoded(item, encoding, recode, depth + 1)
                for item in before
            ]
            if after != before:
                result[tag] = encoding.sequence([encoding.written(item) for item in after])
    return result


@cache
def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"
