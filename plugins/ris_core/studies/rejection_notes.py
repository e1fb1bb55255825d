"""The worker's job about a rejection: its note lies in the study while the rejection holds, and no longer."""

from __future__ import annotations

from collections import defaultdict

from django.conf import settings
from django.utils import timezone

from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed, NotInEngine
from ris_core.studies.dicom_file import SERIES_INSTANCE_UID, SOP_INSTANCE_UID, read_dicom_file
from ris_core.studies.engine_ids import engine_id
from ris_core.studies.files_on_disk import stored_file
from ris_core.studies.models import OperationState, StudyOperation
from ris_core.studies.rejection import RejectedImage, Rejection, note_uids, rejection_note

_SOP_CLASS_UID = 0x00080016


def keep_rejection_note(subject_id: str) -> None:
    """Store the note of an operation (by its key), or take it away when the operation has been undone."""
    operation = StudyOperation.objects.select_related("study", "other_study").get(pk=int(subject_id))
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        if operation.undone_at is None and operation.state == OperationState.DONE:
            _store(engine, operation)
        elif operation.undone_at is not None:
            _take_away(engine, operation)


def _store(engine: Engine, operation: StudyOperation) -> None:
    rejected_from = operation.other_study or operation.study
    key = _key(operation)
    images: defaultdict[str, list[RejectedImage]] = defaultdict(list)
    for found in engine.instances(rejected_from.orthanc_id):
        if found.sop_instance_uid == note_uids(key)[1]:
            return
        file = read_dicom_file(stored_file(engine, found.orthanc_id))
        image = RejectedImage(file.text(_SOP_CLASS_UID), file.text(SOP_INSTANCE_UID))
        images[file.text(SERIES_INSTANCE_UID)].append(image)
    if not images:
        raise EngineFailed("the rejected images are not where they were moved to; the note is written when they are")
    try:
        study = engine.study(operation.study.orthanc_id)
    except NotInEngine:  # all of it has been put elsewhere: its note lies with it
        study = engine.study(rejected_from.orthanc_id)
    at = timezone.localtime(operation.started_at)
    note = rejection_note(Rejection(operation.rejection), study.main_tags, images, key, at)
    stored = engine.store_instance(note)
    StudyOperation.objects.filter(pk=operation.pk).update(note_orthanc_id=stored.orthanc_id)


def _take_away(engine: Engine, operation: StudyOperation) -> None:
    """The note is ours, and can be made again from the operation."""
    try:
        tags = engine.study(operation.study.orthanc_id).main_tags
    except NotInEngine:
        return
    series, instance = note_uids(_key(operation))
    uids = (tags.get("PatientID", ""), tags.get("StudyInstanceUID", ""), series, instance)
    for orthanc_id in {operation.note_orthanc_id, engine_id(*uids)} - {""}:
        engine.delete_instance(orthanc_id)


def _key(operation: StudyOperation) -> str:
    return f"{operation.study.study_instance_uid}/{operation.pk}"
