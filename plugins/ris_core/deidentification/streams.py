"""A compressed picture and nothing beside it: what encoders and cameras write into the stream (comments, EXIF,
thumbnails) is blanked where it stands, what lies behind the stream's end is cut off. Pure.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ris_core.studies.elements import HeaderUnreadable

Span = tuple[int, int]

_JPEG: Final = b"\xff\xd8"
_JPEG_2000: Final = b"\xff\x4f"
_NEXT_MARKER: Final = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]", re.DOTALL)
"""Behind a scan (T.81 B.1.1.5, T.87 A.1): what follows 0xFF otherwise is stuffed, a restart or filling."""
_SCAN: Final = 0xDA
_IMAGE_END: Final = 0xD9
_COMMENT: Final = 0xFE
_RESERVED: Final = frozenset({*range(0xF0, 0xF7), *range(0xF9, 0xFE)})
"""JPG0 to JPG13 but those of JPEG-LS: no decoder reads them."""
_KEPT_OF_APPLICATIONS: Final = {0xE0: (b"JFIF\0", 14), 0xE8: (b"mrfx", 5), 0xEE: (b"Adobe", 12)}
"""How colours are meant: by which word such a segment begins, and how much of it says that."""
_TILE_PART: Final = 0x90
_TILE_DATA: Final = 0x93
_COMMENT_2000: Final = 0x64
_CODESTREAM_END: Final = re.compile(rb"\xff\xd9")
_RLE_HEADER: Final = struct.Struct("<16I")


@dataclass(slots=True)
class Layout:
    """What of a stream is not picture."""

    end: int = 0
    """What comes from here on is no part of it."""
    remarks: list[Span] = field(default_factory=list)


def begins_stream(fragment: memoryview) -> bool:
    """Whether a JPEG, JPEG-LS or JPEG 2000 picture begins here."""
    return bytes(fragment[:2]) in (_JPEG, _JPEG_2000)


def only_picture(stream: memoryview) -> memoryview:
    """One frame in JPEG, JPEG-LS or JPEG 2000; not copied where there is nothing to be blanked.

    :raises HeaderUnreadable: it is none of them, or its end is not to be found
    """
    begins = bytes(stream[:2])
    if begins not in (_JPEG, _JPEG_2000):
        raise HeaderUnreadable("compressed in a way that we cannot look into")
    return _without(stream, _in_jpeg if begins == _JPEG else _in_jpeg_2000)


def only_runs(stream: memoryview, segment_count: int, segment_bytes: int) -> memoryview:
    """The same of one frame in RLE (PS3.5 G).

    :param segment_count: one for each byte of a pixel
    :param segment_bytes: of each, unpacked
    :raises HeaderUnreadable: it has others, or they lie elsewhere
    """
    return _without(stream, lambda each: _in_runs(each, segment_count, segment_bytes))


def _without(stream: memoryview, look: Callable[[memoryview], Layout]) -> memoryview:
    try:
        layout = look(stream)
    except (struct.error, IndexError):
        raise HeaderUnreadable("a compressed picture ends within itself") from None
    spans = [(start, end) for start, end in layout.remarks if any(stream[start:end])]
    if not spans:
        return stream[: layout.end]
    blanked = bytearray(stream[: layout.end])
    for start, end in spans:
        blanked[start:end] = bytes(end - start)
    return memoryview(bytes(blanked))


def _in_jpeg(stream: memoryview) -> Layout:
    """JPEG and JPEG-LS."""
    found, at = Layout(), 2
    while True:
        while stream[at] == 0xFF and stream[at + 1] == 0xFF:
            at += 1
        marker = stream[at + 1]
        if stream[at] != 0xFF or marker < 0x80:
            raise HeaderUnreadable("no marker where one should be")
        if marker == _IMAGE_END:
            found.end = at + 2
            return found
        start, end = _segment(stream, at)
        if marker == _COMMENT or marker in _RESERVED:
            found.remarks.append((start, end))
        elif 0xE0 <= marker <= 0xEF:
            word, kept = _KEPT_OF_APPLICATIONS.get(marker, (b"", 0))
            is_kept = word and bytes(stream[start : start + len(word)]) == word
            found.remarks.append((min(start + kept, end) if is_kept else start, end))
        at = end
        if marker == _SCAN:
            following = _NEXT_MARKER.search(stream, end)
            if following is None:
                raise HeaderUnreadable("a picture without an end")
            at = following.start()


def _in_jpeg_2000(stream: memoryview) -> Layout:
    """Comments of the main header and of those of the parts of tiles (ISO 15444-1 annex A)."""
    found, at, part_ends = Layout(), 2, 0
    while True:
        marker = stream[at + 1]
        if stream[at] != 0xFF:
            raise HeaderUnreadable("no marker where one should be")
        if marker == _IMAGE_END:
            found.end = at + 2
            return found
        if marker == _TILE_DATA:
            at = part_ends if part_ends > at else _end_of_codestream(stream, at)
            continue
        start, end = _segment(stream, at)
        if marker == _TILE_PART:
            (length,) = struct.unpack_from(">I", stream, start + 2)
            part_ends = at + length if length else 0
        elif marker == _COMMENT_2000:
            found.remarks.append((min(start + 2, end), end))
        at = end


def _end_of_codestream(stream: memoryview, at: int) -> int:
    """Of the last part of a tile, which may say that it goes on to the end: no packet has such a marker in it."""
    found = _CODESTREAM_END.search(stream, at)
    if found is None:
        raise HeaderUnreadable("a picture without an end")
    return found.start()


def _in_runs(stream: memoryview, segment_count: int, segment_bytes: int) -> Layout:
    count, *offsets = _RLE_HEADER.unpack_from(stream, 0)
    used = [*offsets[:count], len(stream)]
    if count != segment_count or used[0] != _RLE_HEADER.size or any(one >= other for one, other in pairwise(used)):
        raise HeaderUnreadable("the segments of a picture lie elsewhere")
    found = Layout(remarks=[(4 + 4 * count, _RLE_HEADER.size)])
    for at, following in pairwise(used):
        end = _end_of_runs(stream, at, segment_bytes)
        if end > following:
            raise HeaderUnreadable("a segment of a picture ends within the next")
        found.remarks.append((end, following))
        found.end = end
    return found


def _end_of_runs(stream: memoryview, at: int, byte_count: int) -> int:
    """Where so many bytes have been unpacked (PS3.5 G.3.1)."""
    there = 0
    while there < byte_count:
        code = stream[at]
        if code < 0x80:
            there, at = there + code + 1, at + code + 2
        elif code > 0x80:
            there, at = there + 257 - code, at + 2
        else:
            at += 1
    return at


def _segment(stream: memoryview, at: int) -> Span:
    """Where the content of the marker segment at ``at`` lies."""
    (length,) = struct.unpack_from(">H", stream, at + 2)
    end = at + 2 + length
    if length < 2 or end > len(stream):
        raise HeaderUnreadable("a marker segment ends elsewhere")
    return at + 4, end
