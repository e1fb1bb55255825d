"""What is in a file that somebody hands in: a DICOM file, a ZIP or the image of a disc.

Nothing in it is believed: names are never used as paths, sizes are counted while they are unpacked, links are bytes
like others, archives are opened two deep at most.
"""

from __future__ import annotations

import errno
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ris_core.imports.discs import DiscTooLarge, DiscUnreadable, files_on, is_disc
from ris_core.imports.errors import ImportTooLarge

DEEPEST: Final = 2
"""Archives within archives."""
HIGHEST_RATIO: Final = 200
"""An entry that is so many times larger than its compressed bytes is a bomb: images reach 30, empty ones 100."""
LARGEST_INDEX_BYTES: Final = 16 * 1024 * 1024
"""Of an archive: 20,000 entries with names of 800 bytes."""
_PIECE_BYTES: Final = 1024 * 1024
_PREAMBLE: Final = 132
_UNREADABLE = (
    DiscUnreadable, zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError, IndexError, KeyError, TypeError, AttributeError, OSError, RecursionError,
)  # fmt: skip


class Readable(Protocol):
    """An entry of an archive or a disc."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True)
class Allowance:
    """What may still come out of one import.

    :raises ImportTooLarge: (from its methods) when it is used up
    """

    bytes_left: int
    files_left: int

    def take_file(self) -> None:
        self.files_left -= 1
        if self.files_left < 0:
            raise ImportTooLarge("more files than an import may have", field="files")

    def take_bytes(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise ImportTooLarge("more bytes than an import may have", field="bytes")


@dataclass(slots=True)
class Unpacking:
    """Takes files apart into ``folder``.

    :param scratch: where further files are written, under numbers
    """

    scratch: Path
    allowance: Allowance
    passed_over: int = 0
    """Files that are no DICOM objects."""
    damaged: int = 0
    """Files, folders and archives that cannot be read to their end: images may be missing."""
    _number: int = 0

    def objects_in(self, path: Path, depth: int = 0) -> Iterator[Path]:
        """DICOM files, each on disk until the caller has moved it or goes on. What is none, or cannot be read, is
        counted.

        :raises ImportTooLarge: it holds more than it may
        """
        with path.open("rb") as file:
            beginning = file.read(_PREAMBLE)
            may_be_disc = is_disc(file)
        if beginning[128:132] == b"DICM":
            yield path
        elif depth < DEEPEST and beginning[:2] == b"PK" and zipfile.is_zipfile(path):
            yield from self._inside(self._of_zip(path), depth)
        elif depth < DEEPEST and may_be_disc:
            yield from self._inside(self._of_disc(path), depth)
        else:
            self.passed_over += 1

    def _inside(self, entries: Iterator[Path], depth: int) -> Iterator[Path]:
        try:
            for entry in entries:
                yield from self.objects_in(entry, depth + 1)
                entry.unlink(missing_ok=True)
        except _UNREADABLE as error:
            self._pass_over(error)  # what came before the damage stays

    def _of_zip(self, path: Path) -> Iterator[Path]:
        if _index_bytes(path) > LARGEST_INDEX_BYTES:  # all of it is read into memory before its first entry is seen
            raise ImportTooLarge("an archive with more entries than an import may have", field="files")
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                self.allowance.take_file()
                if entry.file_size > max(_PIECE_BYTES, entry.compress_size * HIGHEST_RATIO):
                    raise ImportTooLarge("an entry is compressed beyond belief", field="ratio")
                try:
                    with archive.open(entry) as content:
                        yield self._written(content)
                except _UNREADABLE as error:
                    self._pass_over(error)

    def _of_disc(self, path: Path) -> Iterator[Path]:
        with path.open("rb") as image:
            try:
                for found in files_on(image):
                    self.allowance.take_file()
                    try:
                        yield self._written(found)
                    except _UNREADABLE as error:
                        self._pass_over(error)
            except DiscTooLarge as error:
                raise ImportTooLarge(str(error), field="files") from error

    def _pass_over(self, error: Exception) -> None:
        """:raises OSError: the disk is full, which says nothing of the file"""
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise error
        self.damaged += 1

    def _written(self, content: Readable) -> Path:
        self._number += 1
        target = self.scratch / f"{self._number}.entry"
        try:
            with target.open("wb") as file:
                while piece := content.read(_PIECE_BYTES):
                    self.allowance.take_bytes(len(piece))
                    file.write(piece)
        except BaseException:
            target.unlink()
            raise
        return target


def _index_bytes(path: Path) -> int:
    """Of a ZIP's central directory, as :mod:`zipfile` is going to read it."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    return int(end[zipfile._ECD_SIZE]) if end else 0  # type: ignore[attr-defined]
