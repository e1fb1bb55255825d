"""Where the video stream lies in a DICOM file: the fragments of its encapsulated pixel data (PS3.5 A.4), found by
reading a few bytes at a time, so that a long video is never read as a whole. Pure but for the reading that it is given.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pydicom

from ris_core.errors import InvalidValue

HEAD_BYTES: Final = 256 * 1024
"""Attributes before the pixels; a video has few."""
MAXIMUM_FRAGMENTS: Final = 256
_PIXEL_DATA: Final = 0x7FE00010
_ITEM: Final = b"\xfe\xff\x00\xe0"
_DELIMITER: Final = b"\xfe\xff\xdd\xe0"

Read = Callable[[int, int], bytes]
"""``read(offset, length)``: bytes of the file, fewer at its end."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A byte stream made of parts of a file."""

    spans: tuple[tuple[int, int], ...]
    """Offset and length of each."""

    @property
    def length(self) -> int:
        return sum(length for _, length in self.spans)

    def parts(self, start: int, end: int) -> list[tuple[int, int]]:
        """Offset and length in the file of the stream's bytes from ``start`` up to, not including, ``end``."""
        found, position = [], 0
        for offset, length in self.spans:
            first, last = max(start, position), min(end, position + length)
            if first < last:
                found.append((offset + first - position, last - first))
            position += length
        return found


def video_stream(read: Read) -> Stream:
    """The fragments behind the offset table.

    :raises InvalidValue: the file has no encapsulated pixels, or in too many fragments
    """
    position = _pixels_begin(read(0, HEAD_BYTES))
    spans: list[tuple[int, int]] = []
    for number in range(MAXIMUM_FRAGMENTS + 1):
        header = read(position, 8)
        if len(header) < 8 or header[:4] == _DELIMITER:
            break
        if header[:4] != _ITEM:
            raise InvalidValue("the pixel data is not encapsulated", field="PixelData")
        (length,) = struct.unpack("<L", header[4:])
        if number:  # the first item is the offset table
            spans.append((position + 8, length))
        position += 8 + length
    else:
        raise InvalidValue("the video lies in too many fragments", field="PixelData")
    if not spans:
        raise InvalidValue("the file has no pixels", field="PixelData")
    return Stream(tuple(spans))


def _pixels_begin(head: bytes) -> int:
    """Offset of the first item of the pixel data (explicit VR: all compressed syntaxes are)."""
    stopped: list[int] = []

    def at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
        if tag == _PIXEL_DATA:
            stopped.append(tag)
            return True
        return False

    file = io.BytesIO(head)
    try:
        pydicom.filereader.read_partial(file, stop_when=at_pixels)
    except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError, struct.error) as error:
        raise InvalidValue("the file's attributes cannot be read", field="PixelData") from error
    if not stopped:
        raise InvalidValue("the file has no pixels near its beginning", field="PixelData")
    return file.tell() + 12  # tag, VR, two reserved bytes, length of 32 bits
