"""A rejection note: the Key Object Selection that tells every archive which images are not to be used, and why.

IHE RAD TF-2 4.66 (IOCM), PS3.3 A.35.4, titles of PS3.16 CID 7011. Rejected images stay where they are kept; the note
names them under the study they were made in.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage

_NAMESPACE: Final = uuid.UUID("9c1c80f1-f9a4-4c02-8ba7-6d2f2ac0c6c1")
_SERIES_NUMBER: Final = 9901


class Rejection(StrEnum):
    """Why images are rejected; the value is the code of the note's title in DCM."""

    QUALITY = "113001"
    PATIENT_SAFETY = "113037"
    WRONG_WORKLIST_ENTRY = "113038"


_MEANINGS: Final = {
    Rejection.QUALITY: "Rejected for Quality Reasons",
    Rejection.PATIENT_SAFETY: "Rejected for Patient Safety Reasons",
    Rejection.WRONG_WORKLIST_ENTRY: "Incorrect Modality Worklist Entry",
}
_FROM_STUDY: Final = (
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RejectedImage:
    sop_class_uid: str
    sop_instance_uid: str


def note_uids(operation_key: str) -> tuple[str, str]:
    """Series and SOP Instance UID of an operation's note: the same whenever it is made again."""
    return tuple(f"2.25.{uuid.uuid5(_NAMESPACE, f'{operation_key}/{part}').int}" for part in ("series", "instance"))  # type: ignore[return-value]


def rejection_note(
    why: Rejection,
    study: Mapping[str, str],
    images: Mapping[str, Sequence[RejectedImage]],
    operation_key: str,
    at: datetime,
) -> bytes:
    """The note as a DICOM file.

    :param study: patient and study attributes by keyword, as the engine has them
    :param images: SeriesInstanceUID → rejected images
    :param at: when they were rejected, in the site's zone
    """
    series_uid, instance_uid = note_uids(operation_key)
    note = Dataset()
    note.file_meta = FileMetaDataset()
    note.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    note.file_meta.MediaStorageSOPClassUID = KeyObjectSelectionDocumentStorage
    note.file_meta.MediaStorageSOPInstanceUID = UID(instance_uid)
    note.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _FROM_STUDY:
        setattr(note, keyword, study.get(keyword, ""))
    note.SOPClassUID = KeyObjectSelectionDocumentStorage
    note.SOPInstanceUID = instance_uid
    note.SeriesInstanceUID = series_uid
    note.Modality = "KO"
    note.SeriesNumber = _SERIES_NUMBER
    note.InstanceNumber = 1
    note.Manufacturer = "Quang"
    note.SeriesDescription = _MEANINGS[why]
    note.ContentDate, note.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    note.ReferencedPerformedProcedureStepSequence = []
    note.ValueType = "CONTAINER"
    note.ContinuityOfContent = "SEPARATE"
    note.ConceptNameCodeSequence = [_code(why.value, _MEANINGS[why])]
    template = Dataset()
    template.MappingResource = "DCMR"
    template.TemplateIdentifier = "2010"
    note.ContentTemplateSequence = [template]
    evidence = Dataset()
    evidence.StudyInstanceUID = study["StudyInstanceUID"]
    evidence.ReferencedSeriesSequence = [_series(uid, rejected) for uid, rejected in sorted(images.items())]
    note.CurrentRequestedProcedureEvidenceSequence = [evidence]
    note.ContentSequence = [_content(image) for _, rejected in sorted(images.items()) for image in rejected]
    buffer = io.BytesIO()
    note.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _series(uid: str, rejected: Sequence[RejectedImage]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = uid
    series.ReferencedSOPSequence = [_reference(image) for image in rejected]
    return series


def _content(image: RejectedImage) -> Dataset:
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ValueType = "IMAGE"
    item.ReferencedSOPSequence = [_reference(image)]
    return item


def _reference(image: RejectedImage) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.sop_class_uid
    reference.ReferencedSOPInstanceUID = image.sop_instance_uid
    return reference


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue = value
    code.CodingSchemeDesignator = "DCM"
    code.CodeMeaning = meaning
    return code
