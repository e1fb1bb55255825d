"""What a viewer may add to a study: measurements, segmentations, selections and presentations, of that study's patient.

Pure. A viewer never adds images, and nothing under another identity than the one that the study has here (P6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ris_core.names import folded

ANNOTATION_CLASSES: Final = {
    "1.2.840.10008.5.1.4.1.1.88.11": "SR",  # Basic Text
    "1.2.840.10008.5.1.4.1.1.88.22": "SR",  # Enhanced
    "1.2.840.10008.5.1.4.1.1.88.33": "SR",  # Comprehensive
    "1.2.840.10008.5.1.4.1.1.88.34": "SR",  # Comprehensive 3D
    "1.2.840.10008.5.1.4.1.1.88.59": "KO",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.66.7": "SEG",  # label map
    "1.2.840.10008.5.1.4.1.1.11.1": "PR",
    "1.2.840.10008.5.1.4.1.1.11.2": "PR",
    "1.2.840.10008.5.1.4.1.1.11.3": "PR",
    "1.2.840.10008.5.1.4.1.1.11.4": "PR",
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
}
"""SOP Class UID → Modality: what viewers write; no class of images is among them."""


class Refusal(StrEnum):
    """Why an object is not stored; the value is the Failure Reason (PS3.18 I.2.2, PS3.7 C) in hexadecimal."""

    CLASS_NOT_ALLOWED = "0122"
    STUDY_NOT_GRANTED = "0124"
    OTHER_IDENTITY = "A900"
    UNREADABLE = "C000"
    READ_BLINDED = "A701"
    """Others who read the exam blinded would see it."""
    ALREADY_STORED = "0111"
    NOT_STORED = "0110"

    @property
    def failure_reason(self) -> int:
        return int(self.value, 16)


@dataclass(frozen=True, slots=True)
class AnnotationHeader:
    """Whose an object says it is, and what it is."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    patient_id: str
    patient_name: str
    birth_date: str
    sex: str
    accession_number: str


def refusal_of(header: AnnotationHeader, granted: frozenset[str]) -> Refusal | None:
    """Why the object may not be stored whatever the study is; None: the study decides (:func:`same_identity`)."""
    if header.sop_class_uid not in ANNOTATION_CLASSES:
        return Refusal.CLASS_NOT_ALLOWED
    if not header.sop_instance_uid or header.study_instance_uid not in granted:
        return Refusal.STUDY_NOT_GRANTED
    return None


def same_identity(header: AnnotationHeader, study: Mapping[str, str]) -> bool:
    """Whether the object's patient and order are the study's.

    The PatientID must be the same. Name, birth date, sex and accession number must not contradict it: an object may
    leave them out, as viewers do, and names may differ in case, accents and the order of their parts.

    :param study: keyword → text, as the engine has the study
    """
    if header.patient_id.strip() != study.get("PatientID", "").strip():
        return False
    pairs = (
        (header.birth_date, study.get("PatientBirthDate", "")),
        (header.sex, study.get("PatientSex", "")),
        (header.accession_number, study.get("AccessionNumber", "")),
        (_name(header.patient_name), _name(study.get("PatientName", ""))),
    )
    return all(not said.strip() or not known.strip() or said.strip() == known.strip() for said, known in pairs)


def _name(name: str) -> str:
    return " ".join(sorted(folded(name.replace("^", " ").replace("=", " ")).split()))
