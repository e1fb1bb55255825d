"""Take in messages: each is kept with its effect and its answer in one transaction, and answered after it.

:func:`receive` is the only way in; :mod:`ris_core.messages.replaying` has one applied that was refused. What a message
does is told by ``apply``; what it may do twice, what is answered and what is kept when it is refused is the same for
every kind of message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message, split_batch
from ris_core.intake.senders import admit, read_message
from ris_core.messages.keeping import (
    Apply,
    NotApplied,
    Outcome,
    Received,
    acknowledge,
    attempt,
    attempt_among_others,
    digest_of,
    keep,
    rejected,
    unacceptable,
)
from ris_core.messages.models import WAITING_STATES, InboundMessage, MessageState, Protocol, Resolution
from ris_core.messages.rules import EarlierMessage, Step, next_step, says_nothing_new
from ris_core.pipelines import pipelined
from ris_core.statements import Param, Select

__all__ = ["Apply", "Received", "not_stored", "receive"]

log = logging.getLogger(__name__)

_ATTEMPTS = 3
"""How often a message alone is tried when another node's transaction got in between."""

_Attempt = Callable[[Message, Actor, Apply], Outcome]

_MOST_EARLIER = 50
"""Rows of one identity that are looked at, the newest, beside the one that was applied: a sender whose MSH-10 is always
the same must not make every message slower than the last."""

_of_identity = InboundMessage.objects.filter(
    protocol=Protocol.HL7, sender=Param("sender"), control_id=Param("control_id")
)
_COLUMNS = ("id", "replay_of_id", "state", "digest", "error_detail", "acknowledgement")
_find_earlier = Select(_of_identity.order_by("-id").values_list(*_COLUMNS)[:_MOST_EARLIER])
_find_applied = Select(_of_identity.filter(state=MessageState.APPLIED).values_list(*_COLUMNS))
_find_one = Select(InboundMessage.objects.filter(id=Param("id")).values_list(*_COLUMNS))


@dataclass(frozen=True, slots=True)
class Doors:
    """What a message passes before it is applied."""

    read: Callable[[bytes], Message] = read_message
    """Bytes as a message; raises :class:`InvalidValue`."""
    admit: Callable[[Message, str, tuple[str, ...]], None] = admit
    """Whether this sender may send from there; raises :class:`MessageRefused`."""


USUAL_DOORS = Doors()


def receive(frames: Sequence[Received], apply: Apply, doors: Doors = USUAL_DOORS) -> list[bytes]:
    """Keep the messages of ``frames`` with their effects, in one commit, and return the answer to each frame.

    A message that cannot be applied does not touch the others; ``apply`` may be called twice for a message, the first
    time undone. When the database refuses the transaction as a whole,
    the messages are tried one by one; one that cannot even be kept is answered AE 207 "not stored, send it again".
    Nothing is answered AA that is not committed.
    """
    try:
        return _receive_together(frames, apply, doors)
    except DatabaseError as error:
        log.warning("messages: %d in one transaction failed (%s); trying one by one", len(frames), type(error).__name__)
        if not connection.in_atomic_block:  # a dead one is replaced; within a caller's transaction it is the caller's
            connection.close_if_unusable_or_obsolete()
    answers: list[bytes] = []
    usable = True
    for frame in frames:
        answer = _receive_alone(frame, apply, doors) if usable else None
        usable = answer is not None  # a database that cannot be used now is not waited for again and again
        answers.append(answer or not_stored(frame))
    return answers


def _receive_together(frames: Sequence[Received], apply: Apply, doors: Doors) -> list[bytes]:
    """All in one transaction; when one is refused, all anew, each within a savepoint."""
    try:
        with transaction.atomic(), pipelined():
            return [_receive_frame(frame, apply, doors, attempt_among_others) for frame in frames]
    except NotApplied:
        with transaction.atomic(), pipelined():
            return [_receive_frame(frame, apply, doors) for frame in frames]


def not_stored(frame: Received) -> bytes:
    """The answer when ``frame`` could not be kept: AE, the sender must send it again."""
    refusal = MessageRefused("not stored: the database cannot be used now; send the message again later",
                             error=ErrorCode.APPLICATION_INTERNAL_ERROR)  # fmt: skip
    return _answer_batch([acknowledge(_readable(raw), frame.at, refusal) for raw in split_batch(frame.raw)], frame.at)


def _receive_alone(frame: Received, apply: Apply, doors: Doors) -> bytes | None:
    """The answer, or none when the database cannot be used now."""
    for turn in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _receive_frame(frame, apply if turn < _ATTEMPTS - 1 else _refuse_conflicting, doors)
        except IntegrityError:
            continue  # the same message or patient came through another node: the next look finds it
        except DatabaseError as error:
            if _was_in_a_ring(error) and turn < _ATTEMPTS - 1:
                continue  # a person's change and this one waited for each other: theirs is done, or gives way
            log.error("messages: one from %s not stored: %s", frame.peer, type(error).__name__)
            return None
    return None


def _was_in_a_ring(error: DatabaseError) -> bool:
    """Whether the database has ended a deadlock, or a conflict of transactions, by undoing this one (PostgreSQL)."""
    return getattr(error.__cause__, "sqlstate", None) in ("40P01", "40001")


def _refuse_conflicting(message: Message, actor: Actor) -> None:
    raise MessageRefused(
        "the message conflicts with what is stored; it is kept, report this to the receiving system's administrator",
        error=ErrorCode.APPLICATION_INTERNAL_ERROR,
    )


def _receive_frame(frame: Received, apply: Apply, doors: Doors, attempt_it: _Attempt = attempt) -> bytes:
    raws = [frame.raw] if frame.cut_short else split_batch(frame.raw)
    return _answer_batch([_receive_message(raw, frame, apply, doors, attempt_it) for raw in raws], frame.at)


def _receive_message(raw: bytes, frame: Received, apply: Apply, doors: Doors, attempt_it: _Attempt) -> bytes:
    try:
        message = doors.read(raw)
    except InvalidValue as error:
        refusal = rejected(error.detail, ErrorCode.SEGMENT_SEQUENCE_ERROR, Location("MSH"))
        return _keep(None, frame, raw, Outcome(refusal), ())
    refusal_at_once = unacceptable(message, frame) or _not_admitted(message, frame, doors)
    if refusal_at_once:
        return _keep(message, frame, raw, Outcome(refusal_at_once), ())
    earlier = _earlier(message)
    step, before = next_step(digest_of(message, raw), earlier)
    if before and step is Step.ANSWER_AGAIN:
        return bytes(before.acknowledgement)
    if step is Step.REFUSE_REUSED_ID:
        reused = MessageRefused(
            "MSH-10 was used for another message that was applied; send this one under a control id of its own",
            error=ErrorCode.DUPLICATE_KEY_IDENTIFIER,
            location=Location("MSH", 1, 10),
        )
        return _keep(message, frame, raw, Outcome(reused), earlier)
    outcome = attempt_it(message, Actor(message.sender, address=frame.peer, kind=ActorKind.SENDER), apply)
    return _keep(message, frame, raw, outcome, earlier)


def _earlier(message: Message) -> list[EarlierMessage]:
    """What came before under the identity of ``message``, oldest first."""
    identity = {"sender": message.sender, "control_id": message.control_id}
    rows = _find_earlier.rows(**identity)
    if len(rows) == _MOST_EARLIER:
        for applied in _find_applied.rows(**identity):
            rows += [applied, *(_find_one.rows(id=applied[1]) if applied[1] is not None else ())]
    by_key = {row[0]: row for row in rows}
    return [EarlierMessage(*by_key[key]) for key in sorted(by_key)]


def _keep(
    message: Message | None, frame: Received, raw: bytes, outcome: Outcome, earlier: Sequence[EarlierMessage]
) -> bytes:
    """Keep the message, unless it says nothing new; the answer."""
    refusal = outcome.refusal
    if refusal and says_nothing_new(digest_of(message, raw), refusal.detail, earlier):
        return acknowledge(message, frame.at, refusal, outcome.reply)
    row = keep(message, frame, raw, outcome)
    if earlier and not refusal:
        waiting = InboundMessage.objects.filter(
            protocol=Protocol.HL7, sender=row.sender, control_id=row.control_id,
            state__in=WAITING_STATES, resolved_at__isnull=True,
        )  # fmt: skip
        waiting.update(resolved_at=frame.at, resolution=Resolution.SENT_AGAIN)
    return bytes(row.acknowledgement)


def _readable(raw: bytes) -> Message | None:
    """Without a look at the database: it may be what cannot be used."""
    try:
        return Message.parse(raw, settings.QUANG.hl7.undeclared_charset)
    except InvalidValue:
        return None


def _not_admitted(message: Message, frame: Received, doors: Doors) -> MessageRefused | None:
    try:
        doors.admit(message, frame.peer, frame.certificate)
    except MessageRefused as refusal:
        return refusal
    return None


def _answer_batch(acknowledgements: list[bytes], at: datetime) -> bytes:
    """One acknowledgement as it is; those of a batch in a batch of their own (HL7 2.5.1 §2.10.3.1)."""
    if len(acknowledgements) == 1:
        return acknowledgements[0]
    hl7 = settings.QUANG.hl7
    header = f"BHS|^~\\&|{hl7.application}|{hl7.facility}|||{at:%Y%m%d%H%M%S}\r".encode()
    return header + b"".join(acknowledgements) + f"BTS|{len(acknowledgements)}\r".encode()
