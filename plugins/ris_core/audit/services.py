"""Write audit events in the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.statements import insert


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user with the address they come from, or a system by its name (``user_id`` none)."""

    name: str
    user_id: int | None = None
    address: str = ""


SYSTEM = Actor("system")

_collecting: ContextVar[list[AuditEvent] | None] = ContextVar("collecting", default=None)


@contextmanager
def collected() -> Iterator[list[AuditEvent]]:
    """The events that are recorded in the block, in their order: what a message or a request has done."""
    events: list[AuditEvent] = []
    token = _collecting.set(events)
    try:
        yield events
    finally:
        _collecting.reset(token)


def record(
    actor: Actor,
    action: str,
    *,
    subject: str = "",
    patient_id: int | None = None,
    success: bool = True,
    **details: Any,
) -> AuditEvent:
    """Add one event; ``details`` must be JSON and free of clinical text."""
    event = AuditEvent(
        at=timezone.now(),
        user_id=actor.user_id,
        actor=actor.name,
        action=action,
        subject=subject,
        patient_id=patient_id,
        address=actor.address,
        success=success,
        details=details,
    )
    insert(event)
    collecting = _collecting.get()
    if collecting is not None:
        collecting.append(event)
    return event
