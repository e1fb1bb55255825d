"""Who holds a reading: claimed, handed over, taken over, given back, or given back by itself after a time without work.

Each use case is one transaction with its audit event, told to live screens. A draft stays with its reading whoever
holds it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.drafts import put_aside, written_by
from ris_core.reports.errors import AlreadyClaimed, ExamNotReady
from ris_core.reports.models import Reading, ReadingState
from ris_core.reports.rules import EXAM_STATES_REPORTED, EXAM_STATES_TO_READ, Verb, next_state
from ris_core.reports.texts import content_of, put_content
from ris_core.second_readings.blinding import remember_draft_known
from ris_core.second_readings.plans import refuse_reader_of_before, refuse_unless_due

LONGEST_REASON: Final = 255
MOST_RELEASED: Final = 500
"""Idle readings that one run of the duty gives back; the rest goes with the next."""

RELEASED_BY_TIME: Final = (ReadingState.CLAIMED, ReadingState.DRAFT, ReadingState.PRELIMINARY)
"""A correction is never given back by itself: that would drop its text."""


@transaction.atomic
def claim(reading_id: int, actor: Actor) -> Reading:
    """Take the reading for ``actor`` (a user). Claiming what one holds already changes nothing.

    :raises NotPermitted: the actor's role does not read
    :raises AlreadyClaimed: somebody else holds it
    :raises ReadAlready, ReadingsOutstanding: several read this exam, and it is not this reader's turn
    :raises ExamNotReady: nothing to read yet, or the exam is cancelled
    :raises TransitionRefused: it is final (open it by :func:`ris_core.reports.services.amend`)
    """
    procedure, reading = locked(reading_id)
    user_id = person(actor)
    refuse_unless_may(user_id, Function.READ_EXAM)
    if reading.claimed_by_id == user_id:
        return reading
    refuse_other_holder(reading, user_id)
    refuse_unless_due(reading)
    refuse_reader_of_before(reading, user_id)
    hold(procedure, reading, Verb.CLAIM, actor, "reading.claimed")
    return reading


@transaction.atomic
def take_over(reading_id: int, reason: str, actor: Actor) -> Reading:
    """Take a reading that another user holds, with its draft; the audit event names both and the reason.

    :raises NotPermitted: the actor's role takes nothing over
    :raises InvalidValue: no reason is given, or it is longer than 255 characters
    :raises ExamNotReady, TransitionRefused: as :func:`claim`
    """
    procedure, reading = locked(reading_id)
    user_id = person(actor)
    refuse_unless_may(user_id, Function.OVERRIDE_READING)
    reason = clean_reason(reason)
    if reading.state != ReadingState.AMENDED:
        refuse_unless_due(reading)
        refuse_reader_of_before(reading, user_id)
    holder = _holder(reading)
    if holder is None:
        hold(procedure, reading, Verb.CLAIM, actor, "reading.claimed")
    elif holder.pk != user_id:
        hold(
            procedure, reading, Verb.TAKE_OVER, actor, "reading.taken_over",
            taken_from=holder.username, reason=reason,
        )  # fmt: skip
    return reading


@transaction.atomic
def hand_over(reading_id: int, reader_id: int, actor: Actor) -> Reading:
    """The holder gives the reading with its draft to another reader by name. Handing to its holder changes nothing.

    :raises NotFound: there is no such reader
    :raises NotPermitted: the other's role may not go on with a correction
    :raises AlreadyClaimed, TransitionRefused: the actor does not hold it
    """
    procedure, reading = locked(reading_id)
    refuse_unless_held(reading, person(actor))
    other = User.objects.filter(pk=reader_id, is_active=True).first()
    if other is None or not may(other.role, Function.READ_EXAM):
        raise NotFound("there is no such reader", field="reader")
    if reading.state == ReadingState.AMENDED:
        refuse_unless_may(other.pk, Function.APPROVE_REPORT)
    else:
        refuse_reader_of_before(reading, other.pk)
    if other.pk == actor.user_id:
        return reading
    reading.state = next_state(reading.state, Verb.HAND_OVER)
    _held_by(reading, other.pk)
    tell(procedure, reading, actor, "reading.handed_over", handed_to=other.username)
    return reading


@transaction.atomic
def release(reading_id: int, actor: Actor) -> Reading:
    """Give the reading back; a draft stays with it. A correction that is released is dropped: the text is again
    that of the version in force.

    :raises AlreadyClaimed: somebody else holds it
    :raises TransitionRefused: nobody holds it
    """
    procedure, reading = locked(reading_id)
    refuse_unless_held(reading, person(actor))
    correcting = reading.state == ReadingState.AMENDED
    if correcting:
        in_force = reading.versions.order_by("-number")[0]
        put_aside(reading, person(actor), "", always=True)
        put_content(reading, content_of(in_force))
        written_by(reading, None)
        reading.draft_revision += 1
    _give_back(procedure, reading)
    tell(procedure, reading, actor, "reading.released", correction_dropped=correcting)
    return reading


def keep_held(procedure_id: int, actor: Actor) -> None:
    """The holder is at work on the exam: its time without work begins anew. Nothing is written down."""
    held = Reading.objects.filter(procedure_id=procedure_id, claimed_by_id=actor.user_id, claimed_by__isnull=False)
    held.update(active_at=timezone.now())


def release_idle(minutes: float) -> int:
    """Give back what has been held for ``minutes`` without work, each in a transaction of its own; how many.

    A holder who comes back finds the draft as it was saved and claims it again. Corrections stay held.

    :param minutes: 0 gives nothing back
    """
    if minutes <= 0:
        return 0
    before = timezone.now() - timedelta(minutes=minutes)
    idle = Reading.objects.filter(claimed_by__isnull=False, active_at__lt=before, state__in=RELEASED_BY_TIME)
    keys: Collection[int] = list(idle.order_by("active_at").values_list("pk", flat=True)[:MOST_RELEASED])
    return sum(_release_if_idle(key, before) for key in keys)


@transaction.atomic
def _release_if_idle(reading_id: int, before: Any) -> bool:
    procedure, reading = locked(reading_id)
    holder = _holder(reading)
    if (
        holder is None
        or reading.state not in RELEASED_BY_TIME
        or reading.active_at is None
        or reading.active_at >= before
    ):
        return False  # at work again, or given back, since the list was read
    _give_back(procedure, reading)
    tell(procedure, reading, SYSTEM, "reading.released_idle", held_by=holder.username)
    return True


# --- what every use case of reading begins and ends with ------------------------------------------


def locked(reading_id: int) -> tuple[RequestedProcedure, Reading]:
    """The reading and its exam, locked until the transaction ends; always in this order, as linking does.

    :raises NotFound: there is no such reading
    """
    procedure = RequestedProcedure.objects.select_for_update().filter(readings=reading_id).first()
    if procedure is None:
        raise NotFound("there is no such reading", field="reading")
    reading = Reading.objects.select_for_update().get(pk=reading_id)
    return procedure, reading


def person(actor: Actor) -> int:
    """Whose work it is.

    :raises NotPermitted: a program's
    """
    if actor.user_id is None:
        raise NotPermitted("only a person reads an exam", field="actor")
    return actor.user_id


def refuse_unless_may(user_id: int, function: Function) -> None:
    """:raises NotPermitted: the user's role has not ``function``"""
    role = User.objects.filter(pk=user_id, is_active=True).values_list("role", flat=True).first()
    if role is None or not may(role, function):
        raise NotPermitted("this role may not do that", field=function)


def refuse_other_holder(reading: Reading, user_id: int) -> None:
    """:raises AlreadyClaimed: somebody else holds the reading"""
    holder = _holder(reading)
    if holder is not None and holder.pk != user_id:
        raise AlreadyClaimed(
            f"{holder.username} holds this reading",
            holder_id=holder.pk,
            holder_name=holder.full_name,
            claimed_at=reading.claimed_at or reading.updated_at,
        )


def refuse_unless_held(reading: Reading, user_id: int) -> None:
    """:raises AlreadyClaimed, TransitionRefused: somebody else holds the reading, or nobody"""
    refuse_other_holder(reading, user_id)
    if reading.claimed_by_id is None:
        raise TransitionRefused("claim the exam first", field="claimed_by")


def refuse_unless_ready(procedure: RequestedProcedure, *, correcting: bool) -> None:
    """:raises ExamNotReady: the exam is in no state to be read, or corrected"""
    allowed = EXAM_STATES_REPORTED if correcting else EXAM_STATES_TO_READ
    if procedure.exam_state not in allowed:
        raise ExamNotReady(f"the exam is {procedure.exam_state}", field="exam_state")


def clean_reason(reason: str) -> str:
    """:raises InvalidValue: it is empty, or longer than 255 characters"""
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidValue(f"say why, in {LONGEST_REASON} characters at most", field="reason")
    return reason


def hold(
    procedure: RequestedProcedure, reading: Reading, verb: Verb, actor: Actor, action: str, **details: str
) -> None:
    """``actor`` holds the reading from now on."""
    state = next_state(reading.state, verb)
    refuse_unless_ready(procedure, correcting=state == ReadingState.AMENDED)
    reading.state = state
    _held_by(reading, person(actor))
    if procedure.exam_state == ExamState.READY_TO_READ:
        drafted = state == ReadingState.DRAFT
        set_exam_state(procedure, ExamState.DRAFT if drafted else ExamState.CLAIMED)
    tell(procedure, reading, actor, action, **details)


def set_exam_state(procedure: RequestedProcedure, state: ExamState) -> None:
    procedure.exam_state = state
    procedure.save(update_fields=["exam_state", "updated_at"])


def tell(procedure: RequestedProcedure, reading: Reading, actor: Actor, action: str, **details: Any) -> None:
    """Write down what happened to a reading, and have live screens look at the exam again."""
    record(
        actor,
        action,
        subject=f"reading:{reading.pk}",
        patient_id=procedure.patient_id,
        procedure=procedure.pk,
        **details,
    )
    announce("exam", procedure.pk)


def _holder(reading: Reading) -> User | None:
    return None if reading.claimed_by_id is None else User.objects.get(pk=reading.claimed_by_id)


def _held_by(reading: Reading, user_id: int) -> None:
    for knowing in filter(None, (reading.claimed_by_id, user_id)):
        remember_draft_known(reading, knowing)
    reading.claimed_by_id = user_id
    reading.claimed_at = reading.active_at = timezone.now()
    reading.save()


def _give_back(procedure: RequestedProcedure, reading: Reading) -> None:
    correcting = reading.state == ReadingState.AMENDED
    if reading.claimed_by_id is not None:
        remember_draft_known(reading, reading.claimed_by_id)
    reading.state = next_state(reading.state, Verb.RELEASE)
    if correcting and procedure.exam_state == ExamState.RECALLED:
        reading.state = ReadingState.RECALLED
    reading.claimed_by = reading.claimed_at = reading.active_at = None
    reading.save()
    if procedure.exam_state in (ExamState.CLAIMED, ExamState.DRAFT):
        set_exam_state(procedure, ExamState.READY_TO_READ)
