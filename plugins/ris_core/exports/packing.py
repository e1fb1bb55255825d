"""Staged files as what is downloaded: ZIP files and ISO images of discs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pycdlib

from ris_core.exports.directory import Entry, write_directory
from ris_core.exports.staged import StagedImage, StagedSeries

Named = tuple[str, Path]
"""Name within the archive (``DICOM/PAT00001/…``) and where the file lies."""


def write_zip(target: Path, files: Iterable[Named]) -> None:
    """Nothing is compressed again: images hardly become smaller."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for name, path in files:
            archive.write(path, name)


def write_iso(target: Path, files: Sequence[Named], label: str) -> None:
    """ISO 9660 Level 1 with Joliet (PS3.12 F: names of 8 characters, folders 8 deep at most).

    :param label: of the volume: capitals, digits and ``_``
    """
    image = pycdlib.PyCdlib()
    image.new(interchange_level=1, joliet=3, vol_ident=label[:16], sys_ident="", app_ident_str="QUANG")
    try:
        folders: set[str] = set()
        for name, path in files:
            for folder in _folders_of(name):
                if folder not in folders:
                    folders.add(folder)
                    image.add_directory("/" + folder.upper(), joliet_path="/" + folder)
            image.add_file(str(path), iso_path=_iso_name(name), joliet_path="/" + name)
        image.write(str(target))
    finally:
        image.close()


def directory_of(path: Path, images: Iterable[tuple[StagedSeries, StagedImage]], file_set_id: str) -> None:
    """The DICOMDIR of these images."""
    patients: dict[int, Entry] = {}
    studies: dict[tuple[int, str], Entry] = {}
    series_entries: dict[int, Entry] = {}
    for series, image in images:
        patient = patients.setdefault(series.patient.key, Entry(series.patient.record))
        study_key = series.patient.key, series.study.uid
        if study_key not in studies:
            studies[study_key] = Entry(series.study.record)
            patient.below.append(studies[study_key])
        if series.number not in series_entries:
            series_entries[series.number] = Entry(series.record)
            studies[study_key].below.append(series_entries[series.number])
        series_entries[series.number].below.append(Entry(image.record))
    write_directory(path, list(patients.values()), file_set_id)


def _folders_of(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _iso_name(name: str) -> str:
    """``/DICOM/…/IMG00001.;1``: a file without an extension keeps its dot in ISO 9660."""
    folder, _, last = name.upper().rpartition("/")
    stem, _, extension = last.partition(".")
    return f"{'/' + folder if folder else ''}/{stem}.{extension};1"
