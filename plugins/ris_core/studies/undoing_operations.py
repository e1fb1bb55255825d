"""Taking an operation on studies back: rows now, files by the worker. Only the latest one on a study can be undone."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.matching.reasons import Reason
from ris_core.studies import effects
from ris_core.studies.links import locked_procedure, locked_study, put_in_queue, unmake_link
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
from ris_core.studies.operation_steps import link_by_person, tell_of_operation, twins_of
from ris_core.studies.operations_under_way import is_stuck

_MADE_A_STUDY = (
    OperationKind.SPLIT,
    OperationKind.REJECT_IMAGES,
    OperationKind.REJECT_STUDY,
    OperationKind.CHANGE_PATIENT,
)
"""Operations whose other study, if any, was made for them."""


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
    same_uid = Study.objects.filter(study_instance_uid=operation.study.study_instance_uid).values_list("pk", flat=True)
    locked = {key: locked_study(key) for key in sorted({*operation.study_ids, *same_uid})}
    studies = [locked[key] for key in operation.study_ids]
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
    tell_of_operation(operation, actor, "undone")
    return operation


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
        twins = twins_of(study)
        for row in (study, *twins) if twins else ():  # before the images lie under one UID again, not when they do
            put_in_queue(row, StudyState.CONFLICT, Reason.TWO_PATIENTS_ONE_STUDY_UID, [])
        for procedure_id in before["procedures"] if not twins else ():
            procedure = locked_procedure(procedure_id)
            if procedure.absorbed_by.filter(undone_at__isnull=True).exists():
                raise TransitionRefused(
                    "the order was linked to another one since: unlink them first", field="procedure"
                )
            link_by_person(study, procedure, actor, reason)
    made = next((row for row in studies if row.pk == operation.other_study_id), None)
    if made is not None and operation.kind in _MADE_A_STUDY:
        for link in made.links.filter(undone_at__isnull=True):
            procedure = locked_procedure(link.procedure_id)
            effects.respect_approved_report(procedure)
            effects.take_from_reader(procedure, link, actor)
            unmake_link(link, procedure, actor, reason)
        made.state, made.reason, made.patient = StudyState.REJECTED, operation.kind, None
        made.save(update_fields=["state", "reason", "patient", "updated_at"])
