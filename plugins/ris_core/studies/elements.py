"""Data elements in the bytes of a DICOM file (PS3.5 7, PS3.10 7): where each begins and ends.

Written for hostile files: nothing is called again for a nested sequence, and no length is trusted.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from typing import Final

from ris_core.errors import QuangError

FileData = bytes | mmap.mmap
"""A whole file or its beginning: in memory, or on disk and read where it is looked at. Slices of both are bytes."""
UNDEFINED: Final = 0xFFFFFFFF
LONG_VRS: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations with a length of four bytes (PS3.5 table 7.1-1)."""
IMPLICIT: Final = "1.2.840.10008.1.2"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"


class HeaderIncomplete(QuangError):
    """The bytes end before the attributes do; read more of the file."""

    code = "QUANG-4101"


class HeaderUnreadable(QuangError):
    """The file's structure makes no sense; ``detail`` says where."""

    code = "QUANG-4102"


def file_meta(data: FileData) -> tuple[str, int]:
    """Transfer Syntax UID and where the dataset begins; group 0002 is Explicit VR Little Endian (PS3.10 7.1)."""
    syntax, position = "", 132
    while True:
        if position + 8 > len(data):
            raise HeaderIncomplete("the file ends within its meta information")
        group, element = struct.unpack_from("<HH", data, position)
        if group != 0x0002:
            return syntax or IMPLICIT, position
        length, value_at = explicit_length(data, position, "<")
        if length == UNDEFINED:
            raise HeaderUnreadable("meta information with an undefined length")
        if element == 0x0010:
            syntax = data[value_at : value_at + length].decode("ascii", "replace").strip(" \0")
        position = value_at + length


def after_undefined(data: FileData, position: int, explicit: bool, order: str) -> int:
    """Where the element of undefined length at ``position`` ends: delimiters are counted, nothing is called again.

    What an element of unknown representation (UN) holds is Implicit VR Little Endian (PS3.5 6.2.2).
    """
    open_ends = [(0xFFFEE0DD, explicit, order)]  # which delimiter, and how elements after it are encoded
    value_at = length_at(data, position, explicit, order)[1]
    explicit, order = _within(data, position, explicit, order)
    position = value_at
    while open_ends:
        if position + 8 > len(data):
            raise HeaderIncomplete("the bytes end within a sequence")
        group, element = struct.unpack_from(order + "HH", data, position)
        tag = group << 16 | element
        if group == 0xFFFE:
            (length,) = struct.unpack_from(order + "I", data, position + 4)
            position += 8
            if tag == 0xFFFEE000:
                if length == UNDEFINED:
                    open_ends.append((0xFFFEE00D, explicit, order))
                else:
                    position += length
            elif any(end == tag for end, _, _ in open_ends):
                end = 0
                while end != tag:
                    end, explicit, order = open_ends.pop()
            continue
        length, value_at = length_at(data, position, explicit, order)
        if length == UNDEFINED:
            open_ends.append((0xFFFEE0DD, explicit, order))
            explicit, order = _within(data, position, explicit, order)
            position = value_at
        else:
            position = value_at + length
    return position


def _within(data: FileData, position: int, explicit: bool, order: str) -> tuple[bool, str]:
    """How the value of the element of undefined length at ``position`` is encoded."""
    return (False, "<") if explicit and data[position + 4 : position + 6] == b"UN" else (explicit, order)


def length_at(data: FileData, position: int, explicit: bool, order: str) -> tuple[int, int]:
    if explicit:
        return explicit_length(data, position, order)
    (length,) = struct.unpack_from(order + "I", data, position + 4)
    return length, position + 8


def explicit_length(data: FileData, position: int, order: str) -> tuple[int, int]:
    """Length and position of the value (PS3.5 7.1.2)."""
    vr = data[position + 4 : position + 6]
    if vr in LONG_VRS:
        if position + 12 > len(data):
            raise HeaderIncomplete("the bytes end within an element")
        (length,) = struct.unpack_from(order + "I", data, position + 8)
        return length, position + 12
    if not vr.isalpha() or not vr.isupper():
        raise HeaderUnreadable(f"no value representation at byte {position + 4}")
    (length,) = struct.unpack_from(order + "H", data, position + 6)
    return length, position + 8


def inflated(data: bytes | memoryview, maximum_bytes: int) -> bytes:
    """The beginning of a deflated dataset (PS3.5 A.5); bounded, so that a small file cannot fill the memory."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, maximum_bytes)
    except zlib.error as error:
        raise HeaderUnreadable("the deflated dataset cannot be inflated") from error
