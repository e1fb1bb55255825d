"""Fetches an export's files and pictures from the engine, one by one, into the work folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from ris_core.engine.answers import EngineInstance
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed, NotInEngine
from ris_core.exports.contents import ExamContent
from ris_core.exports.headers import (
    FileHeader,
    HeaderUnusable,
    image_record,
    patient_record,
    read_file_header,
    series_record,
    study_record,
)
from ris_core.exports.models import Form, Missing
from ris_core.exports.rules import Window, file_id, windows_of
from ris_core.exports.staged import Gap, Staged, StagedImage, StagedPatient, StagedSeries, StagedStudy
from ris_core.reports.documents import ensure_document
from ris_core.studies.models import Study

MOST_FRAMES: Final = 2000
"""Of an object with more (slides of pathology) only the first becomes a picture."""
PICTURES_OF_SHEET: Final = 24
"""Of each study, spread evenly."""
_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81))
_WITH_FILES: Final = frozenset({Form.DICOM, Form.DISC})

Step = Callable[[], None]
"""Called after each image; raises when it is to end."""


class Gathering:
    """One export's way from the engine to the work folder.

    :param step: called after each image
    """

    def __init__(self, engine: Engine, form: str, folder: Path, step: Step) -> None:
        self._engine, self._form, self._step = engine, form, step
        self.staged = Staged(folder)
        self._patients: dict[int, StagedPatient] = {}
        self._series: dict[tuple[str, str], StagedSeries] = {}
        self._number = 0

    def count(self, contents: Iterable[ExamContent]) -> list[tuple[ExamContent, Study, list[EngineInstance]]]:
        """What will be fetched: each study once, however many exams it is linked to."""
        found, seen = [], set()
        for content in contents:
            for study in content.studies:
                if study.pk not in seen:
                    seen.add(study.pk)
                    found.append((content, study, self._instances(study, content.closed_series)))
        return found

    def fetch(self, content: ExamContent, instances: Sequence[EngineInstance]) -> None:
        """The files and pictures of one study."""
        for instance in instances:
            self._one(content, instance)
            self._step()

    def add_report(self, content: ExamContent) -> None:
        """The printed report of an exam, beside the first of its studies."""
        if content.report is None:
            return
        uids = {study.study_instance_uid for study in content.studies}
        patient = self._patients.get(content.exam.patient_id)
        study = next((each for each in patient.studies.values() if each.uid in uids), None) if patient else None
        if study is None:
            return
        path = self.staged.folder / f"report-{content.report.pk}.pdf"
        path.write_bytes(bytes(ensure_document(content.report.pk).content))
        study.reports.append(path)

    def _instances(self, study: Study, closed: frozenset[str]) -> list[EngineInstance]:
        found = self._engine.instances(study.orthanc_id)
        if closed:
            series = {each.series_id for each in found}
            uids = {each: self._engine.series(each).series_instance_uid for each in series}
            found = [each for each in found if uids[each.series_id] not in closed]
        if self._form == Form.SHEET and len(found) > PICTURES_OF_SHEET:
            found = [found[place * len(found) // PICTURES_OF_SHEET] for place in range(PICTURES_OF_SHEET)]
        return found

    def _one(self, content: ExamContent, instance: EngineInstance) -> None:
        self._number += 1
        number = self._number
        path = self.staged.folder / f"{number}.dcm"
        try:
            self._file(instance, path)
            header = read_file_header(path)
            series = self._series_of(content, header)
            name = file_id(series.patient.number, series.study.number, series.number, len(series.images) + 1)
            image = StagedImage(image_record(header, name), name, path, header.number("InstanceNumber"))
        except (NotInEngine, EngineFailed, HeaderUnusable, ValueError, TypeError, AttributeError) as error:
            self._miss(_why(error), instance)
            path.unlink(missing_ok=True)
            return
        if self._form != Form.DICOM:
            self._add_pictures(image, instance, header, number)
        if self._form not in _WITH_FILES:
            path.unlink()
            image.dicom = None
            if not image.pictures:
                return
        series.images.append(image)

    def _add_pictures(self, image: StagedImage, instance: EngineInstance, header: FileHeader, number: int) -> None:
        image.pictures, wanted = self._pictures(instance, header, number)
        if len(image.pictures) < wanted:
            lacks = Missing.ONLY_AS_FILE if self._form in _WITH_FILES else Missing.NOT_RENDERED
            self._miss(lacks, instance, header)
        elif not wanted and self._form not in _WITH_FILES:
            self._miss(Missing.NO_PICTURE, instance, header)

    def _miss(self, reason: Missing, instance: EngineInstance, header: FileHeader | None = None) -> None:
        facts = ("Modality", "SeriesNumber", "SeriesDescription", "InstanceNumber")
        called = " ".join(filter(None, map(header.text, facts))) if header else ""
        printable = "".join(filter(str.isprintable, called))  # devices leave NUL and worse in descriptions
        self.staged.gaps.append(Gap(reason, instance.sop_instance_uid, printable))

    def _file(self, instance: EngineInstance, path: Path) -> None:
        """For discs without compression, where the engine can (the media profile of general discs, PS3.11 D)."""
        if self._form == Form.DISC:
            try:
                _write(path, self._engine.uncompressed_pieces(instance.orthanc_id))
            except EngineFailed:
                pass
            else:
                return
        _write(path, self._engine.instance_pieces(instance.orthanc_id))

    def _pictures(self, instance: EngineInstance, header: FileHeader, number: int) -> tuple[list[list[Path]], int]:
        """Those that could be made, and how many there should be."""
        windows: tuple[Window | None, ...] = (None,)
        if self._form == Form.DISC:
            windows = windows_of(header.text("Modality"))
        count = header.frame_count if header.frame_count <= MOST_FRAMES else 1
        if self._form == Form.SHEET:
            count = min(count, 1)
        ending = "png" if self._form == Form.PNG else "jpg"
        found: list[list[Path]] = []
        try:
            for frame in range(1, count + 1):
                pictures = []
                for place, window in enumerate(windows):
                    picture = self.staged.folder / f"{number}-{frame}-{place}.{ending}"
                    picture.write_bytes(self._picture(instance, frame, window))
                    pictures.append(picture)
                found.append(pictures)
        except (EngineFailed, NotInEngine):
            return found, count
        return found, count

    def _picture(self, instance: EngineInstance, frame: int, window: Window | None) -> bytes:
        values = (window.centre, window.width) if window else None
        if self._form == Form.PNG:
            return self._engine.lossless_frame(instance.orthanc_id, frame, values)
        return self._engine.rendered_frame(instance.orthanc_id, frame, values)

    def _series_of(self, content: ExamContent, header: FileHeader) -> StagedSeries:
        uids = header.text("StudyInstanceUID"), header.text("SeriesInstanceUID")
        found = self._series.get(uids)
        if found is not None:
            return found
        key = content.exam.patient_id
        patient = self._patients.get(key)
        if patient is None:
            patient = self._patients[key] = StagedPatient(key, patient_record(header), len(self._patients) + 1)
        study = patient.studies.get(uids[0])
        if study is None:
            number = sum(len(each.studies) for each in self._patients.values()) + 1
            study = patient.studies[uids[0]] = StagedStudy(uids[0], study_record(header), number)
        modality = header.text("Modality")
        windows = windows_of(modality) if self._form == Form.DISC else (None,)
        series = StagedSeries(
            patient,
            study,
            series_record(header),
            len(self._series) + 1,
            modality,
            header.text("SeriesDescription"),
            header.number("SeriesNumber"),
            lossy=header.text("LossyImageCompression") == "01" or header.transfer_syntax_uid in _LOSSY,
            frames_per_second=_frames_per_second(header),
            windows=tuple(window.name if window else "" for window in windows),
        )
        self._series[uids] = series
        self.staged.series.append(series)
        return series


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def _why(error: Exception) -> Missing:
    if isinstance(error, NotInEngine):
        return Missing.GONE
    return Missing.NOT_GIVEN if isinstance(error, EngineFailed) else Missing.UNREADABLE


def _frames_per_second(header: FileHeader) -> float:
    said = header.number("RecommendedDisplayFrameRate") or header.number("CineRate")
    if not said and header.number("FrameTime") > 0:
        said = 1000.0 / header.number("FrameTime")
    return min(said, 60.0) if said > 0 else 0.0
