"""What a message did, as links to what it did it to."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from ris_core.messages.models import InboundMessage
from ris_webapp.numbers import whole_number

_PLACES: dict[str, str] = {"procedure": "reading:page"}
"""Which screen shows a subject of the audit trail."""


@dataclass(frozen=True, slots=True)
class Effect:
    action: str
    """A verb of the domain: ``order.placed``."""
    address: str
    """Where its subject is shown; empty where no screen does."""


def effects_of(message: InboundMessage) -> list[Effect]:
    """In the order in which they happened."""
    return [Effect(str(effect["action"]), _address(str(effect["subject"]))) for effect in message.effects]


def _address(subject: str) -> str:
    kind, _colon, key = subject.partition(":")
    number = whole_number(key)
    return reverse(_PLACES[kind], args=[number]) if kind in _PLACES and number is not None else ""
