"""The job ``store_import``: an exam for each study, then its files as they were handed in.

Whose they are is foretold (:class:`ris_core.studies.models.ForetoldStudy`), so that from the first image on the study
is linked to its exam by the rules for every study, and its files are brought into line with it as every study's are;
what they said before stays in each file and in ``Study.as_received``. Killed anywhere it is run again: the order has a
number of its own, the engine keeps a file once.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_core.engine.transport import Upload
from ris_core.errors import QuangError
from ris_core.identifiers import PatientIdentifier, PlacerOrderNumber, StudyInstanceUID
from ris_core.imports.folders import delete_folder, found_object
from ris_core.imports.models import Decision, Fate, Import, ImportPatient, ImportState, ImportStudy
from ris_core.imports.reconciling import person_here, person_in
from ris_core.imports.rules import are_one, check_choice
from ris_core.imports.scanning import WORKER
from ris_core.imports.services import left_over, number_of_new, studies_of, tell_of_import
from ris_core.orders.models import RequestedProcedure
from ris_core.orders.rules import OrderedStep, OrderRequest
from ris_core.orders.services import place_order
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import find_patient, identifiers_of, present_patient
from ris_core.studies.file_differences import difference
from ris_core.studies.files_on_disk import stored_file
from ris_core.studies.kept_copies import NoRoomForCopy, is_kept, keep_copy
from ris_core.studies.models import ForetoldStudy

SOURCE: Final = "IMPORT"
"""Source of the orders that are made for images from outside."""
_PATIENT_ID, _ISSUER, _NAME, _ACCESSION = "00100020", "00100021", "00100010", "00080050"
_PIECE_BYTES: Final = 1024 * 1024


def run_store_import(subject_id: str) -> None:
    """What is stored already is not stored again; the files of what is refused stay."""
    found = Import.objects.select_related("asked_by").filter(pk=int(subject_id), state=ImportState.STORING).first()
    if found is None:
        return
    actor = Actor(found.asked_by.username, user_id=found.asked_by_id, role=found.asked_by.role)
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=120.0) as engine:
        for study in studies_of(found.pk).filter(fate__in=(Fate.WAITING, Fate.TWO_PATIENTS)):
            if study.patient.decision == Decision.SKIP:
                ImportStudy.objects.filter(pk=study.pk).update(fate=Fate.SKIPPED)
                continue
            same = studies_of(found.pk).filter(study_instance_uid=study.study_instance_uid)
            if not are_one([(one.patient.decision, one.patient.patient_id, one.patient.number) for one in same]):
                ImportStudy.objects.filter(pk=study.pk).update(fate=Fate.TWO_PATIENTS)
                continue
            study.procedure_id = next((one.procedure_id for one in same if one.procedure_id), None)
            if study.procedure_id is None and engine.find_studies(StudyInstanceUID(study.study_instance_uid)):
                ImportStudy.objects.filter(pk=study.pk).update(fate=Fate.HERE)  # it has come another way since
                continue
            try:
                exam = _exam_for(study.pk, actor)
            except QuangError as error:
                ImportStudy.objects.filter(pk=study.pk).update(fate=Fate.REFUSED, problem=error.code)
                continue
            _store(engine, found.pk, study, exam, actor)
    refused = left_over(found.pk).count()
    if refused:
        Import.objects.filter(pk=found.pk).update(state=ImportState.PARTLY)
    else:
        Import.objects.filter(pk=found.pk).update(state=ImportState.DONE, finished_at=timezone.now())
    stored = studies_of(found.pk).filter(fate=Fate.STORED).count()
    tell_of_import(found, actor, "stored", studies=stored, refused=refused)
    if not refused:
        delete_folder(found.pk)


def forget_imports(_subject_id: str) -> None:
    """The periodic job: throw away what nobody has decided for long; keep no files of what has ended."""
    long_ago = timezone.now() - timedelta(days=settings.QUANG.imports.kept_days)
    undecided = (ImportState.UPLOADING, ImportState.DECIDING, ImportState.PARTLY, ImportState.FAILED)
    for found in Import.objects.filter(state__in=undecided, asked_at__lt=long_ago):
        state = ImportState.DONE if found.state == ImportState.PARTLY else ImportState.REJECTED
        with transaction.atomic():
            changed = Import.objects.filter(pk=found.pk, state=found.state).update(
                state=state, finished_at=timezone.now()
            )
            if changed:
                tell_of_import(found, WORKER, "forgotten")
    ended = Import.objects.filter(state__in=(ImportState.REJECTED, ImportState.DONE))
    for key in ended.filter(finished_at__gt=timezone.now() - timedelta(days=30)).values_list("pk", flat=True):
        delete_folder(key)


@transaction.atomic
def _exam_for(study_id: int, actor: Actor) -> RequestedProcedure:
    """The exam of a study, made once, and what its images are to be read as.

    :raises QuangError: the patient's identifiers are somebody else's by now, or the order cannot be
    """
    study = ImportStudy.objects.select_for_update(of=("self",)).select_related("patient").get(pk=study_id)
    study.procedure_id = study.procedure_id or _exam_under_same_uid(study)
    if study.procedure_id is not None:
        ImportStudy.objects.filter(pk=study.pk).update(procedure=study.procedure_id)
        return RequestedProcedure.objects.select_related("request", "patient").get(pk=study.procedure_id)
    modality = (study.modalities.split() or ["OT"])[0]
    at = _moment(study.study_date)
    name = " ".join(filter(None, ("Ảnh ngoài", study.description or modality)))[:64]
    placed = place_order(
        OrderRequest(
            source=SOURCE,
            placer_order_number=PlacerOrderNumber(f"IMP{study.pk}"),
            patient=_details(study.patient),
            service_code=f"OUTSIDE-{modality}",
            service_name=name,
            modality=modality,
            study_instance_uid=StudyInstanceUID(study.study_instance_uid),
            scheduled_at=at,
            comments=f"Ảnh từ ngoài: {study.patient.of.source}".rstrip(": "),
            steps=(OrderedStep(modality=modality, scheduled_at=at),),
        ),
        actor,
    )
    exam = RequestedProcedure.objects.select_related("request", "patient").get(pk=placed.procedure_id)
    ImportPatient.objects.filter(pk=study.patient_id).update(patient=exam.patient)
    ImportStudy.objects.filter(pk=study.pk).update(procedure=exam)
    primary = next(one for one in identifiers_of(exam.patient_id) if one.is_primary)
    ForetoldStudy.objects.update_or_create(
        study_instance_uid=study.study_instance_uid,
        received_patient_id=study.patient.number,
        defaults={
            "restated": {
                _PATIENT_ID: primary.value,
                _ISSUER: primary.issuer,
                _NAME: exam.patient.dicom_name,
                _ACCESSION: exam.request.accession_number,
            }
        },
    )
    return exam


def _exam_under_same_uid(study: ImportStudy) -> int | None:
    """That of images of the same patient, whose name is spelled in another way in them."""
    same = studies_of(study.patient.of_id).filter(study_instance_uid=study.study_instance_uid)
    return same.filter(procedure__isnull=False).values_list("procedure_id", flat=True).first()


def _details(found: ImportPatient) -> PatientDetails:
    """Whom the person has chosen; images correct nobody.

    :raises OtherPerson, ImportInvalid: the number of the new one is another person's by now
    """
    patient = None
    if found.decision == Decision.EXISTING and found.patient_id is not None:
        patient = present_patient(found.patient_id)
    elif found.decision == Decision.NEW:
        patient = find_patient(PatientIdentifier(number_of_new(found), found.new_issuer))
        if patient is not None and found.patient_id is None:  # not made for a study of this import before
            check_choice(person_in(found), person_here(patient), found.reason)
    if patient is not None:
        primary = next(one for one in identifiers_of(patient.pk) if one.is_primary)
        return PatientDetails(
            identifiers=(PatientIdentifier(primary.value, primary.issuer, primary.kind),),
            full_name=patient.full_name,
            dicom_name=patient.dicom_name,
        )
    name = found.name.split("=")[0]
    full = " ".join(name.replace("^", " ").split()) or "?"
    return PatientDetails(
        identifiers=(PatientIdentifier(number_of_new(found), found.new_issuer),),
        full_name=full,
        dicom_name=name.strip("^ ") or "?",
        birth_date=found.birth_date or None,
        sex=found.sex if found.sex in ("M", "F", "O") else None,
        confirmed=bool(found.reason),
    )


def _store(engine: Engine, import_id: int, study: ImportStudy, exam: RequestedProcedure, actor: Actor) -> None:
    stored = refused = 0
    problem = ""
    for image in study.objects_found.order_by("number"):
        try:
            _store_one(engine, found_object(import_id, image.number), image.sop_instance_uid)
            stored += 1
        except (EngineFailed, NoRoomForCopy) as error:
            refused += 1
            problem = error.code
    with transaction.atomic():
        ImportStudy.objects.filter(pk=study.pk).update(
            fate=Fate.STORED if stored else Fate.REFUSED, stored_count=stored, refused_count=refused, problem=problem
        )
        found = Import.objects.get(pk=import_id)
        tell_of_import(
            found, actor, "study_stored", patient_id=exam.patient_id, procedure=exam.pk, images=stored, refused=refused
        )


def _store_one(engine: Engine, path: Path, sop_instance_uid: str) -> None:
    """The engine keeps the first file under an identifier and says nothing of a further one: another image is kept
    aside for a person (docs/adr/0021).

    :raises NoRoomForCopy: there is no room for it
    """
    data = _mapped(path)
    stored = engine.store_instance(_upload(data))
    same = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if not stored.already_stored or engine.instance_md5(stored.orthanc_id) == same:
        return
    what = difference(stored_file(engine, stored.orthanc_id), data)
    if what is not None and not is_kept(data, sop_instance_uid, stored.study_id):
        keep_copy(data, sop_instance_uid, stored.study_id, what, SOURCE)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _upload(data: mmap.mmap) -> Upload:
    """Sent piece by piece."""

    def pieces() -> Iterator[bytes]:
        return (data[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES))

    return Upload(len(data), pieces)


def _moment(date: str) -> datetime:
    try:
        zone = ZoneInfo(settings.QUANG.site.time_zone)
        return datetime.strptime(f"{date} 12", "%Y%m%d %H").replace(tzinfo=zone)
    except ValueError:
        return timezone.now()
