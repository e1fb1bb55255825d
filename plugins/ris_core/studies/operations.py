"""What a person may do with the images of studies, and how it is taken back: rows now, files by the worker.

Each function is one transaction: it refuses what the rules refuse and what is locked, writes the operation with what
undoing it restores, and owes the files a correction. Only the latest operation on a study can be undone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.identifiers import StudyInstanceUID
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.studies import effects
from ris_core.studies.corrections import owe_correction
from ris_core.studies.engine_ids import engine_id
from ris_core.studies.links import locked_procedure, locked_study, make_link, received_of, unmake_link
from ris_core.studies.locks import respect_lock
from ris_core.studies.models import (
    OperationKind,
    OperationState,
    Placement,
    Study,
    StudyLink,
    StudyOperation,
    StudyState,
)
from ris_core.studies.operation_rules import Refusal, Subject, refusal_to_combine, refusal_to_take
from ris_core.studies.operations_under_way import is_stuck
from ris_core.studies.received import header_from_json
from ris_core.studies.rejection import Rejection


@transaction.atomic
def split_study(
    study_id: int, series: Sequence[str], actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """Some series become a study of their own, under a new StudyInstanceUID, which waits for a person to be linked.

    :raises TransitionRefused: nothing or everything is chosen, or the study is rejected
    """
    study = _opened(study_id, actor, breaking_reason)
    _refuse(refusal_to_take(_subject(study), len(set(series)), all_allowed=False))
    operation = _begin(OperationKind.SPLIT, study, actor, reason)
    target = _new_study(study, StudyState.RECEIVING)
    for link in study.links.filter(undone_at__isnull=True):
        # what was taken out is not linked again by rule: that its number is this order's is known and was not meant
        StudyLink.objects.create(
            study=target,
            procedure_id=link.procedure_id,
            how=StudyLink.How.PERSON,
            linked_at=operation.started_at,
            linked_by_id=actor.user_id,
            undone_at=operation.started_at,
            undone_by_id=actor.user_id,
            undone_reason=operation.reason,
        )
    _send(operation, study, target, series, actor)
    return operation


@transaction.atomic
def move_series(
    study_id: int, series: Sequence[str], target_id: int, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """Some series go into another study of the same patient.

    :raises TransitionRefused: the studies are of two patients, or one is rejected
    """
    study, target = _both(study_id, target_id, actor, breaking_reason)
    _refuse(refusal_to_take(_subject(study), len(set(series)), all_allowed=False))
    operation = _begin(OperationKind.MOVE_SERIES, study, actor, reason)
    _send(operation, study, target, series, actor)
    return operation


@transaction.atomic
def merge_studies(
    study_id: int, series: Sequence[str], target_id: int, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """All of a study goes into another one of the same patient; its exams go along.

    :param series: every series of the study
    :raises TransitionRefused: the studies are of two patients, or one is rejected
    """
    study, target = _both(study_id, target_id, actor, breaking_reason)
    _refuse(refusal_to_take(_subject(study), len(set(series)), all_allowed=True))
    operation = _begin(OperationKind.MERGE, study, actor, reason)
    procedures = _take_out(operation, study, actor)
    present = set(target.links.filter(undone_at__isnull=True).values_list("procedure_id", flat=True))
    added = []
    if target.patient_id is not None:
        for procedure in procedures:
            if procedure.pk not in present:
                added.append(_link(target, procedure, actor, operation.reason).pk)
    operation.before["links_added"] = added
    _send(operation, study, target, series, actor)
    return operation


@transaction.atomic
def change_patient(
    study_id: int, procedure_id: int, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """The study is another patient's than the device says: it goes to that patient's order (IHE RAD PIR, IOCM).

    The only way to link a study against what its images say; their device's words are kept and come back with undo.

    :raises TransitionRefused: a report on these images was approved: recall it first, so that its receivers are told
    """
    study = _opened(study_id, actor, breaking_reason)
    _refuse(refusal_to_take(_subject(study), 1, all_allowed=True))
    procedure = locked_procedure(procedure_id)
    if procedure.exam_state == ExamState.CANCELLED:
        raise TransitionRefused("the order is cancelled", field="CANCELLED")
    if procedure.patient_id == study.patient_id:
        raise TransitionRefused("the study is this patient's already", field="SAME_PATIENT")
    operation = _begin(OperationKind.CHANGE_PATIENT, study, actor, reason)
    operation.before["restated"] = study.restated
    _take_out(operation, study, actor)
    patient = procedure.patient
    primary = patient.identifiers.filter(is_primary=True).first()
    stated = {
        "00100010": patient.dicom_name,
        "00100020": primary.value if primary else "",
        "00100021": primary.issuer if primary else "",
        "00100030": patient.birth_date if len(patient.birth_date) == 8 else "",
        "00100040": patient.sex,
    }
    study.restated = {**study.restated, **stated}
    study.save(update_fields=["restated"])
    operation.before["links_added"] = [_link(study, procedure, actor, operation.reason).pk]
    _kept(operation, actor)
    return operation


@transaction.atomic
def reject_study(
    study_id: int, why: Rejection, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """The whole study is not to be used: hidden from lists, viewers and counts, never deleted (IOCM).

    :raises TransitionRefused: a report on these images was approved: recall it first, so that its receivers are told
    """
    study = _opened(study_id, actor, breaking_reason)
    _refuse(refusal_to_take(_subject(study), 1, all_allowed=True))
    operation = _begin(OperationKind.REJECT_STUDY, study, actor, reason, why)
    _take_out(operation, study, actor)
    _kept(operation, actor)
    return operation


@transaction.atomic
def reject_images(
    study_id: int,
    series: Sequence[str],
    why: Rejection,
    actor: Actor,
    reason: str,
    *,
    instances: Sequence[tuple[str, str]] = (),
    breaking_reason: str = "",
) -> StudyOperation:
    """Some series, or single images as (SeriesInstanceUID, SOPInstanceUID), are not to be used (IOCM).

    They go into a study of their own that nobody is shown, and come back with undo.
    """
    study = _opened(study_id, actor, breaking_reason)
    _refuse(refusal_to_take(_subject(study), len(set(series)), all_allowed=bool(instances), images=len(instances)))
    operation = _begin(OperationKind.REJECT_IMAGES, study, actor, reason, why)
    _send(operation, study, _new_study(study, StudyState.REJECTED), series, actor, instances)
    return operation


@transaction.atomic
def undo_operation(operation_id: int, actor: Actor, reason: str, *, breaking_reason: str = "") -> StudyOperation:
    """Take the latest operation on a study back: rows at once, files by the worker. Undone once, it stays undone.

    One that is under way and whose work was given up (:func:`is_stuck`) can be taken back too.

    :raises NotFound: no such operation
    :raises TransitionRefused: a later one is in the way; undo that first. Or a report on the images was approved
        since; recall it first
    """
    operation = StudyOperation.objects.filter(pk=operation_id).first()
    if operation is None:
        raise NotFound("there is no such operation", field="operation")
    studies = [locked_study(key) for key in operation.study_ids]
    operation = StudyOperation.objects.select_for_update().get(pk=operation_id)
    if operation.undone_at is not None:
        return operation
    own = operation.pk if is_stuck(operation) else None
    for study in studies:
        respect_lock(study, actor, breaking_reason, apart_from=own)
    mine = Q(study__in=studies) | Q(other_study__in=studies)
    if StudyOperation.objects.filter(mine, pk__gt=operation.pk, undone_at__isnull=True).exists():
        raise TransitionRefused("a later operation must be undone first", field="LATER_OPERATION")
    if not reason.strip():
        raise InvalidValue("say why it is undone", field="reason")
    _restore(operation, studies, actor, reason.strip())
    operation.state, operation.undone_at = OperationState.UNDOING, timezone.now()
    operation.undone_by_id, operation.undone_reason = actor.user_id, reason.strip()[:255]
    operation.save(update_fields=["state", "undone_at", "undone_by", "undone_reason"])
    _tell(operation, actor, "undone")
    return operation


def operations_of(study: Study) -> list[StudyOperation]:
    """Every operation on a study, the latest first."""
    mine = StudyOperation.objects.filter(Q(study=study) | Q(other_study=study))
    return list(mine.select_related("started_by", "undone_by", "other_study", "study").order_by("-pk"))


# parts of a use case


def _opened(study_id: int, actor: Actor, breaking_reason: str) -> Study:
    study = locked_study(study_id)
    respect_lock(study, actor, breaking_reason)
    return study


def _both(study_id: int, target_id: int, actor: Actor, breaking_reason: str) -> tuple[Study, Study]:
    opened = {key: _opened(key, actor, breaking_reason) for key in sorted({study_id, target_id})}
    study, target = opened[study_id], opened[target_id]
    _refuse(refusal_to_combine(_subject(study), _subject(target)))
    return study, target


def _subject(study: Study) -> Subject:
    return Subject(
        study.pk, study.state == StudyState.REJECTED, study.patient_id, received_of(study), study.series_count
    )


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise TransitionRefused(refusal.value, field=refusal.name)


def _begin(
    kind: OperationKind, study: Study, actor: Actor, reason: str, rejection: Rejection | None = None
) -> StudyOperation:
    if not reason.strip():
        raise InvalidValue("say why", field="reason")
    return StudyOperation.objects.create(
        kind=kind,
        study=study,
        reason=reason.strip()[:255],
        rejection=rejection.value if rejection else "",
        before={"state": study.state, "reason": study.reason},
        started_at=timezone.now(),
        started_by_id=actor.user_id,
    )


def _new_study(origin: Study, state: StudyState) -> Study:
    """A row for images taken out of ``origin``: its words as received, under a StudyInstanceUID of its own."""
    uid = StudyInstanceUID.new(settings.QUANG.site.uid_root)
    header = header_from_json(origin.as_received)
    return Study.objects.create(
        orthanc_id=engine_id(header.text("00100020"), uid),
        study_instance_uid=uid,
        state=state,
        as_received=header.restated({"0020000D": uid}).as_json(),
        restated=origin.restated,
        received_patient_id=origin.received_patient_id,
        received_patient_name=origin.received_patient_name,
        received_accession_number=origin.received_accession_number,
        search_text=origin.search_text,
        study_date=origin.study_date,
        study_time=origin.study_time,
        study_description=origin.study_description,
        remote_ae_title=origin.remote_ae_title,
        first_received_at=origin.first_received_at,
        last_received_at=timezone.now(),
    )


def _send(
    operation: StudyOperation,
    study: Study,
    target: Study,
    series: Collection[str],
    actor: Actor,
    instances: Collection[tuple[str, str]] = (),
) -> None:
    """Place images of ``study`` into ``target``; what had been placed into ``study`` before is placed anew."""
    superseded = []
    for uid, instance in sorted({*((str(StudyInstanceUID(one)), "") for one in series), *instances}):
        there = Placement.objects.filter(
            target=study, series_instance_uid=uid, sop_instance_uid__in=("", instance), undone=False
        ).first()
        origin = there.origin if there else study
        if there is not None and there.sop_instance_uid == instance:
            superseded.append(there.pk)
            Placement.objects.filter(pk=there.pk).update(undone=True)
        if origin != target:
            Placement.objects.create(
                operation=operation, origin=origin, target=target, series_instance_uid=uid, sop_instance_uid=instance
            )
    operation.other_study = target
    operation.before["superseded"] = superseded
    _kept(operation, actor)


def _take_out(operation: StudyOperation, study: Study, actor: Actor) -> list[RequestedProcedure]:
    """The study belongs to no exam and is shown to nobody; returns the exams it belonged to."""
    procedures = []
    for link in study.links.filter(undone_at__isnull=True).order_by("pk"):
        procedure = locked_procedure(link.procedure_id)
        if operation.kind != OperationKind.MERGE:  # there the exam goes along with its images
            effects.respect_approved_report(procedure)
            effects.take_from_reader(procedure, link, actor)
        unmake_link(link, procedure, actor, operation.reason)
        procedures.append(procedure)
    operation.before["procedures"] = [procedure.pk for procedure in procedures]
    study.state, study.reason, study.candidates, study.patient = StudyState.REJECTED, operation.kind, [], None
    study.save(update_fields=["state", "reason", "candidates", "patient", "updated_at"])
    return procedures


def _link(study: Study, procedure: RequestedProcedure, actor: Actor, reason: str) -> StudyLink:
    return make_link(study, procedure, StudyLink.How.PERSON, {"reason": reason}, actor, timezone.now())


def _restore(operation: StudyOperation, studies: list[Study], actor: Actor, reason: str) -> None:
    before: dict[str, Any] = operation.before
    for link in StudyLink.objects.filter(pk__in=before.get("links_added", ()), undone_at__isnull=True):
        procedure = locked_procedure(link.procedure_id)
        if operation.kind != OperationKind.MERGE:
            effects.respect_approved_report(procedure)
            effects.take_from_reader(procedure, link, actor)
        unmake_link(link, procedure, actor, reason)
    operation.placements.update(undone=True)
    Placement.objects.filter(pk__in=before.get("superseded", ())).update(undone=False)
    study = next(row for row in studies if row.pk == operation.study_id)
    if "procedures" in before:
        study.restated = before.get("restated", study.restated)
        study.state, study.reason, study.patient = before["state"], before["reason"], None
        if before["procedures"]:
            study.state = StudyState.UNMATCHED
        study.save(update_fields=["restated", "state", "reason", "patient", "updated_at"])
        for procedure_id in before["procedures"]:
            procedure = locked_procedure(procedure_id)
            if procedure.absorbed_by.filter(undone_at__isnull=True).exists():
                raise TransitionRefused(
                    "the order was linked to another one since: unlink them first", field="procedure"
                )
            _link(study, procedure, actor, reason)
    made = next((row for row in studies if row.pk == operation.other_study_id), None)
    if made is not None and operation.kind in (OperationKind.SPLIT, OperationKind.REJECT_IMAGES):
        for link in made.links.filter(undone_at__isnull=True):
            procedure = locked_procedure(link.procedure_id)
            effects.respect_approved_report(procedure)
            effects.take_from_reader(procedure, link, actor)
            unmake_link(link, procedure, actor, reason)
        made.state, made.reason, made.patient = StudyState.REJECTED, operation.kind, None
        made.save(update_fields=["state", "reason", "patient", "updated_at"])


def _kept(operation: StudyOperation, actor: Actor) -> None:
    operation.save(update_fields=["before", "other_study"])
    _tell(operation, actor, "begun")


def _tell(operation: StudyOperation, actor: Actor, what: str) -> None:
    for study_id in operation.study_ids:
        Study.objects.filter(pk=study_id).update(arrangement="")
        owe_correction(study_id)
        announce("study", study_id)
    record(
        actor,
        f"study.operation_{what}",
        subject=f"study:{operation.study_id}",
        patient_id=operation.study.patient_id,
        operation=operation.pk,
        kind=operation.kind,
        other=operation.other_study_id,
        reason=operation.reason if what == "begun" else operation.undone_reason,
    )
