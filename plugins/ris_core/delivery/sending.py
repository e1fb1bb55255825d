"""One attempt to deliver one result: compose, send, read the acknowledgement, record what came of it.

What happens when the worker is killed in between: before the message is kept, nothing has been sent; after it, the same
bytes with the same MSH-10 are sent again, and the receiver can tell the repeat. A result may come twice, never not at
all and never before an older version of it.
"""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.delivery import rules
from ris_core.delivery.composition import message_of
from ris_core.delivery.models import Delivery, DeliveryState
from ris_core.delivery.rules import Acknowledgement, Answer
from ris_core.delivery.services import after_settled, enqueue_delivery, locked, tell, waits_for
from ris_core.errors import InvalidValue, QuangError
from ris_core.hl7.er7 import Message
from ris_core.hl7.mllp import FramingError, MllpClient, MllpFailure
from ris_core.jobs.rules import retry_delay_seconds
from ris_core.jobs.services import is_under_way
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import Document
from ris_core.settings import Settings

WORKER = Actor("worker")


class ReceiverUnreachable(MllpFailure):
    """No connection to the receiver could be opened: it cannot have seen anything."""

    code = "QUANG-5101"


class ReceiverInactive(QuangError):
    """The receiver was switched off after the result was owed to it."""

    code = "QUANG-5102"


class NotAcknowledged(QuangError):
    """The receiver answered, but did not accept."""

    code = "QUANG-5103"


class AnswerUnreadable(MllpFailure):
    """The receiver answered, but in no MLLP frame, or in one that is too long."""

    code = "QUANG-5104"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt that has been recorded and may now go out."""

    number: int
    message: bytes
    first_on_wire: bool
    """Whether no earlier attempt may have reached the receiver."""


def run_deliver(subject_id: str) -> None:
    """The job ``deliver``."""
    deliver(int(subject_id))


def after_delivery_job_died(subject_id: str, error: str) -> None:
    """A delivery whose attempts end in a fault of ours is dead too, where people look for dead letters."""
    delivery = locked(int(subject_id))
    if delivery.state in rules.OWED:
        _die(delivery, error)


def deliver(delivery_id: int) -> None:
    """Try once to deliver, unless nothing is owed any more or an older version has to go first.

    A failed attempt is no error of this function: it is recorded, and the next attempt is queued, or the delivery is
    dead after ``delivery.max_attempts``.
    """
    settings: Settings = django_settings.QUANG
    delivery = Delivery.objects.get(pk=delivery_id)
    if delivery.state not in rules.OWED or waits_for(delivery):
        return
    made = Document.objects.filter(version_id=delivery.version_id).exists()
    if not made and is_under_way("render_document", delivery.version_id):
        return  # that job has it sent when it ends, well or badly
    try:
        ensure_document(delivery.version_id)
        attempt = _prepared(delivery_id, settings)
    except QuangError as error:
        _record_failure(delivery_id, error, settings)
        return
    if attempt is None:
        return
    try:
        answer = _exchanged(delivery, attempt, settings)
    except MllpFailure as failure:
        _record_failure(delivery_id, failure, settings, attempt)
        return
    verdict, reason = rules.judged(_read_acknowledgement(answer), delivery.control_id)
    if verdict is Answer.ACCEPTED:
        _record_acknowledged(delivery_id, answer)
    else:
        _record_failure(delivery_id, NotAcknowledged(reason), settings, attempt, answer)


@transaction.atomic
def _prepared(delivery_id: int, settings: Settings) -> _Attempt | None:
    """The next attempt, recorded; its message is composed at the first and the same ever after. None when nothing
    must be sent (now)."""
    delivery = locked(delivery_id)
    if delivery.state not in rules.OWED or waits_for(delivery):
        return None
    if not delivery.receiver.active:
        raise ReceiverInactive("the receiver is switched off: switch it on, or dismiss the result")
    now = datetime.now(ZoneInfo(settings.site.time_zone))
    if not delivery.message:
        delivery.message = message_of(delivery, now, settings)
    delivery.state = DeliveryState.SENDING
    delivery.attempts += 1
    delivery.last_attempt_at = now
    attempt = _Attempt(delivery.attempts, bytes(delivery.message), first_on_wire=not delivery.possibly_seen)
    delivery.possibly_seen = True
    delivery.save()
    return attempt


def _exchanged(delivery: Delivery, attempt: _Attempt, settings: Settings) -> bytes:
    limits = settings.delivery
    receiver = delivery.receiver
    try:
        with MllpClient(
            receiver.host, receiver.port, limits.timeout_seconds, limits.max_acknowledgement_bytes
        ) as client:
            return client.send(attempt.message)
    except MllpFailure as failure:
        if isinstance(failure.__cause__, ConnectionRefusedError | socket.gaierror):
            raise ReceiverUnreachable(failure.detail) from failure
        if isinstance(failure.__cause__, FramingError):
            raise AnswerUnreadable(failure.detail) from failure
        raise


def _read_acknowledgement(answer: bytes) -> Acknowledgement | None:
    try:
        message = Message.parse(answer)
    except InvalidValue:
        return None
    msa = message.first("MSA")
    if msa is None:
        return None
    err = message.first("ERR")
    text = msa.text(3) or (err.text(8) or err.text(3) or err.text(1) if err else "")
    return Acknowledgement(msa.value(1), msa.value(2), text)


@transaction.atomic
def _record_acknowledged(delivery_id: int, answer: bytes) -> None:
    delivery = locked(delivery_id)
    if delivery.state in rules.SETTLED:
        return  # another worker that believed this one dead was quicker
    delivery.state = DeliveryState.ACKNOWLEDGED
    delivery.acknowledged_at = timezone.now()
    delivery.last_acknowledgement = answer
    delivery.last_error = ""
    delivery.save()
    tell(delivery, WORKER, "delivery.acknowledged", attempts=delivery.attempts)
    after_settled(delivery)


@transaction.atomic
def _record_failure(
    delivery_id: int, error: QuangError, settings: Settings, attempt: _Attempt | None = None, answer: bytes = b""
) -> None:
    """:param attempt: none when it failed before anything could be sent"""
    delivery = locked(delivery_id)
    if delivery.state not in rules.OWED:
        return
    if attempt is None:
        delivery.attempts += 1
        delivery.last_attempt_at = timezone.now()
    elif attempt.number != delivery.attempts:
        return  # another worker that believed this one dead has made an attempt since; its outcome counts
    elif attempt.first_on_wire and isinstance(error, ReceiverUnreachable):
        delivery.possibly_seen = False
    delivery.last_acknowledgement = answer
    limits = settings.delivery
    text = f"{error.code} {error.detail}"
    if delivery.attempts >= limits.max_attempts:
        _die(delivery, text)
        return
    delivery.state = DeliveryState.RETRY
    delivery.last_error = text
    delivery.save()
    delay = retry_delay_seconds(
        delivery.attempts,
        first_seconds=limits.first_retry_seconds,
        longest_seconds=limits.longest_retry_seconds,
        chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
    )
    enqueue_delivery(delivery, delay)
    tell(delivery, WORKER, "delivery.failed", success=False, attempts=delivery.attempts, error=error.code)


def _die(delivery: Delivery, error: str) -> None:
    delivery.state = DeliveryState.DEAD
    delivery.last_error = error
    delivery.save()
    tell(delivery, WORKER, "delivery.dead", success=False, attempts=delivery.attempts)
