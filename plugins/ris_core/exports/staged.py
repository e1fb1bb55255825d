"""What has been fetched for an export: files on disk, ordered by patient, study and series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from ris_core.exports.models import Missing
from ris_core.exports.rules import blocks


@dataclass(slots=True)
class StagedImage:
    """One instance."""

    record: Dataset
    """Its directory record."""
    file_id: tuple[str, ...]
    dicom: Path | None
    """None: this form has no DICOM files."""
    number: float
    """Of the instance in its series."""
    pictures: list[list[Path]] = field(default_factory=list)
    """Of each frame one in each window."""

    def bytes_on_disc(self) -> int:
        paths = [path for frame in self.pictures for path in frame]
        if self.dicom is not None:
            paths.append(self.dicom)
        return sum(blocks(path.stat().st_size) for path in paths)


@dataclass(slots=True)
class StagedSeries:
    """One series, with the study and the patient that it is of."""

    patient: StagedPatient
    study: StagedStudy
    record: Dataset
    number: int
    """Among all of the export, from 1."""
    modality: str
    description: str
    series_number: float
    lossy: bool
    frames_per_second: float
    """0: nobody says."""
    windows: tuple[str, ...]
    """Names of the windows of its pictures; the first is empty: as the image says."""
    images: list[StagedImage] = field(default_factory=list)

    def in_order(self) -> list[StagedImage]:
        return sorted(self.images, key=lambda image: image.number)


@dataclass(slots=True)
class StagedStudy:
    uid: str
    record: Dataset
    number: int
    reports: list[Path] = field(default_factory=list)
    """PDF."""


@dataclass(slots=True)
class StagedPatient:
    key: int
    record: Dataset
    number: int
    studies: dict[str, StagedStudy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing, and why."""

    reason: Missing
    sop_instance_uid: str
    called: str = ""
    """Series and number, where they can be told."""


@dataclass(slots=True)
class Staged:
    """All of an export."""

    folder: Path
    series: list[StagedSeries] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        return sum(gap.reason != Missing.ONLY_AS_FILE for gap in self.gaps)

    @property
    def is_incomplete(self) -> bool:
        return any(gap.reason not in (Missing.ONLY_AS_FILE, Missing.NO_PICTURE) for gap in self.gaps)

    def images(self) -> Iterator[tuple[StagedSeries, StagedImage]]:
        for series in self.series:
            for image in series.in_order():
                yield series, image
