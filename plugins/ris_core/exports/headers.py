"""What is read of a DICOM file that goes out: its place among patients, studies and series, and its directory record.

Types of records and their keys: PS3.3 F.5. What a record must have and the file has not is made up as PS3.3 F.5 allows
a file-set creator to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError


class HeaderUnusable(Exception):
    """The file's structure cannot be read."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """One DICOM file on its way out."""

    dataset: Dataset
    """The attributes below, of the file itself."""
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    frame_count: int
    """0: it has no pixels."""

    def text(self, keyword: str) -> str:
        value = self.dataset.get(keyword)
        return "" if value is None else str(value).strip()

    def number(self, keyword: str) -> float:
        """0 for what is no number."""
        try:
            return float(self.text(keyword))
        except ValueError:
            return 0.0


_PATIENT = ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")
_STUDY = ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber")
_SERIES = ("Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "InstitutionName", "BodyPartExamined")
_IMAGE = (
    "SpecificCharacterSet", "InstanceNumber", "Rows", "Columns", "NumberOfFrames", "LossyImageCompression",
    "RecommendedDisplayFrameRate", "CineRate", "FrameTime", "ImagePositionPatient", "ImageOrientationPatient",
    "AcquisitionNumber",
)  # fmt: skip
_OTHERS = (
    "ContentDate", "ContentTime", "ContentLabel", "ContentDescription", "ContentCreatorName", "CompletionFlag",
    "VerificationFlag", "ConceptNameCodeSequence", "PresentationCreationDate", "PresentationCreationTime",
    "DocumentTitle", "MIMETypeOfEncapsulatedDocument", "HL7InstanceIdentifier",
)  # fmt: skip
READ: Final = ("SOPClassUID", "SOPInstanceUID", *_PATIENT, *_STUDY, *_SERIES, *_IMAGE, *_OTHERS)

_CLASSES: Final = "1.2.840.10008.5.1.4.1.1."
_RECORD_TYPES: Final = (
    ("88.59", "KEY OBJECT DOC"),
    ("88.", "SR DOCUMENT"),
    ("104.", "ENCAP DOC"),
    ("11.", "PRESENTATION"),
    ("9.", "WAVEFORM"),
    ("66.1", "REGISTRATION"),
    ("66.2", "FIDUCIAL"),
    ("66", "RAW DATA"),
    ("67", "VALUE MAP"),
    ("481.2", "RT DOSE"),
    ("481.3", "RT STRUCTURE SET"),
    ("481.5", "RT PLAN"),
    ("4.2", "SPECTROSCOPY"),
    ("68.1", "SURFACE"),
)
"""What follows :data:`_CLASSES` in the SOP Class UID → type of the record (PS3.3 F.4); all else is an IMAGE."""
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "IMAGE": ("InstanceNumber", "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient"),
    "SR DOCUMENT": (
        "InstanceNumber", "CompletionFlag", "VerificationFlag", "ContentDate", "ContentTime", "ConceptNameCodeSequence",
    ),
    "KEY OBJECT DOC": ("InstanceNumber", "ContentDate", "ContentTime", "ConceptNameCodeSequence"),
    "ENCAP DOC": (
        "InstanceNumber", "ContentDate", "ContentTime", "DocumentTitle", "HL7InstanceIdentifier",
        "ConceptNameCodeSequence", "MIMETypeOfEncapsulatedDocument",
    ),
    "PRESENTATION": (
        "InstanceNumber", "ContentLabel", "ContentDescription", "PresentationCreationDate", "PresentationCreationTime",
        "ContentCreatorName",
    ),
    "WAVEFORM": ("InstanceNumber", "ContentDate", "ContentTime"),
}  # fmt: skip
_OTHER_KEYS: Final = ("InstanceNumber", "ContentDate", "ContentTime", "ContentLabel", "ContentDescription")
_MADE_UP: Final = {
    "StudyDate": "19000101", "StudyTime": "000000", "StudyID": "0", "SeriesNumber": 0, "InstanceNumber": 0,
    "ContentDate": "19000101", "ContentTime": "000000", "PresentationCreationDate": "19000101",
    "PresentationCreationTime": "000000", "CompletionFlag": "PARTIAL", "VerificationFlag": "UNVERIFIED",
    "ContentLabel": "NONE", "Modality": "OT", "PatientID": "0", "MIMETypeOfEncapsulatedDocument": "application/pdf",
}  # fmt: skip
"""Type 1 keys that a file may lack."""


def read_file_header(path: Path) -> FileHeader:
    """Of a file on disk; never its pixels.

    :raises HeaderUnusable: no DICOM file that can be read, or one without the identifiers that every file has
    """
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(READ), force=False)
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        rows = int(dataset.get("Rows") or 0)
        header = FileHeader(
            dataset,
            str(dataset.get("SOPClassUID", "")),
            str(dataset.get("SOPInstanceUID", "")),
            syntax,
            max(1, int(dataset.get("NumberOfFrames") or 1)) if rows else 0,
        )
        for keyword in READ:
            dataset.get(keyword)  # read now what is read: a value that cannot be is found here
    except (InvalidDicomError, ValueError, TypeError, AttributeError, LookupError, OSError, RecursionError) as error:
        raise HeaderUnusable(type(error).__name__) from error
    named = (
        header.sop_class_uid,
        header.sop_instance_uid,
        header.text("StudyInstanceUID"),
        header.text("SeriesInstanceUID"),
    )
    if not all(named):
        raise HeaderUnusable("an identifier is missing")
    return header


def record_type(sop_class_uid: str) -> str:
    """Directory Record Type (0004,1430) of an instance."""
    rest = sop_class_uid.removeprefix(_CLASSES)
    if rest != sop_class_uid:
        for beginning, name in _RECORD_TYPES:
            if rest == beginning or rest.startswith(beginning if beginning.endswith(".") else beginning + "."):
                return name
    return "IMAGE"


def patient_record(header: FileHeader) -> Dataset:
    return _record("PATIENT", header, _PATIENT[:2] + _PATIENT[3:], required=("PatientID",))


def study_record(header: FileHeader) -> Dataset:
    return _record("STUDY", header, _STUDY, required=("StudyDate", "StudyTime", "StudyID"))


def series_record(header: FileHeader) -> Dataset:
    return _record("SERIES", header, _SERIES[:4], required=("Modality", "SeriesNumber"))


def image_record(header: FileHeader, file_id: tuple[str, ...]) -> Dataset:
    """:param file_id: components of the name under which the file lies"""
    kind = record_type(header.sop_class_uid)
    keys = _KEYS.get(kind, _OTHER_KEYS)
    record = _record(kind, header, keys, required=tuple(key for key in keys if key in _MADE_UP))
    record.ReferencedFileID = list(file_id)
    record.ReferencedSOPClassUIDInFile = header.sop_class_uid
    record.ReferencedSOPInstanceUIDInFile = header.sop_instance_uid
    record.ReferencedTransferSyntaxUIDInFile = header.transfer_syntax_uid
    return record


def _record(kind: str, header: FileHeader, keywords: tuple[str, ...], required: tuple[str, ...]) -> Dataset:
    """A record whose text is in UTF-8, whatever the file's is."""
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = kind
    record.SpecificCharacterSet = "ISO_IR 192"
    for keyword in keywords:
        value: Any = header.dataset.get(keyword)
        if keyword in _SIX_NUMBERS and value is None:
            continue
        if value in (None, "") and keyword in required:
            value = _MADE_UP[keyword]
        if keyword == "ConceptNameCodeSequence" and not value:
            continue
        if keyword in ("PatientName", "ContentCreatorName"):
            value = str(value or "")  # decoded, or it would be written in the file's own character set
        setattr(record, keyword, value if value is not None else "")
    return record


_SIX_NUMBERS: Final = frozenset({"ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns"})
