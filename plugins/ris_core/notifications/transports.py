"""Every way of telling a receiver, in one explicit tuple. To add one: its name in
:class:`~ris_core.notifications.rules.Transport`, and a line here."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from ris_core.delivery.composition import exam_facts
from ris_core.delivery.models import Receiver
from ris_core.delivery.oru import VERSIONS
from ris_core.errors import InvalidValue
from ris_core.notifications import dicom, hl7_status, mail
from ris_core.notifications.models import Notification, NotificationReceiver
from ris_core.notifications.rules import Event, Transport
from ris_core.orders.models import RequestedProcedure
from ris_core.outbox import smtp
from ris_core.outbox.mllp import exchange, reach
from ris_core.settings import Settings
from ris_core.webhooks import event_body
from ris_core.webhooks.models import Webhook
from ris_core.webhooks.sending import post
from ris_core.webhooks.services import EVENTS, secret_of


@dataclass(frozen=True, slots=True)
class TransportKind:
    """How one kind of receiver is told."""

    transport: Transport
    events: frozenset[str]
    """What it can tell of; others are refused when a rule is made."""
    compose: Callable[[Notification, datetime, Settings], bytes]
    """The message, made once. :raises QuangError: it cannot be made (now)"""
    exchange: Callable[[Notification, bytes, Settings], bytes]
    """Sends it; the acknowledgement as kept for people.

    :raises QuangError: see :mod:`ris_core.outbox.errors`
    """
    attempt: Callable[[NotificationReceiver, Settings], None]
    """Whether the receiver can be reached and takes such messages; nothing about any exam is sent.

    :raises QuangError: as ``exchange``
    """


def _compose_hl7_status(notification: Notification, now: datetime, settings: Settings) -> bytes:
    system, procedure = _system(notification), _procedure(notification)
    if system.hl7_version not in VERSIONS:
        raise InvalidValue(f"messages cannot be sent in HL7 version {system.hl7_version}", field="MSH-12")
    zone = ZoneInfo(settings.site.time_zone)
    return hl7_status.compose(
        hl7_status.StatusMessage(
            **exam_facts(procedure, system, notification.control_id, now),
            message=notification.receiver.hl7_message,
            event=notification.event,
            occurred_at=notification.occurred_at.astimezone(zone),
            scheduled_at=procedure.scheduled_at.astimezone(zone),
        )
    )


def _exchange_hl7(notification: Notification, message: bytes, settings: Settings) -> bytes:
    system = _system(notification)
    return exchange(system.host, system.port, message, notification.control_id, settings.delivery)


def _system(notification: Notification) -> Receiver:
    system = notification.receiver.system
    if system is None:
        raise InvalidValue("the receiver has no HL7 address: choose the HIS that it is", field="system")
    return system


def _procedure(notification: Notification) -> RequestedProcedure:
    if notification.procedure is None:
        raise InvalidValue("the notification is about no exam", field="procedure")
    return notification.procedure


def _compose_webhook(notification: Notification, now: datetime, settings: Settings) -> bytes:
    webhook = _webhook(notification)
    return event_body.compose(
        notification.event,
        notification.control_id,
        notification.occurred_at,
        now,
        _procedure(notification),
        webhook.with_names,
    )


def _exchange_webhook(notification: Notification, message: bytes, settings: Settings) -> bytes:
    webhook = _webhook(notification)
    secret = secret_of(webhook, settings)
    return post(webhook.url, secret, notification.control_id, notification.event, message, settings)


def _webhook(notification: Notification) -> Webhook:
    if notification.receiver.webhook is None:
        raise InvalidValue("the receiver has no address to post to", field="webhook")
    return notification.receiver.webhook


def _attempt_hl7(receiver: NotificationReceiver, settings: Settings) -> None:
    """A connection only: an HL7 message would be one about somebody."""
    if receiver.system is None:
        raise InvalidValue("the receiver has no HL7 address: choose the HIS that it is", field="system")
    reach(receiver.system.host, receiver.system.port, settings.delivery)


def _attempt_webhook(receiver: NotificationReceiver, settings: Settings) -> None:
    """A signed event of its own name, which says nothing."""
    if receiver.webhook is None:
        raise InvalidValue("the receiver has no address to post to", field="webhook")
    event_id = f"QT{secrets.token_hex(9)}"
    body = msgspec.json.encode({"id": event_id, "event": TEST_EVENT})
    post(receiver.webhook.url, secret_of(receiver.webhook, settings), event_id, TEST_EVENT, body, settings)


def _compose_mail(notification: Notification, now: datetime, settings: Settings) -> bytes:
    return mail.compose(
        mail.Mail(
            event=notification.event,
            exam_id=_procedure(notification).pk,
            control_id=notification.control_id,
            occurred_at=notification.occurred_at.astimezone(ZoneInfo(settings.site.time_zone)),
            sent_at=now,
            sender=settings.mail.sender,
            recipient=mail.checked_address(notification.receiver.email),
            language=settings.site.language,
            site=settings.site.name,
            public_url=settings.public_url,
        )
    )


def _exchange_mail(notification: Notification, message: bytes, settings: Settings) -> bytes:
    return smtp.hand_over(notification.receiver.email, message, settings)


def _attempt_mail(receiver: NotificationReceiver, settings: Settings) -> None:
    """Connection and login only: whether the mailbox exists, its server says later."""
    mail.checked_address(receiver.email)
    smtp.reach(settings)


TEST_EVENT: Final = "test"

TRANSPORTS: tuple[TransportKind, ...] = (
    TransportKind(Transport.HL7_STATUS, frozenset(hl7_status.STATUS), _compose_hl7_status, _exchange_hl7, _attempt_hl7),
    TransportKind(
        Transport.INSTANCE_AVAILABILITY,
        frozenset({Event.EXAM_IMAGES_AVAILABLE, Event.EXAM_READY_TO_READ}),
        dicom.compose_availability,
        dicom.exchange_availability,
        dicom.attempt_availability,
    ),
    TransportKind(
        Transport.MPPS,
        frozenset({Event.MPPS_RECEIVED}),
        dicom.compose_forward,
        dicom.exchange_forward,
        dicom.attempt_forward,
    ),
    TransportKind(Transport.WEBHOOK, EVENTS, _compose_webhook, _exchange_webhook, _attempt_webhook),
    TransportKind(Transport.EMAIL, mail.EVENTS, _compose_mail, _exchange_mail, _attempt_mail),
)
BY_NAME = {kind.transport.value: kind for kind in TRANSPORTS}
