"""DICOM files as one ZIP, written while it is sent: nothing larger than a piece of a file is in memory.

Names in it are numbers: they tell nothing of the patient.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from ris_core.engine.answers import EngineInstance
from ris_core.engine.client import Engine
from ris_core.identifiers import StudyInstanceUID
from ris_core.settings import Settings

LOOK_SECONDS: Final = 2.0
"""How often it is asked whether sending may go on."""


class _Pipe(io.RawIOBase):
    """What the ZIP writer writes, to be taken out piece by piece."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._waiting.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        pieces, self._waiting = self._waiting, []
        return b"".join(pieces)


def zip_of(
    settings: Settings,
    study_uids: Iterable[str],
    *,
    without_series: Collection[str] = (),
    still_open: Callable[[], bool],
) -> Iterator[bytes]:
    """All files of the studies.

    :param without_series: SeriesInstanceUIDs of what is left out
    :param still_open: when it says no the ZIP ends there, unreadable: the share was revoked, or images were
        taken from the exam
    """
    pipe = _Pipe()
    looked_at = time.monotonic()
    with (
        Engine.from_settings(settings, "web", timeout_seconds=60.0) as engine,
        zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive,
    ):
        for study_number, uid in enumerate(study_uids, 1):
            instances = _instances(engine, uid, frozenset(without_series))
            for number, instance in enumerate(instances, 1):
                with archive.open(f"{study_number:02d}/{number:05d}.dcm", "w") as entry:
                    for piece in engine.instance_pieces(instance.orthanc_id):
                        entry.write(piece)
                        yield pipe.taken()
                if time.monotonic() - looked_at > LOOK_SECONDS:
                    looked_at = time.monotonic()
                    if not still_open():
                        return
    yield pipe.taken()


def _instances(engine: Engine, study_uid: str, without_series: frozenset[str]) -> list[EngineInstance]:
    found = []
    for key in engine.find_studies(StudyInstanceUID(study_uid)):
        instances = engine.instances(key)
        uids = {series: engine.series(series).series_instance_uid for series in {each.series_id for each in instances}}
        found += [each for each in instances if uids[each.series_id] not in without_series]
    return found
