"""The image of a disc (ISO 9660 = ECMA-119, Joliet), read as what it is: somebody else's bytes.

One block is in memory at a time, places are only followed once, everything is counted. Names are not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

SECTOR: Final = 2048
FIRST_DESCRIPTOR: Final = 16 * SECTOR
MOST_FOLDERS: Final = 20_000
MOST_RECORDS: Final = 200_000
MOST_EXTENTS: Final = 1000
"""Of one file; each has up to four gigabytes."""
MOST_FOLDER_BYTES: Final = 256 * 1024**2
"""Of all folders together, empty blocks too."""
_MOST_DESCRIPTORS: Final = 64
_PRIMARY, _SUPPLEMENTARY, _LAST = 1, 2, 255
_JOLIET: Final = (b"%/@", b"%/C", b"%/E")
_BLOCK_SIZES: Final = (512, 1024, 2048)
_FOLDER, _ASSOCIATED, _GOES_ON = 0x02, 0x04, 0x80
_RECORD: Final = struct.Struct("<BBI4xI4x7xBBB4xB")
"""Length, length of extended attributes, extent, bytes, flags, two numbers of interleaving, length of the name
(ECMA-119 9.1)."""
_ROOT_AT: Final = 156
_BLOCK_SIZE_AT: Final = 128
_ESCAPES_AT: Final = 88

Place = tuple[int, int]
"""First byte in the image, number of bytes."""


class DiscUnreadable(Exception):
    """It is no such image, is damaged, or was made to harm."""


class DiscTooLarge(DiscUnreadable):
    """It has more folders, entries or pieces of a file than any disc of images."""


@dataclass(slots=True)
class DiscFile:
    """One file: its pieces, read one after the other."""

    image: IO[bytes]
    places: list[Place]

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at its end.

        :raises DiscUnreadable: the image ends before
        """
        if not self.places or size < 1:
            return b""
        at, left = self.places[0]
        self.image.seek(at)
        piece = self.image.read(min(size, left))
        if not piece:
            raise DiscUnreadable("the image ends within a file")
        rest = at + len(piece), left - len(piece)
        self.places = [rest, *self.places[1:]] if rest[1] else self.places[1:]
        return piece


def is_disc(image: IO[bytes]) -> bool:
    image.seek(FIRST_DESCRIPTOR + 1)
    return image.read(5) == b"CD001"


def files_on(image: IO[bytes]) -> Iterator[DiscFile]:
    """Every file once, however many names it has.

    :raises DiscUnreadable: there is no folder that can be read; or at the end: one could not
    :raises DiscTooLarge: see there
    """
    block_size, root = _root(image)
    folders, seen, record_count, folder_bytes = [root], {root[0]}, 0, 0
    files: set[Place] = set()
    damaged: DiscUnreadable | None = None
    while folders:
        folder = folders.pop()
        folder_bytes += folder[1]
        if folder_bytes > MOST_FOLDER_BYTES:
            raise DiscTooLarge("larger folders than a disc of images has")
        try:
            for places, is_folder in _entries(image, folder, block_size):
                record_count += 1
                if record_count > MOST_RECORDS or len(seen) > MOST_FOLDERS:
                    raise DiscTooLarge("more folders or files than a disc of images has")
                first = places[0]
                if is_folder:
                    if first[0] not in seen:
                        seen.add(first[0])
                        folders.append(first)
                elif first not in files:
                    files.add(first)
                    yield DiscFile(image, [place for place in places if place[1]])
        except DiscTooLarge:
            raise
        except DiscUnreadable as error:
            damaged = error  # what lies in other folders is there all the same
    if damaged is not None:
        raise damaged


def _root(image: IO[bytes]) -> tuple[int, Place]:
    """Block size and root folder: Joliet's where there is one, as its tree has all files."""
    found: tuple[int, Place] | None = None
    for number in range(_MOST_DESCRIPTORS):
        image.seek(FIRST_DESCRIPTOR + number * SECTOR)
        descriptor = image.read(SECTOR)
        if len(descriptor) < SECTOR or descriptor[1:6] != b"CD001" or descriptor[0] == _LAST:
            break
        is_joliet = descriptor[0] == _SUPPLEMENTARY and descriptor[_ESCAPES_AT : _ESCAPES_AT + 3] in _JOLIET
        if not is_joliet and (found is not None or descriptor[0] != _PRIMARY):
            continue
        (block_size,) = struct.unpack_from("<H", descriptor, _BLOCK_SIZE_AT)
        if block_size not in _BLOCK_SIZES:
            raise DiscUnreadable("blocks of a size that there is not")
        _, extended, extent, length, *_ = _RECORD.unpack_from(descriptor, _ROOT_AT)
        found = block_size, ((extent + extended) * block_size, length)
    if found is None:
        raise DiscUnreadable("no volume descriptor")
    return found


def _entries(image: IO[bytes], folder: Place, block_size: int) -> Iterator[tuple[list[Place], bool]]:
    """Of one folder: where each lies, and whether it is a folder. What is interleaved or belongs to another file
    (associated) is none.

    :raises DiscTooLarge: see there
    """
    pieces: list[Place] = []
    at, end = folder[0], folder[0] + folder[1]
    while at < end:
        image.seek(at)
        sector = image.read(min(SECTOR, end - at))
        if not sector:
            raise DiscUnreadable("the image ends within a folder")
        at += SECTOR
        position = 0
        while position + _RECORD.size <= len(sector) and sector[position]:
            size, extended, extent, length, flags, unit, gap, name = _RECORD.unpack_from(sector, position)
            if size < _RECORD.size + name or position + size > len(sector):
                raise DiscUnreadable("an entry ends elsewhere")
            is_itself = name == 1 and sector[position + _RECORD.size] in (0, 1)
            position += size
            if is_itself or flags & _ASSOCIATED or unit or gap:
                continue
            pieces.append(((extent + extended) * block_size, length))
            if len(pieces) > MOST_EXTENTS:
                raise DiscTooLarge("a file in more pieces than any has")
            if not flags & _GOES_ON:
                yield pieces, bool(flags & _FOLDER)
                pieces = []
