"""Try a message out: what would be read, done and answered, without anything being written.

The message goes through :func:`ris_core.messages.services.receive` like any other, in a transaction that is undone;
so the answer is the one that its sender would get, also when its control id was used before. Safe beside live intake:
on SQLite the database is locked for as long as one order takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, collected
from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import Reply
from ris_core.hl7.charsets import codec_of, encode
from ris_core.hl7.er7 import Message, split_batch
from ris_core.intake.profile import Profile
from ris_core.intake.senders import KnownSender, read_message, sender_of
from ris_core.intake.services import apply_message
from ris_core.intake.sources import SourcesOfOrder, sources
from ris_core.messages.services import Doors, Received, receive

MOST_BYTES = 1_000_000
"""Longest message that is tried out."""


@dataclass(frozen=True, slots=True)
class TriedEffect:
    """Something that would be done."""

    action: str
    subject: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TriedMessage:
    """One message as it would be read; none when the bytes are no message."""

    raw: bytes
    message: Message | None
    sender: KnownSender | None = None
    sources: list[SourcesOfOrder] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would become of the bytes of one frame."""

    messages: list[TriedMessage]
    effects: list[TriedEffect]
    answer: bytes
    """In the frame; of several messages a batch."""
    code: str
    """MSA-1 of the answer, of a batch the first that is not AA."""


def dry_run(raw: bytes, profile: Profile | None = None, address: str = "") -> DryRun:
    """Read, apply and answer ``raw``, and undo it.

    :param profile: read by this one instead of the sender's; it need not be saved
    :raises InvalidValue: when ``raw`` is empty or too long to be tried out
    """
    if not raw.strip():
        raise InvalidValue("there is no message", field="raw")
    if len(raw) > MOST_BYTES:
        raise InvalidValue(f"the message is longer than {MOST_BYTES} bytes", field="raw")
    effects: dict[str, list[TriedEffect]] = {}  # by MSH-10: a message may be applied twice, the first time undone

    def applied(message: Message, actor: Actor) -> Reply | None:
        with collected() as events:
            reply = apply_message(message, actor, profile=profile)
        effects[message.control_id] = [TriedEffect(event.action, event.subject, event.details) for event in events]
        return reply

    doors = Doors(partial(read_message, profile=profile), _let_in)
    with transaction.atomic():
        (answer,) = receive([Received(raw, address, timezone.now())], applied, doors)
        transaction.set_rollback(True)
    messages = [_tried(one, profile) for one in split_batch(raw)]
    return DryRun(messages, list(chain.from_iterable(effects.values())), answer, _code(answer))


def bytes_of(text: str) -> bytes:
    """A message that was copied from somewhere, as its sender would send it: in the character set of its MSH-18."""
    lines = text.strip("\x0b\x1c\r\n\t ").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    content = "".join(f"{line}\r" for line in lines)
    try:
        message = Message.parse(content.encode())
        codec = codec_of(message.header.value(18)) or "utf-8"
    except InvalidValue:
        codec = "utf-8"
    return encode(content, codec) or content.encode()


def _let_in(message: Message, address: str, certificate: tuple[str, ...]) -> None:
    """Whoever tries a message out may do so from anywhere."""


def _tried(raw: bytes, profile: Profile | None) -> TriedMessage:
    try:
        message = read_message(raw, profile)
    except InvalidValue:
        return TriedMessage(raw, None)
    sender = sender_of(message)
    return TriedMessage(raw, message, sender, sources(message, profile or sender.profile))


def _code(answer: bytes) -> str:
    codes = []
    for one in split_batch(answer):
        acknowledgement = Message.parse(one).first("MSA")
        codes.append(acknowledgement.value(1) if acknowledgement else "")
    return next((code for code in codes if code != "AA"), "AA")
