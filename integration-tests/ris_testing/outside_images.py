"""What patients bring from another hospital: its files, loose, in a ZIP and on a disc; and discs taken apart again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pycdlib

from ris_testing.dicom_files import a_dicom_file

OUTSIDE_STUDY = "1.2.840.99.1"


def an_outside_file(number: int = 1, **attributes: str) -> bytes:
    """An image of TRAN THI BINH under her number there."""
    usual = {
        "PatientName": "TRAN^THI BINH", "PatientID": "77", "PatientBirthDate": "19750505", "PatientSex": "F",
        "StudyInstanceUID": OUTSIDE_STUDY, "SeriesInstanceUID": f"{OUTSIDE_STUDY}.1",
        "SOPInstanceUID": f"{OUTSIDE_STUDY}.1.{number}", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "StudyDate": "20250102", "StudyDescription": "CT nguc", "Modality": "CT", "AccessionNumber": "X-1",
    }  # fmt: skip
    return a_dicom_file(**{**usual, **attributes})


def a_zip(*files: bytes, **named: bytes) -> bytes:
    """Compressed; files without a name get a number."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**{f"{number}.dcm": content for number, content in enumerate(files)}, **named}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def an_iso(*files: bytes) -> bytes:
    """A disc with them in one folder, under the names that discs have (``IM1``)."""
    disc, buffer = pycdlib.PyCdlib(), io.BytesIO()
    disc.new(joliet=3)
    disc.add_directory("/DICOM", joliet_path="/DICOM")
    for number, content in enumerate(files, 1):
        name = f"/DICOM/IM{number}"
        disc.add_fp(io.BytesIO(content), len(content), f"{name}.;1", joliet_path=name)
    disc.write_fp(buffer)
    disc.close()
    return buffer.getvalue()


def unpacked_iso(iso: Path, target: Path) -> Path:
    """As a computer shows the disc: by its Joliet names."""
    image = pycdlib.PyCdlib()
    image.open(str(iso))
    for folder, _, files in image.walk(joliet_path="/"):
        (target / folder.strip("/")).mkdir(parents=True, exist_ok=True)
        for name in files:
            image.get_file_from_iso(str(target / folder.strip("/") / name), joliet_path=f"{folder.rstrip('/')}/{name}")
    image.close()
    return target
