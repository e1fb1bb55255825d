"""The exam to read next: the most urgent, then the one that is due first, that nobody holds."""

from __future__ import annotations

from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.errors import TransitionRefused
from ris_core.orders.models import ExamState, RequestedProcedure, Urgency
from ris_core.reports.holding import claim
from ris_core.reports.services import open_reading
from ris_core.sight.seeing import seen_exams

_TRIES = 20
"""Candidates looked at: more than readers who could ask in the same moment."""


def claim_next(actor: Actor, user: User, *, modality: str = "", after: int | None = None) -> RequestedProcedure | None:
    """Claim the next exam for ``actor``; none when nothing waits.

    Two readers who ask at once get two exams: whoever comes second at one goes on to the next.

    :param modality: only exams of this modality; empty: any
    :param after: the exam just read, never offered again
    """
    waiting = RequestedProcedure.objects.filter(exam_state=ExamState.READY_TO_READ, urgency__lt=Urgency.FINISHED)
    waiting = seen_exams(waiting, user)
    if modality:
        waiting = waiting.filter(modality=modality)
    waiting = waiting.exclude(opinions__reader_id=actor.user_id)  # read by them already; another's turn
    if after is not None:
        waiting = waiting.exclude(pk=after)
    for exam in waiting.order_by("urgency", "due_at", "id")[:_TRIES]:
        try:
            claim(open_reading(exam.pk).pk, actor)
        except TransitionRefused:  # taken, cancelled or recalled since the list was read
            continue
        return exam
    return None
