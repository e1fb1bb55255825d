"""Where the engine keeps a file, told from the file's attributes (Orthanc's ``DicomInstanceHasher``)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ris_core.identifiers import OrthancId
from ris_core.studies.dicom_file import SERIES_INSTANCE_UID, SOP_INSTANCE_UID, SPECIFIC_CHARACTER_SET, DicomFile
from ris_core.studies.received import decode_text
from ris_core.studies.wanted import PATIENT_ID, STUDY_INSTANCE_UID


@dataclass(frozen=True, slots=True)
class EngineIds:
    """The identifiers of a file's study, series and instance in the engine."""

    study: OrthancId
    series: OrthancId
    instance: OrthancId


def engine_id(*parts: str) -> OrthancId:
    """The identifier that the engine gives to what these attributes identify."""
    digest = hashlib.sha1("|".join(parts).encode(), usedforsecurity=False).hexdigest()
    return OrthancId("-".join(digest[at : at + 8] for at in range(0, 40, 8)))


def engine_ids(file: DicomFile) -> EngineIds:
    """Where the engine keeps ``file``, or would."""
    element, charset = file.elements.get(PATIENT_ID), file.elements.get(SPECIFIC_CHARACTER_SET)
    patient = decode_text(element.value, "LO", charset.value if charset else b"").strip(" \0") if element else ""
    parts = (patient, file.text(STUDY_INSTANCE_UID), file.text(SERIES_INSTANCE_UID), file.text(SOP_INSTANCE_UID))
    return EngineIds(engine_id(*parts[:2]), engine_id(*parts[:3]), engine_id(*parts))
