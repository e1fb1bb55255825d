"""What a person does about a message that had no effect: have it applied, as it came or corrected, or dismiss it."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.hl7.er7 import Message
from ris_core.intake.senders import read_message
from ris_core.intake.services import apply_message
from ris_core.messages.keeping import Outcome, Received, attempt, keep, unacceptable
from ris_core.messages.models import WAITING_STATES, InboundMessage, MessageState, Protocol, Resolution
from ris_core.performed.refused import take_in_again

_LONGEST_REASON = 255


@transaction.atomic
def replay(
    message_id: int, actor: Actor, *, raw: bytes | None = None, identity_confirmed: bool = False
) -> InboundMessage:
    """Apply a message that was refused or held, as it came or corrected (``raw``), once.

    The attempt is kept as a row of its own with its outcome, whether it succeeds or not; its answer is sent to nobody.
    The sender's own repetition is answered as applied from then on.

    :param identity_confirmed: the person has made sure that the patient is the one whom the message would change; of a
        held message as it came, which is what was compared
    :return: the attempt
    :raises NotFound: no such message
    :raises TransitionRefused: it had its effect already, was dismissed, or its control id stands for another message
    :raises InvalidValue: the correction is no HL7 message, or says that it is another one (MSH-3, MSH-4, MSH-10)
    """
    original = _waiting(message_id, "replayed")
    if original.protocol == Protocol.MPPS:
        if raw is not None or identity_confirmed:
            raise TransitionRefused("a device's report is taken in as it came", field="message")
        attempted = take_in_again(original, actor)
    else:
        attempted = _message_again(original, message_id, actor, raw=raw, identity_confirmed=identity_confirmed)
    if attempted.state == MessageState.APPLIED:
        _resolve(original, Resolution.REPLAYED, actor)
    record(
        actor,
        "message.replayed",
        subject=f"message:{original.pk}",
        patient_id=attempted.patient_id,
        success=attempted.state == MessageState.APPLIED,
        attempt=attempted.pk,
        corrected=raw is not None,
        identity_confirmed=identity_confirmed,
    )
    return attempted


def _message_again(
    original: InboundMessage, message_id: int, actor: Actor, *, raw: bytes | None, identity_confirmed: bool
) -> InboundMessage:
    if identity_confirmed and (raw is not None or original.pk != message_id or original.state != MessageState.HELD):
        raise TransitionRefused("only what was held as it came can be confirmed", field="message")
    content = bytes(original.raw) if raw is None else raw
    message = _parsed(content)
    if original.control_id and (message.sender, message.control_id) != (original.sender, original.control_id):
        raise InvalidValue("MSH-3, MSH-4 and MSH-10 tell which message it is; leave them as they are", field="MSH")
    if _stands_for_another(original):
        raise TransitionRefused(
            "its MSH-10 stands for another message that was applied; have it sent under a control id of its own",
            field="message",
        )
    now = timezone.now()
    frame = Received(content, original.peer, now)
    refusal = unacceptable(message, frame)
    apply = partial(apply_message, identity_confirmed=identity_confirmed)
    outcome = Outcome(refusal) if refusal else attempt(message, actor, apply)
    attempted = keep(message, frame, content, outcome)
    InboundMessage.objects.filter(pk=attempted.pk).update(replay_of=original, replayed_by=actor.user_id)
    attempted.replay_of, attempted.replayed_by_id = original, actor.user_id
    return attempted


@transaction.atomic
def dismiss(message_id: int, actor: Actor, reason: str) -> None:
    """Decide that a refused or held message shall have no effect; it can be taken back.

    :raises InvalidValue: no reason given
    :raises TransitionRefused: it had its effect already, or was dismissed
    """
    if not reason.strip():
        raise InvalidValue("say why the message shall have no effect", field="reason")
    original = _waiting(message_id, "dismissed")
    _resolve(original, Resolution.DISMISSED, actor, reason.strip()[:_LONGEST_REASON])
    record(actor, "message.dismissed", subject=f"message:{original.pk}")


@transaction.atomic
def take_back_dismissal(message_id: int, actor: Actor) -> None:
    """A dismissed message waits for a person again.

    :raises TransitionRefused: it is not dismissed
    """
    original = _locked(message_id)
    if original.resolution != Resolution.DISMISSED:
        raise TransitionRefused("the message is not dismissed", field="message")
    original.resolved_at, original.resolved_by_id = None, None
    original.resolution = original.resolved_reason = ""
    original.save(update_fields=["resolved_at", "resolution", "resolved_by", "resolved_reason"])
    announce("message", original.pk)
    record(actor, "message.dismissal_taken_back", subject=f"message:{original.pk}")


def waiting_count() -> int:
    """How many messages wait for a person."""
    return InboundMessage.objects.filter(
        state__in=WAITING_STATES, resolved_at__isnull=True, replay_of__isnull=True
    ).count()


def corrected(message: InboundMessage, text: str) -> bytes:
    """A person's correction as the sender's bytes: segments end with CR, the character set is the message's own.

    :raises InvalidValue: a character that the message's character set does not have
    """
    raw = bytes(message.raw)
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    content = "".join(line + "\r" for line in lines if line)
    try:
        codec = read_message(raw).charset.codec
    except InvalidValue:
        codec = "utf-8"
    try:
        return content.encode(codec)
    except UnicodeEncodeError as error:
        raise InvalidValue(
            f"the character {content[error.start]!r} is not in the message's character set ({codec}, MSH-18)",
            field="raw",
        ) from error


def _parsed(raw: bytes) -> Message:
    return read_message(raw)


def _waiting(message_id: int, done: str) -> InboundMessage:
    """The message as it came, locked, when it still waits for a person."""
    original = _locked(message_id)
    if original.replay_of_id is not None:
        original = _locked(original.replay_of_id)
    if original.state not in WAITING_STATES:
        raise TransitionRefused(f"the message was applied, it cannot be {done}", field="message")
    if original.resolved_at is not None:
        raise TransitionRefused(f"the message is settled already ({original.resolution.lower()})", field="message")
    return original


def _stands_for_another(original: InboundMessage) -> bool:
    """Whether a message with the same identity was applied."""
    if not original.control_id:
        return False
    return InboundMessage.objects.filter(
        protocol=original.protocol, sender=original.sender, control_id=original.control_id, state=MessageState.APPLIED
    ).exists()


def _locked(message_id: int) -> InboundMessage:
    found = InboundMessage.objects.select_for_update().filter(pk=message_id).first()
    if found is None:
        raise NotFound("there is no such message", field="message")
    return found


def _resolve(original: InboundMessage, resolution: Resolution, actor: Actor, reason: str = "") -> None:
    original.resolved_at, original.resolution = timezone.now(), resolution
    original.resolved_by_id, original.resolved_reason = actor.user_id, reason
    original.save(update_fields=["resolved_at", "resolution", "resolved_by", "resolved_reason"])
    announce("message", original.pk)
