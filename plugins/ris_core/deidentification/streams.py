"""What encoders and cameras have written into compressed pixels beside the picture: comments, EXIF, thumbnails.

It is blanked where it stands, so that lengths and offsets hold. Pure.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from ris_core.studies.elements import UNDEFINED, HeaderUnreadable

MOST_REWRITTEN_BYTES: Final = 256 * 1024**2
"""Pixels in which something is to be blanked are in memory as a whole; larger ones are withheld."""

Span = tuple[int, int]

_LONG_FORMS: Final = frozenset({b"OB", b"OW", b"OV", b"OF", b"OD", b"OL", b"UN"})
_ITEM: Final = 0xE000
_END: Final = 0xE0DD
_JPEG: Final = b"\xff\xd8"
_JPEG_2000: Final = b"\xff\x4f"
_NEXT_MARKER: Final = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]", re.DOTALL)
"""Behind a scan (T.81 B.1.1.5, T.87 A.1): what follows 0xFF otherwise is stuffed, a restart or filling."""
_SCAN: Final = 0xDA
_IMAGE_END: Final = 0xD9
_COMMENT: Final = 0xFE
_KEPT_OF_APPLICATIONS: Final = {0xE0: (b"JFIF\0", 14), 0xE8: (b"mrfx", 5), 0xEE: (b"Adobe", 12)}
"""How colours are meant: by which word such a segment begins, and how much of it says that."""
_TILE_PART: Final = 0x90
_TILE_DATA: Final = 0x93
_COMMENT_2000: Final = 0x64


def without_remarks(pixels: memoryview) -> memoryview:
    """The elements of group 7FE0 of a compressed image, the same where there was nothing to be blanked.

    :raises HeaderUnreadable: they are not what compressed pixels are
    """
    try:
        spans = [span for start, end in _fragments(pixels) for span in _remarks(pixels[start:end], start)]
    except (struct.error, IndexError):
        raise HeaderUnreadable("the compressed pixels end within a marker") from None
    spans = [(start, end) for start, end in spans if any(pixels[start:end])]
    if not spans:
        return pixels
    if len(pixels) > MOST_REWRITTEN_BYTES:
        raise HeaderUnreadable("too large to be written anew")
    blanked = bytearray(pixels)
    for start, end in spans:
        blanked[start:end] = bytes(end - start)
    return memoryview(bytes(blanked))


def _fragments(pixels: memoryview) -> Iterator[Span]:
    """Where the pieces of the compressed stream lie; the table of offsets before them is none."""
    at = 0
    while at + 12 <= len(pixels):
        long = bytes(pixels[at + 4 : at + 6]) in _LONG_FORMS
        (length,) = struct.unpack_from("<I" if long else "<H", pixels, at + (8 if long else 6))
        at += 12 if long else 8
        if length != UNDEFINED:
            at += length
            continue
        number = 0
        while True:
            group, tag, length = struct.unpack_from("<HHI", pixels, at)
            at += 8
            if (group, tag) == (0xFFFE, _END):
                break
            if (group, tag) != (0xFFFE, _ITEM) or at + length > len(pixels):
                raise HeaderUnreadable("no item where one should be")
            if number:
                yield at, at + length
            at += length
            number += 1


def _remarks(stream: memoryview, offset: int) -> Iterator[Span]:
    begins = bytes(stream[:2])
    found = _in_jpeg(stream) if begins == _JPEG else _in_jpeg_2000(stream) if begins == _JPEG_2000 else iter(())
    return ((offset + start, offset + end) for start, end in found)


def _in_jpeg(stream: memoryview) -> Iterator[Span]:
    """JPEG and JPEG-LS."""
    at = 2
    while at < len(stream):
        while stream[at] == 0xFF and stream[at + 1] == 0xFF:
            at += 1
        marker = stream[at + 1]
        if stream[at] != 0xFF or marker < 0x80:
            raise HeaderUnreadable("no marker where one should be")
        if marker == _IMAGE_END:
            yield at + 2, len(stream)
            return
        start, end = _segment(stream, at)
        if marker == _COMMENT:
            yield start, end
        elif 0xE0 <= marker <= 0xEF:
            word, kept = _KEPT_OF_APPLICATIONS.get(marker, (b"", 0))
            yield start + (kept if word and bytes(stream[start : start + len(word)]) == word else 0), end
        at = end
        if marker == _SCAN:
            following = _NEXT_MARKER.search(stream, end)
            if following is None:
                return
            at = following.start()


def _in_jpeg_2000(stream: memoryview) -> Iterator[Span]:
    """Comments of the main header and of those of the parts of tiles (ISO 15444-1 annex A)."""
    at, part_ends = 2, 0
    while at + 2 <= len(stream):
        marker = stream[at + 1]
        if stream[at] != 0xFF:
            raise HeaderUnreadable("no marker where one should be")
        if marker == _IMAGE_END:
            yield at + 2, len(stream)
            return
        if marker == _TILE_DATA:
            if part_ends <= at:
                return  # up to the end
            at = part_ends
            continue
        start, end = _segment(stream, at)
        if marker == _TILE_PART:
            (length,) = struct.unpack_from(">I", stream, start + 2)
            part_ends = at + length if length else 0
        elif marker == _COMMENT_2000:
            yield min(start + 2, end), end
        at = end


def _segment(stream: memoryview, at: int) -> Span:
    """Where the content of the marker segment at ``at`` lies."""
    (length,) = struct.unpack_from(">H", stream, at + 2)
    end = at + 2 + length
    if length < 2 or end > len(stream):
        raise HeaderUnreadable("a marker segment ends elsewhere")
    return at + 4, end
