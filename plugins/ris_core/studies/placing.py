"""Where a study belongs as it is now: the matching rules applied to a row, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from typing import Final

from ris_core.matching.comparing import compare
from ris_core.matching.evidence import ReceivedStudy
from ris_core.matching.identity import identity_objection, patient_varies
from ris_core.matching.reasons import Outcome, Reason
from ris_core.matching.rules import Decision, decide
from ris_core.matching.services import policy_in_force
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.studies import effects
from ris_core.studies.candidates import consider, ordered_procedure, patients_with_id, received_study
from ris_core.studies.links import (
    AUTO_MAPPING,
    follow_engine,
    locked_procedure,
    make_link,
    put_in_queue,
    received_of,
)
from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.studies.received import Header

_KEPT_CANDIDATES: Final = 10
"""Procedures whose evidence is kept with a study in the queue."""


HOW: Final[dict[Reason, str]] = {
    Reason.ACCESSION_AND_PATIENT: StudyLink.How.EXACT,
    Reason.STUDY_UID_AND_PATIENT: StudyLink.How.EXACT,
    Reason.KEY_AND_PATIENT: StudyLink.How.KEY,
    Reason.SCORE_AND_PATIENT: StudyLink.How.SCORED,
}
"""How a study came to its order, by the reason of the decision."""


def place(study: Study, headers: Sequence[Header], now: datetime) -> None:
    """Link the study, keep its links, or put it into a queue: what the rules say of it as it is now.

    The rules see the first header; nothing is linked that any of the others contradicts.
    """
    received = received_of(study)
    variants = _saying_otherwise(received, (received_study(header, study.modalities.split()) for header in headers))
    links = list(study.links.filter(undone_at__isnull=True).select_related("procedure").order_by("pk"))
    if any(patient_varies(one, other) for one, other in combinations((received, *variants), 2)):
        put_in_queue(study, StudyState.CONFLICT, Reason.PATIENT_VARIES_IN_STUDY, [])
        return
    if links:
        _keep(study, links, variants, now)
        return
    policy = policy_in_force()
    considered = consider(received, policy, study)
    decision = _unless_undone(study, decide(received, considered.procedures, considered.patients_with_this_id, policy))
    candidates = [candidate.as_json() for candidate in decision.candidates[:_KEPT_CANDIDATES]]
    if decision.reason is Reason.SCORE_AND_PATIENT and not study.complete:
        return  # what is still to come may say otherwise; a number or a key would not
    if decision.outcome is Outcome.LINK and decision.procedure_id is not None:
        procedure = locked_procedure(decision.procedure_id)
        if _contradicted(study, procedure, (received, *variants)):
            return
        if procedure.exam_state != ExamState.CANCELLED:
            explanation = {**candidates[0], "reason": decision.reason.value}
            make_link(study, procedure, HOW[decision.reason], explanation, AUTO_MAPPING, now)
            return
        decision = replace(decision, outcome=Outcome.UNMATCHED, reason=Reason.ORDER_CANCELLED)
    if decision.outcome is Outcome.CONFLICT:
        put_in_queue(study, StudyState.CONFLICT, decision.reason, candidates)
    elif study.complete:
        put_in_queue(study, StudyState.UNMATCHED, decision.reason, candidates)


def _unless_undone(study: Study, decision: Decision) -> Decision:
    """What the rules did not link again because a person has undone it, is said so."""
    if decision.reason is Reason.CANDIDATE_REJECTED and study.links.filter(undone_by__isnull=False).exists():
        return replace(decision, reason=Reason.LINK_UNDONE)
    return decision


def _saying_otherwise(received: ReceivedStudy, headers: Iterable[ReceivedStudy]) -> list[ReceivedStudy]:
    """One of each of ``headers`` that describe the patient in other words than ``received``."""
    described = {_patient_in(header): header for header in headers}
    described.pop(_patient_in(received), None)
    return list(described.values())


def _patient_in(received: ReceivedStudy) -> tuple[str, ...]:
    return (
        received.patient_id,
        received.issuer_of_patient_id,
        received.patient_name,
        received.birth_date,
        received.sex,
    )


def _keep(study: Study, links: Sequence[StudyLink], variants: Sequence[ReceivedStudy], now: datetime) -> None:
    """The study is linked: still rightly so? Then its state follows the engine; else it is taken out, history kept.

    :param variants: headers that say something else of the patient than the one by which it was linked. That one was
        judged then: a patient who is corrected or merged since takes their images along, which are corrected in turn
    """
    for link in links:
        if _contradicted(study, locked_procedure(link.procedure_id), variants):
            return
    follow_engine(study)
    if study.complete:
        for link in links:
            effects.images_are_complete(locked_procedure(link.procedure_id), study, now)


def _contradicted(study: Study, procedure: RequestedProcedure, headers: Sequence[ReceivedStudy]) -> bool:
    """Whether any of ``headers`` contradicts the identity of the patient of ``procedure`` (locked); then the study is
    a conflict."""
    if not headers:
        return False
    ordered = ordered_procedure(procedure)
    for header in headers:
        objection = identity_objection(header, ordered, patients_with_id(header))
        if objection is not None:
            put_in_queue(study, StudyState.CONFLICT, objection, [compare(header, ordered).as_json()])
            return True
    return False
