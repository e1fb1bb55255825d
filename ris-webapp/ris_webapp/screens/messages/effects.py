"""What a message did, as links to what it did it to."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.messages.models import InboundMessage
from ris_webapp.numbers import whole_number

_PLACES: dict[str, tuple[str, Function]] = {
    "procedure": ("orders:of_procedure", Function.MANAGE_ORDERS),
    "patient": ("patients:patient", Function.VIEW_PATIENTS),
    "study": ("studies:study", Function.MANAGE_STUDIES),
}
"""Which screen shows a subject of the audit trail, and to whom."""


@dataclass(frozen=True, slots=True)
class Effect:
    action: str
    """A verb of the domain: ``order.placed``."""
    address: str
    """Where its subject is shown; empty where no screen does, or not to this user."""


def effects_of(message: InboundMessage, role: str) -> list[Effect]:
    """In the order in which they happened, with the places that ``role`` may go to."""
    return [Effect(str(effect["action"]), _address(str(effect["subject"]), role)) for effect in message.effects]


def _address(subject: str, role: str) -> str:
    kind, _colon, key = subject.partition(":")
    url_name, function = _PLACES.get(kind, ("", None))
    number = whole_number(key)
    if function is None or number is None or not may(role, function):
        return ""
    return reverse(url_name, args=[number])
