"""A report's PDF as a DICOM object of the study it is about: Encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian

from ris_core.identifiers import StudyInstanceUID

MANUFACTURER: Final = "Quang"
"""(0008,0070) of everything the suite makes itself."""

_NAMESPACE: Final = uuid.UUID("6f0c6c8e-1d5e-5a0b-9a55-51554147a101")
_IMPLEMENTATION_CLASS_UID: Final = f"2.25.{_NAMESPACE.int}"
_SERIES_NUMBER: Final = 9900
"""High, so that it stands behind the device's own series."""

_TITLES: Final = {
    "P": "Kết quả sơ bộ",
    "F": "Kết quả chẩn đoán hình ảnh",
    "C": "Kết quả đính chính",
}
"""Document Title by version status."""
_RECALLED: Final = "Kết quả đã bị thu hồi"

_FROM_STUDY: Final = (
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex",
    "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName",
)  # fmt: skip
"""What the object has in common with the study it goes into, as the engine has it."""

_EVEN_IF_EMPTY: Final = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""Type 2 attributes of the Patient and General Study modules."""


@dataclass(frozen=True, slots=True)
class ReportIdentity:
    """What makes a version's object, and its object only, the same at every repeat."""

    reading_key: str
    """Identifies the reading beyond this database: the order's filler number and the reading's ordinal."""
    version_number: int
    content_sha256: str
    status: str
    approved_at: datetime
    """Aware, in the site's zone."""
    signed: bool = False
    """Whether the PDF carries a digital signature; ``content_sha256`` is then that of the signed file."""
    recalled: bool = False
    """Whether the PDF is the notice that the version counts no more."""


def report_uids(report: ReportIdentity, study_instance_uid: str, uid_root: str) -> tuple[str, str]:
    """SeriesInstanceUID and SOPInstanceUID: one series for each reading, one instance for each version of it."""
    series = f"{study_instance_uid}|{report.reading_key}"
    series_uid = report_series_uid(report.reading_key, study_instance_uid, uid_root)
    instance = f"{series}|{report.version_number}|{report.content_sha256}|{report.approved_at.timestamp():.6f}"
    instance += "|recalled" if report.recalled else ""
    return series_uid, derived_uid(f"instance|{instance}", uid_root)


def report_series_uid(reading_key: str, study_instance_uid: str, uid_root: str) -> str:
    """SeriesInstanceUID of all that is stored of a reading in a study."""
    return derived_uid(f"series|{study_instance_uid}|{reading_key}", uid_root)


def encapsulated_pdf(
    pdf: bytes, report: ReportIdentity, study: Mapping[str, str], *, uid_root: str, institution: str
) -> bytes:
    """The DICOM file; the same bytes for the same arguments.

    :param study: keyword → text, patient and study attributes as stored in the engine
    """
    dataset = object_of(study)
    series_uid, instance_uid = report_uids(report, study["StudyInstanceUID"], uid_root)
    date, time = report.approved_at.strftime("%Y%m%d"), report.approved_at.strftime("%H%M%S")
    signed = ", đã ký số" if report.signed else ""
    title = f"{_RECALLED if report.recalled else _TITLES[report.status]} (bản {report.version_number}{signed})"

    dataset.SOPClassUID = EncapsulatedPDFStorage
    dataset.SOPInstanceUID = instance_uid
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.TimezoneOffsetFromUTC = report.approved_at.strftime("%z")
    # Encapsulated Document Series, General Equipment, SC Equipment
    dataset.Modality = "DOC"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = _SERIES_NUMBER
    dataset.SeriesDescription = "Phiếu kết quả"
    dataset.Manufacturer = MANUFACTURER
    dataset.InstitutionName = institution[:64]
    dataset.ConversionType = "WSD"
    # Encapsulated Document; HL7 Instance Identifier is for CDA documents only (PS3.3 C.24.2)
    dataset.InstanceNumber = report.version_number
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.AcquisitionDateTime = ""
    dataset.BurnedInAnnotation = "YES"
    dataset.DocumentTitle = title
    dataset.VerificationFlag = "UNVERIFIED" if report.status == "P" else "VERIFIED"
    dataset.ConceptNameCodeSequence = [coded("18748-4", "LN", "Diagnostic imaging study")]
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    # OB has an even length; the document's own length tells where it ends
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    dataset.EncapsulatedDocumentLength = len(pdf)

    return as_file(dataset)


def object_of(study: Mapping[str, str]) -> Dataset:
    """A new object with the patient and study attributes of the study that it goes into, in UTF-8."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _FROM_STUDY:
        value = study.get(keyword, "")
        if value or keyword in _EVEN_IF_EMPTY:
            setattr(dataset, keyword, value)
    return dataset


def as_file(dataset: Dataset) -> bytes:
    """The DICOM file of an object that has its SOP Class and SOP Instance UID."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(dataset.SOPClassUID)
    meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = "QUANG"
    dataset.file_meta = meta
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def derived_uid(name: str, uid_root: str) -> str:
    """A UID under ``uid_root`` that depends on ``name`` alone (PS3.5 B.2; RFC 9562 version 5)."""
    number = uuid.uuid5(_NAMESPACE, name).int
    if uid_root == "2.25":
        return str(StudyInstanceUID(f"2.25.{number}"))
    root = uid_root.rstrip(".")
    return str(StudyInstanceUID(f"{root}.{number % 10 ** min(39, 62 - len(root))}"))
