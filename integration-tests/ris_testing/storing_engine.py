"""An engine in memory that keeps files as Orthanc does, for tests of what the worker does with them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image

from ris_core.engine.answers import EngineInstance, EngineSeries, EngineStudy, StoredInstance
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed, NotInEngine
from ris_core.engine.transport import Level, Upload
from ris_core.identifiers import OrthancId, StudyInstanceUID
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.dicom_file import SOP_INSTANCE_UID, read_dicom_file
from ris_core.studies.engine_ids import engine_id
from ris_core.studies.models import Study
from ris_core.studies.received import read_header
from ris_testing.dicom_files import a_dicom_file
from ris_testing.exams import an_exam, link_images

ONE, TWO = "1.2.3.1", "1.2.3.2"


class StoringEngine(Engine):
    """Keeps files as Orthanc does with ``OverwriteInstances`` ``Never``; ``while_changing`` runs once, when the next
    file is stored."""

    def __init__(self) -> None:
        self.files: dict[OrthancId, bytes] = {}
        self.while_changing: Callable[[], object] | None = None
        self.broken: set[str] = set()
        """SOPInstanceUIDs whose files cannot be read from the disk: the engine answers 500."""

    def close(self) -> None:
        pass

    def receive(self, data: bytes) -> OrthancId:
        ids = self._ids(data)
        self.files.setdefault(ids[2], data)
        return ids[0]

    def study(self, orthanc_id: str) -> EngineStudy:
        files = self._of(orthanc_id)
        if not files:
            raise NotInEngine("no such study")
        uid = read_header(next(iter(files.values()))).text("0020000D")
        series = tuple(dict.fromkeys(self._ids(data)[1] for data in files.values()))
        tags = {"StudyInstanceUID": uid, "PatientID": read_header(next(iter(files.values()))).text("00100020")}
        return EngineStudy(
            OrthancId(orthanc_id), uid, series, len(files), ("CT",), is_stable=True, last_update=timezone.now(),
            main_tags=tags,
        )  # fmt: skip

    def series(self, orthanc_id: str) -> EngineSeries:
        found = tuple(key for key, data in self.files.items() if self._ids(data)[1] == orthanc_id)
        uid = read_dicom_file(self.files[found[0]]).text(0x0020000E)
        return EngineSeries(OrthancId(orthanc_id), uid, "CT", found)

    def instances(self, study_id: str) -> list[EngineInstance]:
        return [
            EngineInstance(
                key, self._ids(data)[1], read_dicom_file(data).text(SOP_INSTANCE_UID), number=_text(data, 0x00200013)
            )
            for key, data in self._of(study_id).items()
        ]

    def find_studies(self, study_instance_uid: StudyInstanceUID) -> list[OrthancId]:
        under = {self._ids(data)[0] for data in self.files.values() if _text(data, 0x0020000D) == study_instance_uid}
        return sorted(under)

    def find_instances(self, sop_instance_uid: str) -> list[OrthancId]:
        return [key for key, data in self.files.items() if _text(data, SOP_INSTANCE_UID) == sop_instance_uid]

    def instance_file(self, orthanc_id: str) -> bytes:
        if OrthancId(orthanc_id) not in self.files:
            raise NotInEngine("no such instance")
        return self.files[OrthancId(orthanc_id)]

    def amount_in(self, study_id: str) -> tuple[int, int, int]:
        sizes = [len(data) for data in self._of(study_id).values()]
        return len(sizes), sum(sizes), sum(sizes)

    def rendered_frame(
        self,
        orthanc_id: str,
        frame: int,
        window: tuple[float, float] | None,
        *,
        within: tuple[int, int] | None = None,
        quality: int = 95,
    ) -> bytes:
        return self._picture(orthanc_id, "JPEG")

    def lossless_frame(self, orthanc_id: str, frame: int, window: tuple[float, float] | None) -> bytes:
        return self._picture(orthanc_id, "PNG")

    def _picture(self, orthanc_id: str, kind: str) -> bytes:
        if orthanc_id not in self.files:
            raise NotInEngine("no such instance")
        buffer = io.BytesIO()
        Image.new("L", (16, 16), 128).save(buffer, kind)
        return buffer.getvalue()

    def uncompressed_pieces(self, orthanc_id: str) -> Iterator[bytes]:
        return self.instance_pieces(orthanc_id)

    def instance_pieces(self, orthanc_id: str) -> Iterator[bytes]:
        data = self.instance_file(orthanc_id)
        if _text(data, SOP_INSTANCE_UID) in self.broken:
            raise EngineFailed("500 from the engine")
        yield from (data[at : at + 1024] for at in range(0, len(data), 1024))

    def instance_head(self, orthanc_id: str, byte_count: int) -> bytes:
        return self.files[OrthancId(orthanc_id)][:byte_count]

    def store_instance(self, dicom: bytes | Upload) -> StoredInstance:
        data = dicom if isinstance(dicom, bytes) else b"".join(dicom)
        study, _, instance = self._ids(data)
        there = instance in self.files
        self.files.setdefault(instance, data)
        happens, self.while_changing = self.while_changing, None
        if happens is not None:
            happens()
        return StoredInstance(instance, study, there)

    def remote_ae_title(self, orthanc_id: str) -> str:
        return "CT1"

    def instance_md5(self, orthanc_id: str) -> str:
        return hashlib.md5(self.files[OrthancId(orthanc_id)], usedforsecurity=False).hexdigest()

    def delete_instance(self, orthanc_id: str) -> None:
        self.files.pop(OrthancId(orthanc_id), None)

    def reconstruct_study(self, study_id: str) -> None:
        pass

    def labels(self, level: Level, orthanc_id: str) -> list[str]:
        return []

    def metadata(self, level: Level, orthanc_id: str) -> dict[str, str]:
        return {}

    def _of(self, study: str) -> dict[OrthancId, bytes]:
        return {key: data for key, data in self.files.items() if self._ids(data)[0] == study}

    @staticmethod
    def _ids(data: bytes) -> tuple[OrthancId, OrthancId, OrthancId]:
        file = read_dicom_file(data)
        parts = (
            read_header(data).text("00100020"),
            file.text(0x0020000D),
            file.text(0x0020000E),
            file.text(0x00080018),
        )
        return engine_id(*parts[:2]), engine_id(*parts[:3]), engine_id(*parts)


def _text(data: bytes, tag: int) -> str:
    return read_dicom_file(data).text(tag)


def use_storing_engine(monkeypatch: pytest.MonkeyPatch, home: Path | None = None) -> StoringEngine:
    """Whoever asks for the installation's engine gets this one.

    :param home: where the installation keeps its files meanwhile
    """
    if home is not None:
        monkeypatch.setattr(settings, "QUANG", msgspec.structs.replace(settings.QUANG, home=home))
    fake = StoringEngine()
    monkeypatch.setattr(Engine, "from_settings", lambda *args, **kwargs: fake)
    return fake


def an_image(number: int, exam: RequestedProcedure, series: str = ONE, **attributes: Any) -> bytes:
    """As a device sends it that has the right PatientID and another name than the order."""
    return a_dicom_file(
        **{
            "PatientID": exam.patient.identifiers.get(is_primary=True).value,
            "PatientName": "TYPED^WRONGLY",
            "StudyInstanceUID": exam.study_instance_uid,
            "SeriesInstanceUID": series,
            "SOPInstanceUID": f"{series}.{number}",
            "Rows": number,
            **attributes,
        }
    )


def received(engine: StoringEngine, exam: RequestedProcedure, *images: bytes) -> Study:
    for image in images:
        place = engine.receive(image)
    return link_images(exam, place, as_received=read_header(images[0]).as_json(), series_count=2, complete=True).study


def names(engine: StoringEngine) -> set[str]:
    return {read_header(data).text("00100010") for data in engine.files.values()}


def an_exam_with_images(engine: StoringEngine, *, images: int = 3) -> tuple[RequestedProcedure, Study]:
    """A CT of two series, with names that would harm a page."""
    exam = an_exam()
    files = [
        an_image(
            number,
            exam,
            ONE if number < 3 else TWO,
            Rows=16,
            Columns=16,
            Modality="CT",
            InstanceNumber=str(number),
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
            StudyDate="20261120",
            SeriesDescription="Ngực <b>&</b>",
            PatientName="LÊ^VĂN </script>",
        )
        for number in range(1, images + 1)
    ]
    return exam, received(engine, exam, *files)
