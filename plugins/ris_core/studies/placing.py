"""Where a study belongs as it is now: the matching rules applied to a row, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ris_core.matching.rules import (
    Decision,
    Outcome,
    Reason,
    ReceivedStudy,
    compare,
    decide,
    identity_objection,
    patient_varies,
)
from ris_core.orders.models import ExamState
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

LONGEST_TRANSACTION: Final = timedelta(seconds=60)
"""An order that was being written while a study was compared bears an earlier time, and was not seen."""
_KEPT_CANDIDATES: Final = 10
"""Procedures whose evidence is kept with a study in the queue."""


def place(study: Study, headers: Sequence[Header], now: datetime) -> None:
    """Link the study, keep its links, or put it into a queue: what the rules say of it as it is now."""
    received = received_of(study)
    variants = [received_study(header, study.modalities.split()) for header in headers]
    links = list(study.links.filter(undone_at__isnull=True).select_related("procedure").order_by("pk"))
    if any(patient_varies(received, variant) for variant in variants):
        put_in_queue(study, StudyState.CONFLICT, Reason.PATIENT_VARIES_IN_STUDY, [])
        return
    if links:
        _keep(study, links, [received, *variants], now)
        return
    considered = consider(received)
    Study.objects.filter(pk=study.pk).update(considered_at=now - LONGEST_TRANSACTION)
    decision = _unless_undone(study, decide(received, considered.procedures, considered.patients_with_this_id))
    candidates = [candidate.as_json() for candidate in decision.candidates[:_KEPT_CANDIDATES]]
    if decision.outcome is Outcome.LINK and decision.procedure_id is not None:
        procedure = locked_procedure(decision.procedure_id)
        if procedure.exam_state != ExamState.CANCELLED:
            explanation = {**candidates[0], "reason": decision.reason.value}
            make_link(study, procedure, StudyLink.How.EXACT, explanation, AUTO_MAPPING, now)
            return
        decision = replace(decision, outcome=Outcome.UNMATCHED, reason=Reason.ORDER_CANCELLED)
    if decision.outcome is Outcome.CONFLICT:
        put_in_queue(study, StudyState.CONFLICT, decision.reason, candidates)
    elif study.complete:
        put_in_queue(study, StudyState.UNMATCHED, decision.reason, candidates)


def _unless_undone(study: Study, decision: Decision) -> Decision:
    """A link that a person has undone is not made again by rule."""
    undone = study.links.filter(procedure_id=decision.procedure_id, undone_by__isnull=False)
    if decision.outcome is Outcome.LINK and undone.exists():
        return replace(decision, outcome=Outcome.UNMATCHED, reason=Reason.LINK_UNDONE, procedure_id=None)
    return decision


def _keep(study: Study, links: Sequence[StudyLink], variants: Sequence[ReceivedStudy], now: datetime) -> None:
    """The study is linked: still rightly so? Then its state follows the engine; else it is taken out, history kept."""
    for link in links:
        procedure = locked_procedure(link.procedure_id)
        ordered = ordered_procedure(procedure)
        for received in variants:
            objection = identity_objection(received, ordered, patients_with_id(received))
            if objection is not None:
                put_in_queue(study, StudyState.CONFLICT, objection, [compare(received, ordered).as_json()])
                return
    follow_engine(study)
    if study.complete:
        for link in links:
            effects.images_are_complete(locked_procedure(link.procedure_id), study, now)
