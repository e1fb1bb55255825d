"""Apply one message and keep it with what became of it: for those that come in, and those that a person replays."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, DataError, transaction

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, collected
from ris_core.changes.services import announce
from ris_core.errors import QuangError
from ris_core.hl7.acknowledgement import (
    AcknowledgementCode,
    ErrorCode,
    Location,
    MessageRefused,
    Reply,
    compose_acknowledgement,
)
from ris_core.hl7.er7 import Message, body
from ris_core.messages.models import InboundMessage, MessageState
from ris_core.names import folded
from ris_core.patients.numbers_sought import sought
from ris_core.statements import insert

log = logging.getLogger(__name__)

Apply = Callable[[Message, Actor], Reply | None]
"""The effect of a message, in the current transaction, and what is answered beyond the acknowledgement; raises
:class:`MessageRefused` or another ``QuangError``."""

_MOST_EFFECTS = 50
_MOST_SEARCH_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Received:
    """What came in one frame."""

    raw: bytes
    peer: str
    at: datetime
    cut_short: QuangError | None = None
    """Why ``raw`` is only the beginning of a message."""
    certificate: tuple[str, ...] = ()
    """Names of the TLS client certificate that the peer showed: fingerprint and subject."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message."""

    refusal: MessageRefused | None = None
    """None: it was applied."""
    events: Sequence[AuditEvent] = ()
    """What it has done."""
    reply: Reply | None = None
    """What is answered beyond the acknowledgement."""


def attempt(message: Message, actor: Actor, apply: Apply) -> Outcome:
    """Apply ``message`` in the current transaction; when it is refused, its effect is undone."""
    try:
        with collected() as events, transaction.atomic():
            reply = apply(message, actor)
    except MessageRefused as refusal:
        return Outcome(refusal)
    except DataError:  # the database's own limit of a value; the savepoint has undone the effect
        return Outcome(
            MessageRefused("a value of the message is too long or cannot be stored", error=ErrorCode.DATA_TYPE_ERROR)
        )
    except QuangError as error:
        return Outcome(MessageRefused(error.detail, error=ErrorCode.DATA_TYPE_ERROR, code=error.code))
    except DatabaseError:
        raise
    except Exception:  # a fault of ours in one message must not stop the others; it is kept, and told to both sides
        log.exception("messages: a message of type %s from %s could not be applied", message.type, actor.address)
        return Outcome(
            MessageRefused(
                "the message could not be applied because of a fault in the receiving system; it is kept, report this "
                "to its administrator",
                error=ErrorCode.APPLICATION_INTERNAL_ERROR,
            )
        )
    return Outcome(reply.refusal if reply else None, events, reply)


class NotApplied(Exception):
    """A message had no effect, and what it did before that cannot be undone without the rest of its transaction."""


def attempt_among_others(message: Message, actor: Actor, apply: Apply) -> Outcome:
    """As :func:`attempt` without a savepoint, which costs two statements for each message: nearly all are applied.

    :raises NotApplied: it was refused; the caller undoes the transaction and attempts its messages anew
    """
    try:
        with collected() as events:
            reply = apply(message, actor)
    except DataError as error:
        raise NotApplied from error
    except DatabaseError:
        raise
    except Exception as error:  # what it is, and what is logged and answered, the second attempt tells
        raise NotApplied from error
    return Outcome(reply.refusal if reply else None, events, reply)


def unacceptable(message: Message, frame: Received) -> MessageRefused | None:
    """Why a message cannot be accepted whatever it says."""
    if frame.cut_short:
        return rejected(frame.cut_short.detail, ErrorCode.APPLICATION_INTERNAL_ERROR, None)
    if not message.control_id:
        return rejected(
            "MSH-10, the message control id, is missing: a repeated message could not be told from a new one",
            ErrorCode.REQUIRED_FIELD_MISSING,
            Location("MSH", 1, 10),
        )
    for field, value, limit in ((10, message.control_id, 199), (3, message.sender, 128), (9, message.type, 32)):
        if len(value) > limit:
            return rejected(f"MSH-{field} is too long", ErrorCode.DATA_TYPE_ERROR, Location("MSH", 1, field))
    return None


def rejected(detail: str, error: ErrorCode, location: Location | None) -> MessageRefused:
    return MessageRefused(detail, error=error, location=location, acknowledgement=AcknowledgementCode.REJECT)


def digest_of(message: Message | None, raw: bytes) -> str:
    """Tells a resend from a control id used twice.

    A booking and its cancellation (SIU S12, S15) may differ in MSH-9 only.

    :param message: none when ``raw`` cannot be read as one
    """
    kind = message.type.encode() if message else b""
    return hashlib.sha256(kind + b"\r" + body(raw)).hexdigest()


def keep(message: Message | None, frame: Received, raw: bytes, outcome: Outcome) -> InboundMessage:
    """Add the message's row, with its answer.

    :param message: none when ``raw`` cannot be read as one
    """
    refusal = outcome.refusal
    state = MessageState.APPLIED
    if refusal:
        state = MessageState.HELD if refusal.held else MessageState.REFUSED
    row = InboundMessage(
        sender=message.sender[:128] if message else "",
        control_id=message.control_id[:199] if message else "",
        digest=digest_of(message, raw),
        message_type=message.type[:32] if message else "",
        raw=raw,
        peer=frame.peer[:64],
        state=state,
        acknowledgement=acknowledge(message, frame.at, refusal, outcome.reply),
        acknowledgement_code=refusal.acknowledgement if refusal else AcknowledgementCode.ACCEPT,
        error_code=str(refusal.error.value) if refusal else "",
        error_location=str(refusal.location or "") if refusal else "",
        error_detail=refusal.detail if refusal else "",
        effects=effects_of(outcome.events),
        patient_id=next((event.patient_id for event in outcome.events if event.patient_id), None),
        search_text=_search_text(message) if message else "",
        received_at=frame.at,
    )
    insert(row)
    if refusal:  # screens show what went wrong; what went well shows as the exam it made
        announce("message", row.id)
    return row


def effects_of(events: Sequence[AuditEvent]) -> list[dict[str, str]]:
    """What is kept of what a message has done."""
    return [{"action": event.action, "subject": event.subject} for event in events[:_MOST_EFFECTS]]


def acknowledge(
    message: Message | None, at: datetime, refusal: MessageRefused | None, reply: Reply | None = None
) -> bytes:
    """The answer to ``message``."""
    hl7 = settings.QUANG.hl7
    return compose_acknowledgement(
        message, application=hl7.application, facility=hl7.facility, at=at, refusal=refusal, reply=reply
    )


def _search_text(message: Message) -> str:
    """What a person looks for, where HL7 has it; a sender's own places do not matter for finding."""
    words: list[str] = []
    if pid := message.first("PID"):
        identifiers = [pid.components(repetition) for repetition in pid.repetitions(3)]
        words += [sought(parts[4] if len(parts) > 4 else "", parts[0]) for parts in identifiers if parts]
        words += [pid.value(5, part) for part in (1, 2, 3)]
    for segment in message.segments:
        if segment.name == "ORC":
            words += [segment.value(2), segment.value(3)]
        elif segment.name == "OBR":
            words += [segment.value(2), segment.value(3), segment.value(18)]
    return folded(" ".join(dict.fromkeys(filter(None, words))))[:_MOST_SEARCH_CHARACTERS]
