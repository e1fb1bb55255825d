"""Take in messages: each is kept with its effect and its answer in one transaction, and answered after it.

:func:`receive` is the only way in. What a message does is told by ``apply``; what it may do twice, what is answered
and what is kept when it is refused is the same for every kind of message.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    connection,
    transaction,
)

from ris_core.audit.services import Actor
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, QuangError
from ris_core.hl7.acknowledgement import (
    AcknowledgementCode,
    ErrorCode,
    Location,
    MessageRefused,
    compose_acknowledgement,
)
from ris_core.hl7.er7 import Message, body, split_batch
from ris_core.messages.models import InboundMessage, MessageState
from ris_core.messages.rules import EarlierMessage, Step, next_step, says_nothing_new
from ris_core.statements import Param, Select, insert

log = logging.getLogger(__name__)

Apply = Callable[[Message, Actor], None]
"""The effect of a message, in the current transaction; raises :class:`MessageRefused` or another ``QuangError``."""

_ATTEMPTS = 3
"""How often a message alone is tried when another node's transaction got in between."""

_find_earlier = Select(
    InboundMessage.objects.filter(sender=Param("sender"), control_id=Param("control_id"), replay_of__isnull=True)
    .order_by("id")
    .values_list("state", "digest", "error_detail", "acknowledgement")
)


@dataclass(frozen=True, slots=True)
class Received:
    """What came in one frame."""

    raw: bytes
    peer: str
    at: datetime
    cut_short: QuangError | None = None
    """Why ``raw`` is only the beginning of a message."""


def receive(frames: Sequence[Received], apply: Apply) -> list[bytes]:
    """Keep the messages of ``frames`` with their effects, in one commit, and return the answer to each frame.

    A message that cannot be applied does not touch the others. When the database refuses the transaction as a whole,
    the messages are tried one by one; one that cannot even be kept is answered AE 207 "not stored, send it again".
    Nothing is answered AA that is not committed.
    """
    try:
        with transaction.atomic():
            return [_receive_frame(frame, apply) for frame in frames]
    except DatabaseError as error:
        log.warning("messages: %d in one transaction failed (%s); trying one by one", len(frames), type(error).__name__)
        if not connection.in_atomic_block:  # a dead one is replaced; within a caller's transaction it is the caller's
            connection.close_if_unusable_or_obsolete()
    answers: list[bytes] = []
    usable = True
    for frame in frames:
        answer = _receive_alone(frame, apply) if usable else None
        usable = answer is not None  # a database that cannot be used now is not waited for again and again
        answers.append(answer or not_stored(frame))
    return answers


def not_stored(frame: Received) -> bytes:
    """The answer when ``frame`` could not be kept: AE, the sender must send it again."""
    refusal = MessageRefused("not stored: the database cannot be used now; send the message again later",
                             error=ErrorCode.APPLICATION_INTERNAL_ERROR)  # fmt: skip
    return _answer_batch([_acknowledge(_readable(raw), frame.at, refusal) for raw in split_batch(frame.raw)], frame.at)


def _receive_alone(frame: Received, apply: Apply) -> bytes | None:
    """The answer, or none when the database cannot be used now."""
    for attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _receive_frame(frame, apply if attempt < _ATTEMPTS - 1 else _refuse_conflicting)
        except IntegrityError:
            continue  # the same message or patient came through another node: the next look finds it
        except DatabaseError as error:
            log.error("messages: one from %s not stored: %s", frame.peer, type(error).__name__)
            return None
    return None


def _refuse_conflicting(message: Message, actor: Actor) -> None:
    raise MessageRefused(
        "the message conflicts with what is stored; it is kept, report this to the receiving system's administrator",
        error=ErrorCode.APPLICATION_INTERNAL_ERROR,
    )


def _receive_frame(frame: Received, apply: Apply) -> bytes:
    raws = [frame.raw] if frame.cut_short else split_batch(frame.raw)
    return _answer_batch([_receive_message(raw, frame, apply) for raw in raws], frame.at)


def _receive_message(raw: bytes, frame: Received, apply: Apply) -> bytes:
    digest = hashlib.sha256(body(raw)).hexdigest()
    keep = partial(_keep, raw, digest, frame)
    try:
        message = Message.parse(raw, settings.QUANG.hl7.undeclared_charset)
    except InvalidValue as error:
        return keep(None, (), _rejected(error.detail, ErrorCode.SEGMENT_SEQUENCE_ERROR, Location("MSH")))
    refusal = _unacceptable(message, frame)
    if refusal:
        return keep(message, (), refusal)
    earlier = [EarlierMessage(*row) for row in _find_earlier.rows(sender=message.sender, control_id=message.control_id)]
    step, before = next_step(digest, earlier)
    if before and step is Step.ANSWER_AGAIN:
        return bytes(before.acknowledgement)
    if step is Step.REFUSE_REUSED_ID:
        reused = MessageRefused(
            "MSH-10 was used for another message that was applied; send this one under a control id of its own",
            error=ErrorCode.DUPLICATE_KEY_IDENTIFIER,
            location=Location("MSH", 1, 10),
        )
        return keep(message, earlier, reused)
    return keep(message, earlier, _try(message, frame, apply))


def _try(message: Message, frame: Received, apply: Apply) -> MessageRefused | None:
    """Apply ``message``; why it was refused, with its effect undone, or none."""
    try:
        with transaction.atomic():
            apply(message, Actor(message.sender, address=frame.peer))
    except MessageRefused as refusal:
        return refusal
    except DataError:  # the database's own limit of a value; the savepoint has undone the effect
        return MessageRefused("a value of the message is too long or cannot be stored", error=ErrorCode.DATA_TYPE_ERROR)
    except QuangError as error:
        return MessageRefused(error.detail, error=ErrorCode.DATA_TYPE_ERROR, code=error.code)
    except DatabaseError:
        raise
    except Exception:  # a fault of ours in one message must not stop the others; it is kept, and told to both sides
        log.exception("messages: a message of type %s from %s could not be applied", message.type, frame.peer)
        return MessageRefused(
            "the message could not be applied because of a fault in the receiving system; it is kept, report this to "
            "its administrator",
            error=ErrorCode.APPLICATION_INTERNAL_ERROR,
        )
    return None


def _unacceptable(message: Message, frame: Received) -> MessageRefused | None:
    """Why a message cannot be accepted whatever it says."""
    if frame.cut_short:
        return _rejected(frame.cut_short.detail, ErrorCode.APPLICATION_INTERNAL_ERROR, None)
    if not message.control_id:
        return _rejected(
            "MSH-10, the message control id, is missing: a repeated message could not be told from a new one",
            ErrorCode.REQUIRED_FIELD_MISSING,
            Location("MSH", 1, 10),
        )
    for field, value, limit in ((10, message.control_id, 199), (3, message.sender, 128), (9, message.type, 32)):
        if len(value) > limit:
            return _rejected(f"MSH-{field} is too long", ErrorCode.DATA_TYPE_ERROR, Location("MSH", 1, field))
    return None


def _rejected(detail: str, error: ErrorCode, location: Location | None) -> MessageRefused:
    return MessageRefused(detail, error=error, location=location, acknowledgement=AcknowledgementCode.REJECT)


def _keep(
    raw: bytes,
    digest: str,
    frame: Received,
    message: Message | None,
    earlier: Sequence[EarlierMessage],
    refusal: MessageRefused | None,
) -> bytes:
    """Add the message's row with its answer; the answer."""
    acknowledgement = _acknowledge(message, frame.at, refusal)
    if refusal and says_nothing_new(digest, refusal.detail, earlier):
        return acknowledgement
    state = MessageState.APPLIED
    if refusal:
        state = MessageState.HELD if refusal.held else MessageState.REFUSED
    row = InboundMessage(
        sender=message.sender[:128] if message else "",
        control_id=message.control_id[:199] if message else "",
        digest=digest,
        message_type=message.type[:32] if message else "",
        raw=raw,
        peer=frame.peer[:64],
        state=state,
        acknowledgement=acknowledgement,
        acknowledgement_code=refusal.acknowledgement if refusal else AcknowledgementCode.ACCEPT,
        error_code=str(refusal.error.value) if refusal else "",
        error_location=str(refusal.location or "") if refusal else "",
        error_detail=refusal.detail if refusal else "",
        received_at=frame.at,
    )
    insert(row)
    if refusal:  # screens show what went wrong; what went well shows as the exam it made
        announce("message", row.id)
    return acknowledgement


def _acknowledge(message: Message | None, at: datetime, refusal: MessageRefused | None) -> bytes:
    hl7 = settings.QUANG.hl7
    return compose_acknowledgement(message, application=hl7.application, facility=hl7.facility, at=at, refusal=refusal)


def _readable(raw: bytes) -> Message | None:
    try:
        return Message.parse(raw, settings.QUANG.hl7.undeclared_charset)
    except InvalidValue:
        return None


def _answer_batch(acknowledgements: list[bytes], at: datetime) -> bytes:
    """One acknowledgement as it is; those of a batch in a batch of their own (HL7 2.5.1 §2.10.3.1)."""
    if len(acknowledgements) == 1:
        return acknowledgements[0]
    hl7 = settings.QUANG.hl7
    header = f"BHS|^~\\&|{hl7.application}|{hl7.facility}|||{at:%Y%m%d%H%M%S}\r".encode()
    return header + b"".join(acknowledgements) + f"BTS|{len(acknowledgements)}\r".encode()
