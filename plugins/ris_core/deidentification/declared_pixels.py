"""Of an image's pixels what its attributes declare, and not a byte more: what devices and programs leave behind them,
between them or beside them could be anything.

Pieces of the file are taken over as they lie there, not copied; compressed frames get one fragment each. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import Final

from pydicom.dataset import Dataset

from ris_core.deidentification.streams import begins_stream, only_picture, only_runs
from ris_core.studies.dicom_file import Encoding
from ris_core.studies.elements import (
    UNDEFINED,
    FileData,
    HeaderIncomplete,
    HeaderUnreadable,
    after_undefined,
    length_at,
)

_GROUP: Final = 0x7FE0
_PIXEL_DATA: Final = 0x0010
_BITS_OF: Final = {0x0008: 32, 0x0009: 64}
"""Float and Double Float Pixel Data say nothing else of their size."""
_VRS: Final = frozenset({b"OB", b"OW", b"OF", b"OD"})
_RLE: Final = "1.2.840.10008.1.2.5"
_ITEM: Final = 0xE000
_END: Final = 0xE0DD
_LARGEST_OFFSET: Final = 0xFFFFFFFF
MOST_COPIED_BYTES: Final = 256 * 1024**2
"""Frames in which something is blanked, or that lie in several fragments, are in memory; more is withheld."""
MOST_FRAGMENTS: Final = 250_000
"""Two hours of pictures; each costs more memory than the eight bytes that one takes in a file."""
_MOST_BYTES_OF_PIXEL: Final = 15
"""Segments that the header of RLE has room for."""

Pieces = tuple[memoryview, ...]


def declared_pixels(data: FileData, start: int, encoding: Encoding, described: Dataset, syntax: str) -> Pieces:
    """The pixels' element in the file ``data``, encoded anew around its pieces; none when there is none. Other elements
    of its group are not taken over.

    :param start: where group 7FE0 begins in ``data``
    :param described: the image's attributes
    :param syntax: its transfer syntax, where that compresses; empty: it does not
    :raises HeaderUnreadable, HeaderIncomplete: they are not what the attributes say
    """
    found = [element for element in _elements(data, start, encoding) if element[0] in (_PIXEL_DATA, *_BITS_OF)]
    if not found:
        return ()
    (number, at, end), *further = found
    length, value_at = length_at(data, at, encoding.explicit, encoding.order)
    if further or (length == UNDEFINED) != bool(syntax) or (syntax and number != _PIXEL_DATA):
        raise HeaderUnreadable("the pixels are there twice, or in another form than the file says")
    value = memoryview(data)[value_at:end]
    if syntax:
        return _compressed(data, _frames(value, described), described, syntax)
    return _native(value, number, bytes(data[at + 4 : at + 6]), encoding, described)


def _elements(data: FileData, at: int, encoding: Encoding) -> Iterator[tuple[int, int, int]]:
    """Number, beginning and end of each element of the group."""
    while at + 8 <= len(data):
        group, number = struct.unpack_from(encoding.order + "HH", data, at)
        if group != _GROUP:
            return
        length, value_at = length_at(data, at, encoding.explicit, encoding.order)
        undefined = length == UNDEFINED
        end = after_undefined(data, at, encoding.explicit, encoding.order) if undefined else value_at + length
        if end > len(data):
            raise HeaderIncomplete("the bytes end within the pixels")
        yield number, at, end
        at = end


def _native(value: memoryview, number: int, vr: bytes, encoding: Encoding, described: Dataset) -> Pieces:
    """What is shorter than declared is no picture, and may be anything.

    :param vr: as in the file, where that says it
    """
    bits = _BITS_OF.get(number) or _number(described, "BitsAllocated")
    declared = -(-_values(described) * bits // 8)
    if described.get("PhotometricInterpretation") == "YBR_FULL_422":
        if len(value) not in (declared, declared + (declared & 1)) and len(value) > declared // 3 * 2 + 1:
            raise HeaderUnreadable("colours of two pixels together, or of each: its length fits neither")
        declared = declared if len(value) >= declared else declared // 3 * 2
    if not 0 < declared <= len(value):
        raise HeaderUnreadable("fewer pixels than there should be")
    if encoding.order == ">" and vr != b"OB":
        declared += declared & 1  # the last byte of words lies behind its padding
    kept = value[:declared]
    padding = b"\0" * (len(kept) & 1)
    length = len(kept) + len(padding)
    header = struct.pack(encoding.order + "HH", _GROUP, number)
    if encoding.explicit:
        header += (vr if vr in _VRS else b"OW" if bits > 8 else b"OB") + b"\0\0"
    return memoryview(header + struct.pack(encoding.order + "I", length)), kept, memoryview(padding)


def _compressed(data: FileData, frames: Iterable[memoryview], described: Dataset, syntax: str) -> Pieces:
    pixel_bytes = segment_bytes = 0
    if syntax == _RLE:
        pixel_bytes = _number(described, "SamplesPerPixel", 1) * -(-_number(described, "BitsAllocated") // 8)
        segment_bytes = _number(described, "Rows") * _number(described, "Columns")
        if not segment_bytes or not 0 < pixel_bytes <= _MOST_BYTES_OF_PIXEL:
            raise HeaderUnreadable("how large the pixels are cannot be told")
    offsets: list[int] = []
    pieces: list[memoryview] = []
    at = copied = 0
    for frame in frames:
        picture = only_runs(frame, pixel_bytes, segment_bytes) if syntax == _RLE else only_picture(frame)
        copied += len(picture) if picture.obj is not data else 0
        if copied > MOST_COPIED_BYTES:
            raise HeaderUnreadable("too large to be written anew")
        padding = b"\0" * (len(picture) & 1)
        length = len(picture) + len(padding)
        pieces += [memoryview(struct.pack("<HHI", 0xFFFE, _ITEM, length)), picture, memoryview(padding)]
        offsets.append(at)
        at += 8 + length
    table = struct.pack(f"<{len(offsets)}I", *offsets) if len(offsets) > 1 and at <= _LARGEST_OFFSET else b""
    start = struct.pack("<HH2s2xI", _GROUP, _PIXEL_DATA, b"OB", UNDEFINED)
    start += struct.pack("<HHI", 0xFFFE, _ITEM, len(table)) + table
    return memoryview(start), *pieces, memoryview(struct.pack("<HHI", 0xFFFE, _END, 0))


def _frames(value: memoryview, described: Dataset) -> Iterator[memoryview]:
    """As many frames as are declared, each in one piece; fragments of no frame are left out.

    A picture begins where one of its fragments does (PS3.5 A.4): the table of offsets, which may be wrong or missing,
    is only needed where that cannot be told (RLE has one fragment a frame, G.2).
    """
    count = max(1, _number(described, "NumberOfFrames", 1))
    _table, *fragments = _fragments(value) or [value[:0]]
    begins = [place for place, fragment in enumerate(fragments) if begins_stream(fragment)]
    if not begins:
        begins = list(range(len(fragments)))
    if len(begins) < count or begins[0]:
        raise HeaderUnreadable("fewer frames than there should be")
    for start, end in islice(pairwise((*begins, len(fragments))), count):
        parts = fragments[start:end]
        if sum(map(len, parts)) > MOST_COPIED_BYTES and len(parts) > 1:
            raise HeaderUnreadable("too large to be put together")
        yield parts[0] if len(parts) == 1 else memoryview(b"".join(parts))


def _fragments(value: memoryview) -> list[memoryview]:
    """The items; the first is the table of offsets."""
    found: list[memoryview] = []
    at = 0
    while True:
        if at + 8 > len(value):
            raise HeaderIncomplete("the bytes end within the pixels")
        group, tag, length = struct.unpack_from("<HHI", value, at)
        at += 8
        if (group, tag) == (0xFFFE, _END):
            return found
        if (group, tag) != (0xFFFE, _ITEM) or at + length > len(value):
            raise HeaderUnreadable("no item where one should be")
        if len(found) > MOST_FRAGMENTS:
            raise HeaderUnreadable("more fragments than any image has")
        found.append(value[at : at + length])
        at += length


def _values(described: Dataset) -> int:
    frames = max(1, _number(described, "NumberOfFrames", 1))
    samples = _number(described, "SamplesPerPixel", 1)
    return frames * _number(described, "Rows") * _number(described, "Columns") * samples


def _number(described: Dataset, keyword: str, otherwise: int = 0) -> int:
    return int(described.get(keyword) or otherwise)
