"""What the operations on studies, and taking them back, are made of: steps within the transaction of their caller."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.utils import timezone

from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, TransitionRefused
from ris_core.identifiers import StudyInstanceUID
from ris_core.jobs.services import enqueue
from ris_core.matching.identity import one_patient
from ris_core.orders.models import RequestedProcedure
from ris_core.studies import effects
from ris_core.studies.corrections import owe_correction
from ris_core.studies.engine_ids import engine_id
from ris_core.studies.links import (
    close_viewers_of,
    locked_procedure,
    locked_study,
    make_link,
    other_patients,
    received_of,
    unmake_link,
)
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
from ris_core.studies.operation_rules import Refusal, Subject, refusal_to_combine
from ris_core.studies.received import header_from_json
from ris_core.studies.rejection import Rejection


def opened_study(study_id: int, actor: Actor, breaking_reason: str) -> Study:
    """The study, locked until the end of the transaction.

    :raises StudyLocked: somebody reads it, or its images are on their way, and no reason for breaking that is given
    """
    study = locked_study(study_id)
    respect_lock(study, actor, breaking_reason)
    return study


def both_opened(study_id: int, target_id: int, actor: Actor, breaking_reason: str) -> tuple[Study, Study]:
    """:raises TransitionRefused: their images must not come together"""
    opened = {key: opened_study(key, actor, breaking_reason) for key in sorted({study_id, target_id})}
    study, target = opened[study_id], opened[target_id]
    refuse(refusal_to_combine(subject_of(study), subject_of(target)))
    return study, target


def subject_of(study: Study) -> Subject:
    """What the rules look at."""
    return Subject(
        study.pk, study.state == StudyState.REJECTED, study.patient_id, received_of(study), study.series_count
    )


def refuse(refusal: Refusal | None) -> None:
    """:raises TransitionRefused: when there is a refusal"""
    if refusal is not None:
        raise TransitionRefused(refusal.value, field=refusal.name)


def begin_operation(
    kind: OperationKind, study: Study, actor: Actor, reason: str, rejection: Rejection | None = None
) -> StudyOperation:
    """:raises InvalidValue: no reason given"""
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


def new_study(origin: Study, state: StudyState) -> Study:
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


def place_images(
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
    keep_operation(operation, actor)


def place_everything(operation: StudyOperation, study: Study, target: Study) -> None:
    """Place all of ``study`` into ``target``, what comes later included: two patients' images came under one
    StudyInstanceUID, and each patient's are to stand alone (domain invariant 4)."""
    here = Placement.objects.filter(target=study, undone=False)
    moved = list(here.values_list("pk", "origin_id", "series_instance_uid", "sop_instance_uid"))
    here.update(undone=True)
    for _, origin_id, series, instance in moved:
        if origin_id != target.pk:
            Placement.objects.create(
                operation=operation,
                origin_id=origin_id,
                target=target,
                series_instance_uid=series,
                sop_instance_uid=instance,
            )
    Placement.objects.create(operation=operation, origin=study, target=target)
    operation.other_study = target
    operation.before["superseded"] = [pk for pk, *_ in moved]
    for twin in twins_of(study):
        enqueue("study_arrived", twin.orthanc_id)


def give_rejected_its_own_uid(rejected: Study, twin: Study) -> None:
    """Images of another patient have come under the UID of a study that had been rejected before: now it stands alone;
    in the caller's transaction, which has both locked. Nothing happens where it does already, or is the same patient's.
    """
    operation = StudyOperation.objects.filter(
        study=rejected, kind=OperationKind.REJECT_STUDY, undone_at__isnull=True, other_study__isnull=True
    ).first()
    if rejected.state != StudyState.REJECTED or operation is None or operation.state != OperationState.DONE:
        return
    if one_patient(received_of(twin), received_of(rejected)):
        return
    place_everything(operation, rejected, new_study(rejected, StudyState.REJECTED))
    operation.state = OperationState.RUNNING
    operation.save(update_fields=["state"])
    keep_operation(operation, SYSTEM)


def twins_of(study: Study) -> list[Study]:
    """The studies of other patients under the same StudyInstanceUID that are shown or wait."""
    return other_patients(study, Study.objects.filter(study_instance_uid=study.study_instance_uid).order_by("pk"))


def take_out(operation: StudyOperation, study: Study, actor: Actor) -> list[RequestedProcedure]:
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


def link_by_person(study: Study, procedure: RequestedProcedure, actor: Actor, reason: str) -> StudyLink:
    """The study belongs to this exam, because a person says so."""
    return make_link(study, procedure, StudyLink.How.PERSON, {"reason": reason}, actor, timezone.now())


def keep_operation(operation: StudyOperation, actor: Actor) -> None:
    """Write what undoing needs, and tell that the operation has begun."""
    operation.save(update_fields=["before", "other_study"])
    tell_of_operation(operation, actor, "begun")


def tell_of_operation(operation: StudyOperation, actor: Actor, what: str) -> None:
    """Files are owed, viewers outside are closed, screens and audit trail are told; ``what`` is ``begun`` or
    ``undone``."""
    linked = StudyLink.objects.filter(study_id__in=operation.study_ids, undone_at__isnull=True)
    for exam_id in sorted(set(linked.values_list("procedure_id", flat=True))):
        close_viewers_of(exam_id)
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
