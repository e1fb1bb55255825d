"""The receivers told by HL7, DICOM or e-mail: add, change, switch off, try (webhooks: :mod:`ris_core.webhooks`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.delivery.models import Receiver
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue, NotFound, QuangError
from ris_core.notifications.mail import checked_address
from ris_core.notifications.models import NotificationReceiver
from ris_core.notifications.rules import Transport
from ris_core.notifications.subscriptions import Subscription, add_receiver, save_receiver
from ris_core.notifications.transports import BY_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverRegistration(Subscription):
    """What is known of a receiver that is told by HL7, DICOM or e-mail.

    :raises InvalidValue: naming the field that cannot be so
    """

    transport: Transport
    address: str
    """The code of a receiver of results for HL7, an e-mail address, else the AE title of a registered device."""
    hl7_message: str = "ORM"
    """A key of :data:`ris_core.notifications.hl7_status.MESSAGE_TYPES`."""

    def __post_init__(self) -> None:
        Subscription.__post_init__(self)
        if self.transport is Transport.WEBHOOK:
            raise InvalidValue("a webhook has a form of its own", field="transport")
        if not self.events <= BY_NAME[self.transport].events:
            wrong = ", ".join(sorted(self.events - BY_NAME[self.transport].events))
            raise InvalidValue(f"{wrong} cannot be told by {self.transport}", field="events")


@transaction.atomic
def register_receiver(registration: ReceiverRegistration, actor: Actor) -> NotificationReceiver:
    """A new receiver.

    :raises InvalidValue: the code is taken, or nobody has the address
    """
    receiver = add_receiver(
        registration, transport=registration.transport, hl7_message=registration.hl7_message, **_addressed(registration)
    )
    _record(receiver, actor, "registered", events=sorted(registration.events))
    return receiver


@transaction.atomic
def change_receiver(receiver_id: int, registration: ReceiverRegistration, actor: Actor) -> NotificationReceiver:
    """Replace what is known of a receiver; its code stays.

    :raises NotFound: no such receiver
    :raises InvalidValue: nobody has the address
    """
    receiver = _locked(receiver_id)
    save_receiver(
        receiver, registration, transport=registration.transport, hl7_message=registration.hl7_message,
        **_addressed(registration),
    )  # fmt: skip
    _record(receiver, actor, "changed", events=sorted(registration.events), active=registration.active)
    return receiver


def try_receiver(receiver_id: int, actor: Actor) -> str:
    """Whether a receiver can be reached and takes this kind of message; nothing about any exam is sent.

    :return: empty, or the code and the words of what was wrong
    :raises NotFound: no such receiver
    """
    receiver = NotificationReceiver.objects.select_related("system", "device", "webhook").filter(pk=receiver_id).first()
    if receiver is None:
        raise NotFound("there is no such receiver of notifications", field="receiver")
    problem = ""
    try:
        BY_NAME[receiver.transport].attempt(receiver, settings.QUANG)
    except QuangError as error:
        problem = f"{error.code} {error.detail}"
    _record(receiver, actor, "tried", success=not problem, error=problem.partition(" ")[0])
    return problem


def _addressed(registration: ReceiverRegistration) -> dict[str, Any]:
    """The columns of the address."""
    told: dict[str, Any] = {"system": None, "device": None, "email": ""}
    match registration.transport:
        case Transport.EMAIL:
            told["email"] = checked_address(registration.address)
        case Transport.HL7_STATUS:
            told["system"] = Receiver.objects.filter(code=registration.address).first()
            if told["system"] is None:
                raise InvalidValue("no receiver of results has this code", field="address")
        case _:
            told["device"] = Device.objects.filter(ae_title=registration.address).first()
            if told["device"] is None:
                raise InvalidValue("no device has this AE title", field="address")
    return told


def _locked(receiver_id: int) -> NotificationReceiver:
    found = NotificationReceiver.objects.select_for_update(of=("self",)).exclude(transport=Transport.WEBHOOK)
    receiver = found.filter(pk=receiver_id).first()
    if receiver is None:
        raise NotFound("there is no such receiver of notifications", field="receiver")
    return receiver


def _record(receiver: NotificationReceiver, actor: Actor, what: str, *, success: bool = True, **details: Any) -> None:
    subject = f"notification_receiver:{receiver.code}"
    record(actor, f"notification_receiver.{what}", subject=subject, success=success, **details)
