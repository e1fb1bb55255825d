"""What a user may do with an exam's reading right now: their role, the reading's state, and who holds it."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function, may
from ris_core.errors import TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Reading, ReadingState
from ris_core.reports.rules import EXAM_STATES_REPORTED, EXAM_STATES_TO_READ, Verb, approval_function, next_state
from ris_core.reports.services import written_by_resident


@dataclass(frozen=True, slots=True)
class Rights:
    """Which of the page's actions are offered; the services decide again when one is asked for."""

    claim: bool = False
    take_over: bool = False
    hand_over: bool = False
    release: bool = False
    edit: bool = False
    approve_preliminary: bool = False
    approve_final: bool = False
    approve_corrected: bool = False
    amend: bool = False
    sees_draft: bool = False
    """Readers see drafts; everyone else sees what was approved."""


def rights_of(user: User, exam: RequestedProcedure, reading: Reading | None) -> Rights:
    """The rights of ``user`` on ``exam``; without the function ``READ_EXAM`` there are none."""
    if not may(user.role, Function.READ_EXAM):
        return Rights()
    state = reading.state if reading else ReadingState.UNREAD
    holder_id = reading.claimed_by_id if reading else None
    mine, free = holder_id == user.pk, holder_id is None
    readable = exam.exam_state in EXAM_STATES_TO_READ
    reported = exam.exam_state in EXAM_STATES_REPORTED
    claimable = readable and free and _allowed(state, Verb.CLAIM)
    finals = approval_function("F", of_resident=reading is not None and mine and written_by_resident(reading))
    return Rights(
        claim=claimable,
        take_over=not free and not mine and may(user.role, Function.OVERRIDE_READING),
        hand_over=mine and _allowed(state, Verb.HAND_OVER),
        release=mine and _allowed(state, Verb.RELEASE),
        edit=mine and _allowed(state, Verb.SAVE_DRAFT),
        approve_preliminary=mine
        and may(user.role, Function.APPROVE_PRELIMINARY)
        and _allowed(state, Verb.APPROVE_PRELIMINARY),
        approve_final=mine and may(user.role, finals) and _allowed(state, Verb.APPROVE_FINAL),
        approve_corrected=mine and may(user.role, Function.APPROVE_REPORT) and _allowed(state, Verb.APPROVE_CORRECTED),
        amend=reported and free and may(user.role, Function.APPROVE_REPORT) and _allowed(state, Verb.AMEND),
        sees_draft=True,
    )


def _allowed(state: str, verb: Verb) -> bool:
    try:
        next_state(state, verb)
    except TransitionRefused:
        return False
    return True
