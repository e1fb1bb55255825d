"""Reading DICOM files of queries and answers: Little Endian, implicit or explicit, only what matching needs.

pydicom would take a fifth of the time that a whole query may; only its tables of character sets are used, for queries
that are not in UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

from pydicom.charset import convert_encodings

from ris_core.code_extensions import decoded
from ris_core.errors import InvalidValue
from ris_core.worklist.rules import Value

Element: TypeAlias = "bytes | list[Dataset]"
Dataset: TypeAlias = "dict[int, Element]"
"""Values as they are encoded, by tag; of a sequence its items."""

SPECIFIC_CHARACTER_SET = 0x00080005
_TRANSFER_SYNTAX = 0x00020010
_IMPLICIT = b"1.2.840.10008.1.2"
_EXPLICIT = b"1.2.840.10008.1.2.1"
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_DEEPEST = 16
_DELIMITERS = set(b"^=\\\r\n\t\f")
"""After which the first character set holds again (PS3.5 6.1.2.5.3)."""

_head = struct.Struct("<HH2sH").unpack_from
_item_head = struct.Struct("<HHI").unpack_from
_long_length = struct.Struct("<I").unpack_from


def read_file(content: bytes) -> Dataset:
    """The dataset of a DICOM file.

    :raises InvalidValue: when it is not one, is cut short, nests too deeply, or has another transfer syntax
    """
    if content[128:132] != b"DICM":
        raise InvalidValue("not a DICOM file", field="identifier")
    try:
        meta, position = _read(content, 132, len(content), explicit=True, depth=0, group=2)
        syntax = meta.get(_TRANSFER_SYNTAX, b"")
        name = syntax.rstrip(b"\0 ") if isinstance(syntax, bytes) else b""
        if name not in (_IMPLICIT, _EXPLICIT):
            raise InvalidValue("only Little Endian without compression is read", field="TransferSyntaxUID")
        return _read(content, position, len(content), explicit=name == _EXPLICIT, depth=0)[0]
    except struct.error as error:
        raise InvalidValue("the DICOM file is damaged", field="identifier") from error


def _read(
    content: bytes, position: int, end: int, *, explicit: bool, depth: int, group: int | None = None
) -> tuple[Dataset, int]:
    """Elements up to ``end``, an item's end, or (``group``) the first element of another group."""
    if depth > _DEEPEST:
        raise InvalidValue("sequences are nested too deeply", field="identifier")
    dataset: Dataset = {}
    while position < end:
        tag_group, element, representation, length = _head(content, position)
        if group is not None and tag_group != group:
            break
        tag = tag_group << 16 | element
        if tag == _ITEM_END:
            return dataset, position + 8
        if not explicit or tag_group == 0xFFFE:
            length = _long_length(content, position + 4)[0]
            position += 8
            starts_item = content[position : position + 4] == b"\xfe\xff\x00\xe0"
            is_sequence = length == _UNDEFINED or (length >= 8 and starts_item)
        elif representation in _LONG:
            length = _long_length(content, position + 8)[0]
            position += 12
            is_sequence = representation == b"SQ" or length == _UNDEFINED
        else:
            position += 8
            is_sequence = False
        if is_sequence:
            items, position = _read_items(content, position, length, end, explicit=explicit, depth=depth + 1)
            dataset[tag] = items
            continue
        if position + length > end:
            raise InvalidValue("the DICOM file is cut short", field="identifier")
        dataset[tag] = content[position : position + length]
        position += length
    return dataset, position


def _read_items(
    content: bytes, position: int, length: int, end: int, *, explicit: bool, depth: int
) -> tuple[list[Dataset], int]:
    last = end if length == _UNDEFINED else position + length
    if last > end:
        raise InvalidValue("the DICOM file is cut short", field="identifier")
    items: list[Dataset] = []
    while position < last:
        group, element, item_length = _item_head(content, position)
        tag = group << 16 | element
        position += 8
        if tag == _SEQUENCE_END:
            break
        if tag != _ITEM:
            raise InvalidValue("the DICOM file is damaged", field="identifier")
        item_end = last if item_length == _UNDEFINED else min(position + item_length, last)
        item, position = _read(content, position, item_end, explicit=explicit, depth=depth)
        items.append(item)
    return items, position


def text(raw: bytes, character_sets: tuple[str, ...]) -> str:
    """A text value; ``character_sets`` are Python's names of the encodings (see :func:`encodings_of`)."""
    raw = raw.rstrip(b" \0")
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    if character_sets == ("utf8",):
        return raw.decode("utf-8", "replace")
    if not character_sets:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("iso8859-1")
    return decoded(raw, character_sets, _DELIMITERS)


def encodings_of(dataset: Dataset) -> tuple[str, ...]:
    """Python's names of the dataset's character sets (PS3.5 6.1.2.5); none when it declares none.

    Devices exist that send UTF-8 or Latin-1 without declaring it: :func:`text` then reads what the bytes are.
    """
    raw = dataset.get(SPECIFIC_CHARACTER_SET, b"")
    terms = raw.decode("ascii", "replace").rstrip(" \0").split("\\") if isinstance(raw, bytes) else []
    if terms == ["ISO_IR 192"]:
        return ("utf8",)
    if not terms or terms == [""]:
        return ()
    try:
        return tuple(convert_encodings([term.strip() for term in terms]))
    except (LookupError, ValueError):  # no name of a character set at all
        return ()


REPRESENTATIONS: dict[int, str] = {
    0x00080050: "SH", 0x00080060: "CS", 0x00080090: "PN", 0x00080100: "SH", 0x00080102: "SH", 0x00080104: "LO",
    0x00081110: "SQ", 0x00081120: "SQ", 0x00100010: "PN", 0x00100020: "LO", 0x00100021: "LO", 0x00100022: "CS",
    0x00100030: "DA", 0x00100040: "CS", 0x00101002: "SQ", 0x00101020: "DS", 0x00101030: "DS", 0x00102000: "LO",
    0x00102110: "LO", 0x001021B0: "LT", 0x001021C0: "US", 0x001021D0: "DA", 0x00104000: "LT", 0x0020000D: "UI",
    0x00321032: "PN", 0x00321033: "LO", 0x00321060: "LO", 0x00321064: "SQ", 0x00321070: "LO", 0x00380010: "LO",
    0x00380050: "LO", 0x00380300: "LO", 0x00380500: "LO", 0x00400001: "AE", 0x00400002: "DA", 0x00400003: "TM",
    0x00400006: "PN", 0x00400007: "LO", 0x00400008: "SQ", 0x00400009: "SH", 0x00400010: "SH", 0x00400011: "SH",
    0x00400012: "LO", 0x00400020: "CS", 0x00400100: "SQ", 0x00400400: "LT", 0x00401001: "SH", 0x00401002: "LO",
    0x00401003: "SH", 0x00401004: "LO", 0x00401005: "LO", 0x0040100A: "SQ", 0x00401400: "LT", 0x00402004: "DA",
    0x00402005: "TM", 0x00402016: "LO", 0x00402017: "LO", 0x00402400: "LT", 0x00403001: "LO",
}  # fmt: skip
"""Value representations of every attribute in our answers: what can be matched."""


def attributes_of(dataset: Dataset, character_sets: tuple[str, ...] | None = None) -> dict[int, Value]:
    """Text values and items of the attributes in :data:`REPRESENTATIONS`."""
    if character_sets is None:
        character_sets = encodings_of(dataset)
    attributes: dict[int, Value] = {}
    for tag, element in iterate(dataset):
        if isinstance(element, list):
            attributes[tag] = [attributes_of(item, character_sets) for item in element]
        elif tag in REPRESENTATIONS:
            attributes[tag] = text(element, character_sets)
    return attributes


def iterate(dataset: Dataset) -> Iterator[tuple[int, Element]]:
    """Elements in which a person could ask: without group lengths, character set and private elements."""
    for tag, element in dataset.items():
        if tag & 0xFFFF and not (tag >> 16) & 1 and tag != SPECIFIC_CHARACTER_SET:
            yield tag, element
