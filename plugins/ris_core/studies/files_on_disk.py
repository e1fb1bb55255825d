"""Files of any size without their weight in memory: on disk without a name, and read as if they were bytes.

The kernel reads what is looked at and may forget it again; a file is gone with the last object that refers to it, also
when the process is killed. They lie in the suite's own folder: ``/tmp`` is often memory itself.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import Final

from django.conf import settings

from ris_core.engine.client import Engine
from ris_core.engine.transport import Upload
from ris_core.studies.dicom_file import DicomFile
from ris_core.studies.elements import FileData

_PIECE_BYTES: Final = 1024 * 1024


def on_disk(pieces: Iterable[bytes]) -> FileData:
    """One file from its pieces.

    :raises OSError: the disk is full
    """
    folder = settings.QUANG.home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder) as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.tell() else b""


def stored_file(engine: Engine, orthanc_id: str) -> FileData:
    """The whole DICOM file of an instance as the engine has it."""
    return on_disk(engine.instance_pieces(orthanc_id))


def upload(file: DicomFile) -> Upload:
    """``file`` as it is sent: its pixels from where they lie."""
    if file.deflated:
        whole = file.as_bytes()
        return Upload(len(whole), lambda: _slices(memoryview(whole)))
    start, pixels = file.before_pixels(), memoryview(file.pixels)

    def pieces() -> Iterator[bytes]:
        yield start
        yield from _slices(pixels)

    return Upload(len(start) + len(pixels), pieces)


def _slices(data: memoryview) -> Iterator[bytes]:
    return (bytes(data[at : at + _PIECE_BYTES]) for at in range(0, len(data), _PIECE_BYTES))
