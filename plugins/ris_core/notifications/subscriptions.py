"""A receiver of notifications and what it wants to know, saved as a whole; how it is told its transport says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from ris_core.errors import InvalidValue
from ris_core.notifications.models import NotificationReceiver, NotificationRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What is known of any receiver.

    :raises InvalidValue: naming the field that cannot be so
    """

    code: str
    name: str
    events: frozenset[str]
    source: str = ""
    """Only orders of this sender (``MSH-3|MSH-4``); empty: all."""
    modality: str = ""
    """Only exams of this modality; empty: all."""
    active: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", self.code):
            raise InvalidValue("a code has letters, digits, point, hyphen and underscore", field="code")
        if not self.name.strip():
            raise InvalidValue("a receiver needs a name", field="name")
        if not self.events:
            raise InvalidValue("choose the events that it is told of", field="events")


def add_receiver(subscription: Subscription, **told: Any) -> NotificationReceiver:
    """A new receiver with its rules, in the caller's transaction.

    :param told: the columns that say how it is told
    :raises InvalidValue: the code is taken
    """
    try:
        with transaction.atomic():
            receiver = NotificationReceiver.objects.create(code=subscription.code, name=subscription.name, **told)
    except IntegrityError as error:
        raise InvalidValue("another receiver has this code", field="code") from error
    save_receiver(receiver, subscription)
    return receiver


def save_receiver(receiver: NotificationReceiver, subscription: Subscription, **told: Any) -> None:
    """Replace what is known of a locked receiver, in the caller's transaction; its code stays. What it is owed when it
    is switched off waits until it is switched on again, or is dismissed."""
    for name, value in {"name": subscription.name.strip(), "active": subscription.active, **told}.items():
        setattr(receiver, name, value)
    receiver.save()
    NotificationRule.objects.filter(receiver=receiver).delete()
    NotificationRule.objects.bulk_create(
        NotificationRule(receiver=receiver, event=event, modality=subscription.modality, source=subscription.source)
        for event in sorted(subscription.events)
    )
