"""What links are made of: making one, undoing one, the queues. For transactions that hold the study's lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.looks import images_taken_from as end_looks_of_receivers
from ris_core.devices.registered import registered_device
from ris_core.errors import NotFound
from ris_core.matching.evidence import ReceivedStudy
from ris_core.matching.identity import one_patient
from ris_core.matching.reasons import Reason
from ris_core.matching.services import policy_in_force
from ris_core.orders.models import RequestedProcedure
from ris_core.portal.looks import images_taken_from as end_looks_of
from ris_core.sharing.following import images_taken_from
from ris_core.studies import effects
from ris_core.studies.candidates import received_study, room_of_device
from ris_core.studies.corrections import owe_correction
from ris_core.studies.exam_keys import with_keys
from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.studies.received import header_from_json

AUTO_MAPPING = Actor("auto_mapping")


def make_link(
    study: Study, procedure: RequestedProcedure, how: str, explanation: dict[str, Any], actor: Actor, now: datetime
) -> StudyLink:
    """The study belongs to ``procedure`` (locked): patient, states, steps, worklist and audit follow."""
    link = StudyLink.objects.create(
        study=study,
        procedure=procedure,
        how=how,
        explanation=explanation,
        step_status_before=effects.images_have_begun(procedure, study, now),
        linked_at=now,
        linked_by_id=actor.user_id,
    )
    study.patient_id = procedure.patient_id
    study.reason = ""
    study.candidates = []
    study.state = ""
    follow_engine(study)
    if study.complete:
        effects.images_are_complete(procedure, study, now)
    record(
        actor,
        "study.linked",
        subject=f"study:{study.pk}",
        patient_id=procedure.patient_id,
        procedure=procedure.pk,
        how=str(how),
    )
    return link


def follow_engine(study: Study) -> None:
    """A linked study is READY_TO_READ when the engine has all of it."""
    state = StudyState.READY_TO_READ if study.complete else StudyState.LINKED
    if study.state == state:
        return
    study.state = state
    study.save(update_fields=["state", "patient", "reason", "candidates", "updated_at"])
    announce("study", study.pk)


def put_in_queue(study: Study, state: StudyState, reason: Reason, candidates: list[dict[str, Any]]) -> None:
    """The study waits for a person under ``state``; a link that holds is undone and stays as history, and whoever
    reads images that go with it is told."""
    for link in study.links.filter(undone_at__isnull=True).order_by("pk"):
        procedure = locked_procedure(link.procedure_id)
        effects.take_from_reader(procedure, link, AUTO_MAPPING)
        unmake_link(link, procedure, AUTO_MAPPING, reason.value)
    if study.state == state and study.reason == reason and study.candidates == candidates:
        return
    study.state, study.reason, study.candidates, study.patient = state, reason.value, candidates, None
    study.save(update_fields=["state", "reason", "candidates", "patient", "updated_at"])
    record(AUTO_MAPPING, f"study.{state.lower()}", subject=f"study:{study.pk}", success=False, reason=reason.value)
    announce("study", study.pk)


def close_viewers_of(exam_id: int) -> None:
    """Images leave the exam, in the caller's transaction: who looks from outside must open them again."""
    images_taken_from(exam_id)
    end_looks_of(exam_id)
    end_looks_of_receivers(exam_id)


def unmake_link(link: StudyLink, procedure: RequestedProcedure, actor: Actor, reason: str) -> None:
    """The link holds no more; the row stays as history. What becomes of the study is the caller's to say."""
    link.undone_at = timezone.now()
    link.undone_by_id = actor.user_id
    link.undone_reason = reason[:255]
    link.save(update_fields=["undone_at", "undone_by", "undone_reason"])
    effects.images_are_gone(procedure, link, link.undone_at)
    close_viewers_of(procedure.pk)
    owe_correction(link.study_id)
    record(
        actor,
        "study.link_undone",
        subject=f"study:{link.study_id}",
        patient_id=procedure.patient_id,
        procedure=procedure.pk,
        reason=reason[:255],
    )


def other_patients(study: Study, same_uid: Iterable[Study]) -> list[Study]:
    """The studies of other patients under the same StudyInstanceUID that are there now (domain invariant 4)."""
    received = received_of(study)
    return [
        row
        for row in same_uid
        if row.pk != study.pk
        and row.gone_from_engine_at is None
        and row.state != StudyState.REJECTED
        and not one_patient(received, received_of(row))
    ]


def received_of(study: Study) -> ReceivedStudy:
    """What the first image says, by its device and by what was restated since, and how and when it came."""
    header = header_from_json(study.as_received).restated(study.restated)
    received = replace(
        received_study(header, study.modalities.split()),
        sender=study.remote_ae_title,
        device=registered_device(study.remote_ae_title),
        room=room_of_device(study.remote_ae_title),
        received_at=study.first_received_at,
    )
    return with_keys(received, header, policy_in_force())


def locked_study(study_id: int) -> Study:
    """:raises NotFound: no such study"""
    study = Study.objects.select_for_update().filter(pk=study_id).first()
    if study is None:
        raise NotFound("there is no such study", field="study")
    return study


def locked_procedure(procedure_id: int) -> RequestedProcedure:
    """With its request and patient.

    :raises NotFound: no such procedure
    """
    # locked first and read then: a merge that was waited for has given it another patient
    list(RequestedProcedure.objects.select_for_update().filter(pk=procedure_id).values_list("pk"))
    procedure = RequestedProcedure.objects.select_related("request", "patient").filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("there is no such procedure", field="procedure")
    return procedure
