"""Register, change and switch off webhooks; the secret by which a receiver knows that an event is ours.

A secret is derived from the key in the secret file ``webhook_signing_key``, the webhook's number and its key number: it
is in no table and in no backup of the database, and is shown to an administrator when the webhook is made or its
secret replaced.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.notifications.models import NotificationReceiver
from ris_core.notifications.rules import Event, Transport
from ris_core.notifications.subscriptions import Subscription, add_receiver, save_receiver
from ris_core.settings import Settings
from ris_core.webhooks.keys import signing_secret
from ris_core.webhooks.models import Webhook
from ris_core.webhooks.rules import parsed_address

EVENTS = frozenset(event.value for event in Event if event is not Event.MPPS_RECEIVED)
"""What a webhook can tell of: everything about an exam; a device's own message is no JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRegistration(Subscription):
    """What is known of a webhook.

    :raises InvalidValue: naming the field that cannot be so
    """

    url: str
    with_names: bool = False

    def __post_init__(self) -> None:
        Subscription.__post_init__(self)
        if not self.events <= EVENTS:
            raise InvalidValue("choose the events that it is told of", field="events")


def register_webhook(registration: WebhookRegistration, actor: Actor) -> tuple[NotificationReceiver, str]:
    """A new webhook, and the secret that its receiver has to know.

    :raises InvalidValue, AddressRefused: the code is taken, or nothing may be sent to the address
    """
    parsed_address(registration.url, settings.QUANG.webhooks.plain_hosts.split())
    with transaction.atomic():
        webhook = Webhook.objects.create(url=registration.url, with_names=registration.with_names)
        receiver = add_receiver(registration, transport=Transport.WEBHOOK, webhook=webhook)
        record(actor, "webhook.registered", subject=f"webhook:{webhook.pk}", code=receiver.code)
    return receiver, secret_of(webhook, settings.QUANG)


@transaction.atomic
def change_webhook(receiver_id: int, registration: WebhookRegistration, actor: Actor) -> NotificationReceiver:
    """Replace what is known of a webhook; its code and its secret stay.

    :raises NotFound: no such webhook
    :raises InvalidValue, AddressRefused: nothing may be sent to the address
    """
    parsed_address(registration.url, settings.QUANG.webhooks.plain_hosts.split())
    receiver = webhook_receiver(receiver_id)
    assert receiver.webhook is not None  # noqa: S101 - by its transport
    receiver.webhook.url, receiver.webhook.with_names = registration.url, registration.with_names
    receiver.webhook.save()
    save_receiver(receiver, registration)
    record(actor, "webhook.changed", subject=f"webhook:{receiver.webhook_id}", code=receiver.code)
    return receiver


@transaction.atomic
def replace_secret(receiver_id: int, actor: Actor) -> str:
    """A new secret: the next event is signed with it.

    :raises NotFound: no such webhook
    """
    receiver = webhook_receiver(receiver_id)
    assert receiver.webhook is not None  # noqa: S101 - by its transport
    receiver.webhook.key_number += 1
    receiver.webhook.save(update_fields=["key_number"])
    record(actor, "webhook.secret_replaced", subject=f"webhook:{receiver.webhook_id}", code=receiver.code)
    return secret_of(receiver.webhook, settings.QUANG)


def webhook_receiver(receiver_id: int) -> NotificationReceiver:
    """:raises NotFound: no such webhook"""
    found = NotificationReceiver.objects.select_for_update(of=("self",)).filter(
        pk=receiver_id, transport=Transport.WEBHOOK
    )
    receiver = found.select_related("webhook").first()
    if receiver is None:
        raise NotFound("there is no such webhook", field="webhook")
    return receiver


def secret_of(webhook: Webhook, quang: Settings) -> str:
    """The secret that is in use."""
    return signing_secret(f"webhook:{webhook.pk}", webhook.key_number, quang)
