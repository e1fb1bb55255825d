"""The receivers of notifications and what each wants to know."""

from __future__ import annotations

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.delivery.models import Receiver
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue, NotFound
from ris_core.notifications.models import NotificationReceiver, NotificationRule
from ris_core.notifications.rules import Transport
from ris_core.notifications.transports import BY_NAME


@transaction.atomic
def register_receiver(
    code: str, transport: Transport, address: str, actor: Actor, *, hl7_message: str = "ORM"
) -> NotificationReceiver:
    """Add a receiver, or have it told in another way; a withdrawn one is told again.

    :param address: the code of a receiver of results for HL7, else the AE title of a registered device
    :raises NotFound: there is nobody of that name
    """
    system = device = None
    if transport is Transport.HL7_STATUS:
        system = Receiver.objects.filter(code=address).first()
    else:
        device = Device.objects.filter(ae_title=address).first()
    found = system or device
    if found is None:
        raise NotFound("no receiver of results has this code, and no device this AE title", field="address")
    receiver, _ = NotificationReceiver.objects.update_or_create(
        code=code,
        defaults={
            "name": found.name, "transport": transport, "system": system, "device": device, "active": True,
            "hl7_message": hl7_message,
        },
    )  # fmt: skip
    record(actor, "notification_receiver.registered", subject=f"notification_receiver:{code}", transport=str(transport))
    return receiver


@transaction.atomic
def tell_of(receiver: NotificationReceiver, event: str, actor: Actor, *, modality: str = "", source: str = "") -> None:
    """Tell a receiver of ``event`` from now on. Asking again changes nothing.

    :raises InvalidValue: its transport cannot tell of that
    """
    if event not in BY_NAME[receiver.transport].events:
        raise InvalidValue(f"{event} cannot be told by {receiver.transport}", field="event")
    NotificationRule.objects.update_or_create(
        receiver=receiver, event=event, modality=modality, source=source, defaults={"active": True}
    )
    subject = f"notification_receiver:{receiver.code}"
    record(actor, "notification_receiver.told_of", subject=subject, event=event, modality=modality, source=source)


@transaction.atomic
def withdraw_receiver(code: str, actor: Actor) -> None:
    """Tell a receiver of nothing any more; what it is owed waits until it is registered again, or is dismissed.

    :raises NotFound: there is no such receiver
    """
    if not NotificationReceiver.objects.filter(code=code).update(active=False):
        raise NotFound("there is no such receiver of notifications", field="code")
    record(actor, "notification_receiver.withdrawn", subject=f"notification_receiver:{code}")
