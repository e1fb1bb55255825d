"""What a person may do with the images of studies, and how it is taken back: rows now, files by the worker.

Each function is one transaction: it refuses what the rules refuse and what is locked, writes the operation with what
undoing it restores, and owes the files a correction. Taking one back is :mod:`ris_core.studies.undoing_operations`.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from ris_core.audit.services import Actor
from ris_core.errors import TransitionRefused
from ris_core.orders.models import ExamState
from ris_core.studies.links import locked_procedure
from ris_core.studies.models import OperationKind, Study, StudyLink, StudyOperation, StudyState
from ris_core.studies.operation_rules import refusal_to_take
from ris_core.studies.operation_steps import (
    begin_operation,
    both_opened,
    keep_operation,
    link_by_person,
    new_study,
    opened_study,
    place_everything,
    place_images,
    refuse,
    subject_of,
    take_out,
    twins_of,
)
from ris_core.studies.rejection import Rejection


@transaction.atomic
def split_study(
    study_id: int, series: Sequence[str], actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """Some series become a study of their own, under a new StudyInstanceUID, which waits for a person to be linked.

    :raises TransitionRefused: nothing or everything is chosen, or the study is rejected
    """
    study = opened_study(study_id, actor, breaking_reason)
    refuse(refusal_to_take(subject_of(study), len(set(series)), all_allowed=False))
    operation = begin_operation(OperationKind.SPLIT, study, actor, reason)
    target = new_study(study, StudyState.RECEIVING)
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
    place_images(operation, study, target, series, actor)
    return operation


@transaction.atomic
def move_series(
    study_id: int, series: Sequence[str], target_id: int, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """Some series go into another study of the same patient.

    :raises TransitionRefused: the studies are of two patients, or one is rejected
    """
    study, target = both_opened(study_id, target_id, actor, breaking_reason)
    refuse(refusal_to_take(subject_of(study), len(set(series)), all_allowed=False))
    operation = begin_operation(OperationKind.MOVE_SERIES, study, actor, reason)
    place_images(operation, study, target, series, actor)
    return operation


@transaction.atomic
def merge_studies(
    study_id: int, series: Sequence[str], target_id: int, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """All of a study goes into another one of the same patient; its exams go along.

    :param series: every series of the study
    :raises TransitionRefused: the studies are of two patients, or one is rejected
    """
    study, target = both_opened(study_id, target_id, actor, breaking_reason)
    refuse(refusal_to_take(subject_of(study), len(set(series)), all_allowed=True))
    operation = begin_operation(OperationKind.MERGE, study, actor, reason)
    procedures = take_out(operation, study, actor)
    present = set(target.links.filter(undone_at__isnull=True).values_list("procedure_id", flat=True))
    added = []
    if target.patient_id is not None:
        for procedure in procedures:
            if procedure.pk not in present:
                added.append(link_by_person(target, procedure, actor, operation.reason).pk)
    operation.before["links_added"] = added
    place_images(operation, study, target, series, actor)
    return operation


@transaction.atomic
def change_patient(
    study_id: int, procedure_id: int, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """The study is another patient's than the device says: it goes to that patient's order (IHE RAD PIR, IOCM).

    The only way to link a study against what its images say; their device's words are kept and come back with undo.
    Where another patient's images lie under the same StudyInstanceUID, this one gets a UID of its own.

    :raises TransitionRefused: a report on these images was approved: recall it first, so that its receivers are told
    """
    study = opened_study(study_id, actor, breaking_reason)
    refuse(refusal_to_take(subject_of(study), 1, all_allowed=True))
    procedure = locked_procedure(procedure_id)
    if procedure.exam_state == ExamState.CANCELLED:
        raise TransitionRefused("the order is cancelled", field="CANCELLED")
    if procedure.patient_id == study.patient_id:
        raise TransitionRefused("the study is this patient's already", field="SAME_PATIENT")
    operation = begin_operation(OperationKind.CHANGE_PATIENT, study, actor, reason)
    operation.before["restated"] = study.restated
    shares_uid = bool(twins_of(study))
    take_out(operation, study, actor)
    patient = procedure.patient
    primary = patient.identifiers.filter(is_primary=True).first()
    stated = {
        "00100010": patient.dicom_name,
        "00100020": primary.value if primary else "",
        "00100021": primary.issuer if primary else "",
        "00100030": patient.birth_date if len(patient.birth_date) == 8 else "",
        "00100040": patient.sex,
    }
    linked = study
    if shares_uid:
        linked = new_study(study, StudyState.RECEIVING)
        place_everything(operation, study, linked)
    linked.restated = {**study.restated, **stated}
    linked.save(update_fields=["restated"])
    operation.before["links_added"] = [link_by_person(linked, procedure, actor, operation.reason).pk]
    keep_operation(operation, actor)
    return operation


@transaction.atomic
def reject_study(
    study_id: int, why: Rejection, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> StudyOperation:
    """The whole study is not to be used: hidden from lists, viewers and counts, never deleted (IOCM).

    Where another patient's images lie under the same StudyInstanceUID, it gets a UID of its own, so that the other's
    may be shown again.

    :raises TransitionRefused: a report on these images was approved: recall it first, so that its receivers are told
    """
    study = opened_study(study_id, actor, breaking_reason)
    refuse(refusal_to_take(subject_of(study), 1, all_allowed=True))
    operation = begin_operation(OperationKind.REJECT_STUDY, study, actor, reason, why)
    shares_uid = bool(twins_of(study))
    take_out(operation, study, actor)
    if shares_uid:
        place_everything(operation, study, new_study(study, StudyState.REJECTED))
    keep_operation(operation, actor)
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
    study = opened_study(study_id, actor, breaking_reason)
    refuse(refusal_to_take(subject_of(study), len(set(series)), all_allowed=bool(instances), images=len(instances)))
    operation = begin_operation(OperationKind.REJECT_IMAGES, study, actor, reason, why)
    place_images(operation, study, new_study(study, StudyState.REJECTED), series, actor, instances)
    return operation


def operations_of(study: Study) -> list[StudyOperation]:
    """Every operation on a study, the latest first."""
    mine = StudyOperation.objects.filter(Q(study=study) | Q(other_study=study))
    return list(mine.select_related("started_by", "undone_by", "other_study", "study").order_by("-pk"))
