"""Takes what a viewer has made into the study that it was granted."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pydicom
from django.db import transaction
from pydicom.dataset import Dataset

from ris_core.annotations.rules import (
    ANNOTATION_CLASSES,
    AnnotationHeader,
    Refusal,
    refusal_of,
    same_identity,
)
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_core.errors import InvalidValue
from ris_core.identifiers import StudyInstanceUID
from ris_core.second_readings.blinding import study_is_closed
from ris_core.studies.file_differences import difference
from ris_core.studies.models import Study


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one object."""

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    refusal: Refusal | None = None


def keep_annotation(file: bytes, granted: frozenset[str], engine: Engine, actor: Actor) -> Kept:
    """Store one object if it is an annotation of a granted study and carries that study's identity.

    Nothing is stored under the UID of anything else that the engine has, in whatever study or series: the viewer is
    told, and has it still. The same object again is stored already.

    :param granted: StudyInstanceUIDs into which the viewer may store
    :raises EngineUnavailable: the engine cannot be reached: nothing was stored, try again
    """
    header = _header(file)
    if header is None:
        return _refused(Refusal.UNREADABLE, actor)
    refusal = refusal_of(header, granted)
    if refusal is None and study_is_closed(header.study_instance_uid):
        refusal = Refusal.READ_BLINDED
    if refusal is not None:
        return _refused(refusal, actor, header)
    found = engine.find_studies(StudyInstanceUID(header.study_instance_uid))
    if len(found) != 1 or not same_identity(header, (study := engine.study(found[0])).main_tags):
        return _refused(Refusal.OTHER_IDENTITY, actor, header)
    known = engine.find_instances(header.sop_instance_uid)
    if any(difference(engine.instance_file(one), file) is None for one in known):
        return Kept(header.sop_class_uid, header.sop_instance_uid)  # sent again, since our answer was lost
    if known:
        return _refused(Refusal.ALREADY_STORED, actor, header)
    try:
        stored = engine.store_instance(file)
    except EngineFailed:
        return _refused(Refusal.NOT_STORED, actor, header)
    if stored.already_stored:
        return _refused(Refusal.ALREADY_STORED, actor, header)
    row = Study.objects.filter(orthanc_id=study.orthanc_id).first()
    with transaction.atomic():
        record(
            actor,
            "annotation.stored",
            subject=f"study:{row.pk}" if row else "study",
            patient_id=row.patient_id if row else None,
            kind=ANNOTATION_CLASSES[header.sop_class_uid],
            instance=stored.orthanc_id,
        )
        if row is not None:
            announce("study", row.pk)
    return Kept(header.sop_class_uid, header.sop_instance_uid)


def _refused(why: Refusal, actor: Actor, header: AnnotationHeader | None = None) -> Kept:
    study_uid = header.study_instance_uid if header else ""
    record(actor, "annotation.refused", success=False, reason=why.name, study_instance_uid=study_uid)
    return Kept(header.sop_class_uid if header else "", header.sop_instance_uid if header else "", why)


def _header(file: bytes) -> AnnotationHeader | None:
    try:
        dataset = pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True)
        header = AnnotationHeader(
            sop_class_uid=_text(dataset, "SOPClassUID"),
            sop_instance_uid=_text(dataset, "SOPInstanceUID"),
            study_instance_uid=str(StudyInstanceUID(_text(dataset, "StudyInstanceUID"))),
            patient_id=_text(dataset, "PatientID"),
            patient_name=_text(dataset, "PatientName"),
            birth_date=_text(dataset, "PatientBirthDate"),
            sex=_text(dataset, "PatientSex"),
            accession_number=_text(dataset, "AccessionNumber"),
        )
    except (
        pydicom.errors.InvalidDicomError, InvalidValue, OSError, EOFError, ValueError, KeyError, AttributeError,
        TypeError, NotImplementedError, LookupError,
    ):  # fmt: skip
        return None  # pydicom names no errors of its own for what is broken inside
    return header


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value)
