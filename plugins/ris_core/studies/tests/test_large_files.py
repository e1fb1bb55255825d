"""A file of hundreds of megabytes is corrected in the memory of a small one."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from ris_core.engine.answers import StoredInstance
from ris_core.engine.client import Engine
from ris_core.engine.transport import Upload
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.dicom_file import read_dicom_file
from ris_core.studies.elements import FileData
from ris_core.studies.files_on_disk import on_disk, upload
from ris_core.studies.handlers import correct_study
from ris_core.studies.models import Study
from ris_core.studies.rewriting import as_received, same_bytes
from ris_testing.dicom_files import a_dicom_file
from ris_testing.exams import an_exam
from ris_testing.storing_engine import StoringEngine, an_image, names, received

pytestmark = pytest.mark.django_db

FRAME = bytes(range(256)) * 4096
FRAMES = 300
MOST_BYTES = 24 * 1024 * 1024


class EngineOnDisk(StoringEngine):
    """Has no file in memory either, so that what is left is the worker's."""

    files: dict  # type: ignore[type-arg]

    def instance_pieces(self, orthanc_id: str) -> Iterator[bytes]:
        data = self.files[orthanc_id]
        yield from (data[at : at + 1024**2] for at in range(0, len(data), 1024**2))

    def store_instance(self, dicom: bytes | Upload) -> StoredInstance:
        assert isinstance(dicom, Upload)
        data = on_disk(dicom)
        assert len(data) == len(dicom)
        study, _, instance = self._ids(data)  # type: ignore[arg-type]
        there = instance in self.files
        self.files.setdefault(instance, data)
        return StoredInstance(instance, study, there)


def a_recording(exam: RequestedProcedure, **attributes: str) -> FileData:
    """Some 300 MB in many frames; its pixels are followed by another element."""
    head = an_image(1, exam, NumberOfFrames=str(FRAMES), **attributes)
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, len(FRAME) * FRAMES)
    padding = struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, 2) + b"\0\1"
    return on_disk(piece for piece in (head, pixels, *[FRAME] * FRAMES, padding))


def most_memory_while(done: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        done()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("attributes", [{}, {"PatientID": "TYPED WRONGLY"}], ids=["in place", "to another patient"])
def test_a_large_file_is_corrected_in_little_memory(
    monkeypatch: pytest.MonkeyPatch, attributes: dict[str, str]
) -> None:
    engine, exam = EngineOnDisk(), an_exam(images=False)
    monkeypatch.setattr(Engine, "from_settings", lambda *_, **__: engine)
    recording = a_recording(exam, **attributes)
    study: Study = received(engine, exam, recording)  # type: ignore[arg-type]
    assert most_memory_while(lambda: correct_study(str(study.pk))) < MOST_BYTES
    (stored,) = engine.files.values()
    assert names(engine) == {exam.patient.dicom_name}
    assert not same_bytes(stored, recording)
    assert same_bytes(on_disk(upload(as_received(read_dicom_file(stored)))), recording)


def test_an_empty_file_and_a_small_one_are_read_as_they_are() -> None:
    assert on_disk(iter(())) == b""
    small = a_dicom_file(PatientName="LÊ^THỊ HOA")
    assert on_disk([small[:200], small[200:]])[:] == small
    assert b"".join(upload(read_dicom_file(small))) == small
