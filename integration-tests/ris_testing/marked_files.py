"""One file of each kind (SOP class, transfer syntax, character set) with a patient written into every place of it: what
attributes say, and what lies beside them.

Of the corpus beside the repository where there is one, else of pydicom's own files.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom
from pydicom.charset import python_encoding
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import generate_uid

from ris_core.names import unaccented

LARGEST_BYTES: Final = 300_000
MOST_FRAMES: Final = 10
_BROKEN: Final = (
    InvalidDicomError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, EOFError, OSError,
    RecursionError, LookupError, struct.error,
)  # fmt: skip
_TEXTS: Final = (
    "PatientComments", "ImageComments", "AdditionalPatientHistory", "OtherPatientIDs", "InstitutionName",
    "InstitutionalDepartmentName", "StudyDescription", "SeriesDescription", "ProtocolName", "StationName", "StudyID",
    "PerformedProcedureStepDescription", "AcquisitionComments", "DerivationDescription",
)  # fmt: skip
_PERSONS: Final = ("OperatorsName", "ReferringPhysicianName", "PerformingPhysicianName", "PhysiciansOfRecord")
_DATES: Final = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate")


@dataclass(frozen=True, slots=True)
class Marks:
    """Whom the files are made to be of."""

    patient_name: str
    """As in DICOM, with accents."""
    patient_id: str
    birth_date: str
    sex: str
    accession_number: str
    study_uid: str
    institution: str
    operator: str
    study_date: str

    def sentence(self) -> str:
        name = self.patient_name.replace("^", " ")
        return f"{name} {self.patient_id} {self.birth_date} {self.accession_number} {self.institution} {self.operator}"


def one_of_each_kind() -> list[Path]:
    """The smallest of each."""
    corpus = Path(os.environ.get("QUANG_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus") / "dicom"
    folder = corpus if corpus.is_dir() else Path(str(get_testdata_file("CT_small.dcm", download=False))).parent
    found: dict[tuple[str, ...], Path] = {}
    for path in sorted((each for each in folder.rglob("*") if each.is_file()), key=lambda each: each.stat().st_size):
        if path.stat().st_size > LARGEST_BYTES:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if (kind := _kind(path)) is not None:
                found.setdefault(kind, path)
    return list(found.values())


def marked(path: Path, marks: Marks) -> tuple[bytes, tuple[str, ...]] | None:
    """The file with the patient all over it, and the UIDs that it had; none where it cannot be written anew."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path)
            had = tuple(str(dataset.get(each, "")) for each in ("SOPInstanceUID", "SeriesInstanceUID"))
            _mark(dataset, marks)
            file = io.BytesIO()
            dataset.save_as(file, enforce_file_format=True)
        except _BROKEN:
            return None
    new = str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID)
    return file.getvalue(), tuple(uid for uid in (*had, *new) if uid.count(".") > 4)


def _kind(path: Path) -> tuple[str, ...] | None:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if not header.get("SOPClassUID") or int(header.get("NumberOfFrames") or 1) > MOST_FRAMES:
            return None
        syntax = str(header.file_meta.get("TransferSyntaxUID", ""))
        return str(header.SOPClassUID), syntax, str(header.get("SpecificCharacterSet", ""))
    except _BROKEN:
        return None


def _mark(dataset: Dataset, marks: Marks) -> None:
    may_write = _writer(dataset)
    sentence = may_write(marks.sentence())
    dataset.preamble = sentence.encode("ascii", "replace")[:128].ljust(128, b"\0")
    dataset.PatientName, dataset.PatientID = may_write(marks.patient_name), marks.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = marks.birth_date, marks.sex
    dataset.AccessionNumber = marks.accession_number
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = marks.study_uid, generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.FrameOfReferenceUID = generate_uid()
    dataset.file_meta.SourceApplicationEntityTitle = marks.patient_id[:16]
    for keyword in _TEXTS:
        setattr(dataset, keyword, may_write(marks.institution if "Institution" in keyword else marks.sentence())[:16])
    dataset.InstitutionName, dataset.PatientComments = may_write(marks.institution), sentence
    dataset.ImageComments = sentence
    for keyword in _PERSONS:
        setattr(dataset, keyword, may_write(marks.operator))
    for keyword in _DATES:
        setattr(dataset, keyword, marks.study_date)
    dataset.add_new(0x60004000, "LT", sentence)
    block = dataset.private_block(0x0009, "SOMEBODY", create=True)
    block.add_new(0x01, "LT", sentence)
    block.add_new(0x02, "UN", sentence.encode("utf-16-le"))
    dataset.DataSetTrailingPadding = sentence.encode().ljust(512, b"\0")
    if "EncapsulatedDocument" in dataset:
        dataset.EncapsulatedDocument = _pdf(sentence.encode())
    if "PixelData" in dataset:
        _mark_pixels(dataset, sentence.encode())


def _mark_pixels(dataset: Dataset, sentence: bytes) -> None:
    """Behind native pixels, and within and behind each compressed frame.

    Where native pixels are fewer than declared nothing lies behind them: what is added there would be pixels.
    """
    even = sentence + b" " * (len(sentence) & 1)
    if not dataset.file_meta.TransferSyntaxUID.is_compressed or dataset.file_meta.TransferSyntaxUID.is_deflated:
        if len(dataset.PixelData) >= get_expected_length(dataset):
            dataset.PixelData += even
        return
    frames = list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)))
    dataset.PixelData = encapsulate([_with_comment(frame, sentence) + even for frame in frames])


def _with_comment(frame: bytes, sentence: bytes) -> bytes:
    if frame[:2] != b"\xff\xd8":
        return frame
    return frame[:2] + b"\xff\xfe" + struct.pack(">H", len(sentence) + 2) + sentence + frame[2:]


def _pdf(sentence: bytes) -> bytes:
    content = zlib.compress(b"BT (" + sentence + b") Tj ET")
    made = b"%PDF-1.4\n1 0 obj<</Filter/FlateDecode>>stream\n" + content + b"\nendstream endobj\n%%EOF"
    return made + b"\n" * (len(made) & 1)


def _writer(dataset: Dataset) -> Writer:
    return Writer(tuple(_encodings(dataset)))


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes with accents where the file's character set has them."""

    encodings: tuple[str, ...]

    def __call__(self, text: str) -> str:
        for encoding in self.encodings:
            try:
                text.encode(encoding)
            except (UnicodeEncodeError, LookupError):
                continue
            return text
        return unaccented(text)


def _encodings(dataset: Dataset) -> Iterator[str]:
    said = dataset.get("SpecificCharacterSet") or "ISO_IR 6"
    for each in [said] if isinstance(said, str) else said:
        if each in ("ISO_IR 192", "GB18030", "ISO_IR 100", "ISO_IR 6"):
            yield python_encoding.get(each, "ascii")
