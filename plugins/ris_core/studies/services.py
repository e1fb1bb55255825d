"""Studies as they arrive, and their links to orders: each function is one transaction that may be run again.

Linking by rule follows :mod:`ris_core.matching.rules`; what the rules do not link waits in a queue for a person.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine import EngineStudy
from ris_core.errors import IdentityConflict, InvalidValue, NotFound, TransitionRefused
from ris_core.matching.rules import (
    Decision,
    Outcome,
    Reason,
    Verdict,
    compare,
    decide,
    identity_objection,
    patient_varies,
)
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.studies import effects
from ris_core.studies.candidates import consider, ordered_procedure, patients_with_id, received_study
from ris_core.studies.models import LINKED_STATES, QUEUE_STATES, Study, StudyLink, StudyState
from ris_core.studies.received import Header, header_from_json

AUTO_MAPPING = Actor("auto_mapping")
_KEPT_CANDIDATES = 10


@transaction.atomic
def note_study(found: EngineStudy, headers: Sequence[Header], remote_ae_title: str = "") -> Study:
    """Make the row of a study, or bring it up to date with the engine, and link it if the rules say so.

    :param headers: patient and study attributes of at least one instance, the first received one first; of one in
        each series when the study is stable, so that a patient who varies within it is noticed
    """
    now = timezone.now()
    study, made = Study.objects.get_or_create(
        orthanc_id=found.orthanc_id,
        defaults={
            **_columns(headers[0]),
            "remote_ae_title": remote_ae_title[:64],
            "first_received_at": min(found.last_update, now),
            "last_received_at": found.last_update,
        },
    )
    same_uid = list(
        Study.objects.select_for_update().filter(study_instance_uid=study.study_instance_uid).order_by("pk")
    )
    study = next(row for row in same_uid if row.pk == study.pk)
    _bring_up_to_date(study, found)
    if made:
        record(AUTO_MAPPING, "study.received", subject=f"study:{study.pk}", sender=remote_ae_title)
    others = [row for row in same_uid if row.pk != study.pk and _is_present(row)]
    if others:
        for row in (study, *others):
            _put_in_queue(row, StudyState.CONFLICT, Reason.TWO_PATIENTS_ONE_STUDY_UID, [])
    elif study.state != StudyState.REJECTED:
        _place(study, headers, now)
    return study


@transaction.atomic
def link_study(
    study_id: int,
    procedure_id: int,
    *,
    how: str = StudyLink.How.PERSON,
    explanation: dict[str, Any] | None = None,
    actor: Actor,
    reason: str = "",
) -> StudyLink:
    """A person says where a study belongs. Linking it again to the same procedure changes nothing.

    :param reason: needed when anything differs from the order; kept with the link
    :raises IdentityConflict: birth date or sex contradict, the PatientID is another patient's, the study is linked to
        another patient, or two patients share its StudyInstanceUID: nobody may link that (domain invariant 2)
    :raises InvalidValue: something differs and no reason is given
    :raises TransitionRefused: the order is cancelled or the study rejected
    """
    study = _locked_study(study_id)
    procedure = _locked_procedure(procedure_id)
    existing = study.links.filter(procedure=procedure, undone_at__isnull=True).first()
    if existing is not None:
        return existing
    if study.state == StudyState.REJECTED:
        raise TransitionRefused("the study has been rejected", field="study")
    if procedure.exam_state == ExamState.CANCELLED:
        raise TransitionRefused("the order is cancelled", field="procedure")
    if any(_is_present(row) for row in _others_with_uid(study)):
        raise IdentityConflict("two patients share this StudyInstanceUID", field="StudyInstanceUID")
    if study.patient_id is not None and study.patient_id != procedure.patient_id:
        raise IdentityConflict("the study is linked to another patient", field="PatientID")
    received = received_study(header_from_json(study.as_received), study.modalities.split())
    ordered = ordered_procedure(procedure)
    objection = identity_objection(received, ordered, patients_with_id(received))
    if objection is not None:
        raise IdentityConflict(f"identity contradicts the order: {objection}", field=objection)
    evidence = compare(received, ordered)
    differing = [c.field for c in evidence.comparisons if c.verdict in (Verdict.DIFFERENT, Verdict.CONTRADICTS)]
    if not reason.strip() and (set(differing) - {"StudyInstanceUID"} or study.state == StudyState.CONFLICT):
        raise InvalidValue("say why, since the images differ from the order", field="reason")
    kept = {**evidence.as_json(), **(explanation or {}), "reason": reason.strip()[:500]}
    return _link(study, procedure, how, kept, actor, timezone.now())


@transaction.atomic
def undo_link(link_id: int, actor: Actor, reason: str) -> None:
    """Take a link back: the study waits in the queue again, the exam for images. The link stays as history.

    Undoing an undone link changes nothing.

    :raises InvalidValue: no reason given
    :raises TransitionRefused: the exam is being read or has a report; release or recall it first
    """
    if not reason.strip():
        raise InvalidValue("say why the link is undone", field="reason")
    link = StudyLink.objects.filter(pk=link_id).first()
    if link is None:
        raise NotFound("there is no such link", field="link")
    study = _locked_study(link.study_id)
    procedure = _locked_procedure(link.procedure_id)
    link.refresh_from_db()
    if link.undone_at is not None:
        return
    if procedure.exam_state in effects.READING_BEGUN:
        raise TransitionRefused("the exam is being read or reported: release or recall it first", field="procedure")
    _undo(link, procedure, actor, reason.strip())
    if not study.links.filter(undone_at__isnull=True).exists():
        _put_in_queue(study, StudyState.UNMATCHED, Reason.LINK_UNDONE, study.candidates)


@transaction.atomic
def note_gone(orthanc_ids: Collection[str]) -> None:
    """The engine has these studies no more: flagged, never deleted; their links and reports stay."""
    gone = Study.objects.select_for_update().filter(orthanc_id__in=orthanc_ids, gone_from_engine_at__isnull=True)
    for study in gone.order_by("pk"):
        study.gone_from_engine_at = timezone.now()
        study.save(update_fields=["gone_from_engine_at", "updated_at"])
        record(AUTO_MAPPING, "study.gone", subject=f"study:{study.pk}", patient_id=study.patient_id, success=False)
        announce("study", study.pk)


def explain(study_id: int, procedure_id: int) -> tuple[dict[str, Any], Reason | None]:
    """The comparison of a study with an order that a person considers, and why they may not be linked, if so."""
    study = Study.objects.filter(pk=study_id).first()
    procedure = RequestedProcedure.objects.select_related("request", "patient").filter(pk=procedure_id).first()
    if study is None or procedure is None:
        raise NotFound("there is no such study or procedure")
    received = received_study(header_from_json(study.as_received), study.modalities.split())
    ordered = ordered_procedure(procedure)
    return compare(received, ordered).as_json(), identity_objection(received, ordered, patients_with_id(received))


def queue(states: Collection[str] = QUEUE_STATES) -> QuerySet[Study]:
    """Studies that wait for a person, the longest waiting first."""
    return Study.objects.filter(state__in=states).order_by("last_received_at", "pk")


def active_links(procedure_id: int) -> QuerySet[StudyLink]:
    """The links of a procedure that hold, with their studies."""
    links = StudyLink.objects.filter(procedure_id=procedure_id, undone_at__isnull=True)
    return links.select_related("study").order_by("pk")


def studies_of_procedure(procedure_id: int) -> list[Study]:
    """The studies that may be shown for a procedure, in the order in which they were linked."""
    return [link.study for link in active_links(procedure_id) if link.study.state in LINKED_STATES]


def _columns(header: Header) -> dict[str, Any]:
    """The columns of a new row. ``as_received`` keeps everything; columns that search and lists use are cut to fit."""
    study_date = header.text("00080020")
    return {
        "as_received": header.as_json(),
        "study_instance_uid": header.text("0020000D")[:64],
        "received_patient_id": header.text("00100020")[:64],
        "received_patient_name": header.text("00100010")[:255],
        "received_accession_number": header.text("00080050")[:64],
        "study_date": study_date if len(study_date) == 8 and study_date.isdigit() else "",
        "study_time": header.text("00080030")[:16],
        "study_description": header.text("00081030")[:255],
    }


def _bring_up_to_date(study: Study, found: EngineStudy) -> None:
    now_found = {
        "series_count": len(found.series_ids),
        "instance_count": found.instance_count,
        "modalities": " ".join(found.modalities)[:64],
        "complete": found.is_stable,
        "last_received_at": found.last_update,
        "gone_from_engine_at": None,
    }
    changed = [name for name, value in now_found.items() if getattr(study, name) != value]
    if not changed:
        return
    for name in changed:
        setattr(study, name, now_found[name])
    study.save(update_fields=[*changed, "updated_at"])
    announce("study", study.pk)


def _place(study: Study, headers: Sequence[Header], now: datetime) -> None:
    """Link the study, keep its links, or put it into a queue: what the rules say of it as it is now."""
    received = received_study(header_from_json(study.as_received), study.modalities.split())
    variants = [received_study(header, study.modalities.split()) for header in headers]
    links = list(study.links.filter(undone_at__isnull=True).select_related("procedure").order_by("pk"))
    if any(patient_varies(received, variant) for variant in variants):
        _put_in_queue(study, StudyState.CONFLICT, Reason.PATIENT_VARIES_IN_STUDY, [])
        return
    if links:
        _keep(study, links, [received, *variants], now)
        return
    considered = consider(received)
    Study.objects.filter(pk=study.pk).update(considered_at=now)
    decision = _unless_undone(study, decide(received, considered.procedures, considered.patients_with_this_id))
    candidates = [candidate.as_json() for candidate in decision.candidates[:_KEPT_CANDIDATES]]
    if decision.outcome is Outcome.LINK and decision.procedure_id is not None:
        procedure = _locked_procedure(decision.procedure_id)
        if procedure.exam_state != ExamState.CANCELLED:
            explanation = {**candidates[0], "reason": decision.reason.value}
            _link(study, procedure, StudyLink.How.EXACT, explanation, AUTO_MAPPING, now)
            return
        decision = replace(decision, outcome=Outcome.UNMATCHED, reason=Reason.ORDER_CANCELLED)
    if decision.outcome is Outcome.CONFLICT:
        _put_in_queue(study, StudyState.CONFLICT, decision.reason, candidates)
    elif study.complete:
        _put_in_queue(study, StudyState.UNMATCHED, decision.reason, candidates)


def _unless_undone(study: Study, decision: Decision) -> Decision:
    """A link that a person has undone is not made again by rule."""
    undone = study.links.filter(procedure_id=decision.procedure_id, undone_by__isnull=False)
    if decision.outcome is Outcome.LINK and undone.exists():
        return replace(decision, outcome=Outcome.UNMATCHED, reason=Reason.LINK_UNDONE, procedure_id=None)
    return decision


def _keep(study: Study, links: Sequence[StudyLink], variants: Sequence[Any], now: datetime) -> None:
    """The study is linked: still rightly so? Then its state follows the engine; else it is taken out, history kept."""
    for link in links:
        procedure = _locked_procedure(link.procedure_id)
        ordered = ordered_procedure(procedure)
        for received in variants:
            objection = identity_objection(received, ordered, patients_with_id(received))
            if objection is not None:
                _put_in_queue(study, StudyState.CONFLICT, objection, [compare(received, ordered).as_json()])
                return
    _set_linked_state(study)
    if study.complete:
        for link in links:
            effects.images_are_complete(_locked_procedure(link.procedure_id), study, now)


def _link(
    study: Study, procedure: RequestedProcedure, how: str, explanation: dict[str, Any], actor: Actor, now: datetime
) -> StudyLink:
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
    _set_linked_state(study)
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


def _set_linked_state(study: Study) -> None:
    state = StudyState.READY_TO_READ if study.complete else StudyState.LINKED
    if study.state == state:
        return
    study.state = state
    study.save(update_fields=["state", "patient", "reason", "candidates", "updated_at"])
    announce("study", study.pk)


def _put_in_queue(study: Study, state: StudyState, reason: Reason, candidates: list[dict[str, Any]]) -> None:
    """The study waits for a person under ``state``; a link that holds is undone and stays as history."""
    for link in study.links.filter(undone_at__isnull=True).order_by("pk"):
        _undo(link, _locked_procedure(link.procedure_id), AUTO_MAPPING, reason.value)
    if study.state == state and study.reason == reason and study.candidates == candidates:
        return
    study.state, study.reason, study.candidates, study.patient = state, reason.value, candidates, None
    study.save(update_fields=["state", "reason", "candidates", "patient", "updated_at"])
    record(AUTO_MAPPING, f"study.{state.lower()}", subject=f"study:{study.pk}", success=False, reason=reason.value)
    announce("study", study.pk)


def _undo(link: StudyLink, procedure: RequestedProcedure, actor: Actor, reason: str) -> None:
    link.undone_at = timezone.now()
    link.undone_by_id = actor.user_id
    link.undone_reason = reason[:255]
    link.save(update_fields=["undone_at", "undone_by", "undone_reason"])
    effects.images_are_gone(procedure, link, link.undone_at)
    record(
        actor,
        "study.link_undone",
        subject=f"study:{link.study_id}",
        patient_id=procedure.patient_id,
        procedure=procedure.pk,
        reason=reason[:255],
    )


def _is_present(study: Study) -> bool:
    return study.gone_from_engine_at is None and study.state != StudyState.REJECTED


def _others_with_uid(study: Study) -> QuerySet[Study]:
    return Study.objects.filter(study_instance_uid=study.study_instance_uid).exclude(pk=study.pk)


def _locked_study(study_id: int) -> Study:
    study = Study.objects.select_for_update().filter(pk=study_id).first()
    if study is None:
        raise NotFound("there is no such study", field="study")
    return study


def _locked_procedure(procedure_id: int) -> RequestedProcedure:
    procedure = (
        RequestedProcedure.objects.select_for_update(of=("self",))
        .select_related("request", "patient")
        .filter(pk=procedure_id)
        .first()
    )
    if procedure is None:
        raise NotFound("there is no such procedure", field="procedure")
    return procedure
