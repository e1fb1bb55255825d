"""What a user may do with an exam's reading right now: their role, the reading's state, and who holds it."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Reading, ReadingState
from ris_core.reports.rules import EXAM_STATES_REPORTED, EXAM_STATES_TO_READ, Verb, approval_function, next_state
from ris_core.reports.services import written_by_resident
from ris_core.second_readings.plans import has_read, progress_of


@dataclass(frozen=True, slots=True)
class Rights:
    """Which of the page's actions are offered; the services decide again when one is asked for."""

    claim: bool = False
    take_over: bool = False
    hand_over: bool = False
    release: bool = False
    edit: bool = False
    conclude: bool = False
    """Several read this exam: keep the draft as one's opinion."""
    approve_preliminary: bool = False
    approve_final: bool = False
    approve_corrected: bool = False
    amend: bool = False
    sees_draft: bool = False
    """Readers see drafts, blinded ones only their own; everyone else sees what was approved."""


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
    progress = progress_of(exam.pk)
    ours = progress is None or not readable or progress.report_may_be_approved
    read_before = reading is not None and has_read(reading, user.pk)
    finals = approval_function("F", of_resident=reading is not None and mine and written_by_resident(reading))
    return Rights(
        claim=claimable and not read_before,
        take_over=not read_before and not free and not mine and may(user.role, Function.OVERRIDE_READING),
        hand_over=mine and _allowed(state, Verb.HAND_OVER),
        release=mine and _allowed(state, Verb.RELEASE),
        edit=mine and _allowed(state, Verb.SAVE_DRAFT),
        conclude=mine and not ours and may(user.role, Function.APPROVE_PRELIMINARY),
        approve_preliminary=mine
        and ours
        and may(user.role, Function.APPROVE_PRELIMINARY)
        and _allowed(state, Verb.APPROVE_PRELIMINARY),
        approve_final=mine and ours and may(user.role, finals) and _allowed(state, Verb.APPROVE_FINAL),
        approve_corrected=mine and may(user.role, Function.APPROVE_REPORT) and _allowed(state, Verb.APPROVE_CORRECTED),
        amend=reported and free and may(user.role, Function.APPROVE_REPORT) and _allowed(state, Verb.AMEND),
        sees_draft=mine or progress is None or progress.opinions_are_open,
    )


def _allowed(state: str, verb: Verb) -> bool:
    try:
        next_state(state, verb)
    except TransitionRefused:
        return False
    return True
