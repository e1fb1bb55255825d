"""Write audit events in the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.statements import insert

LONGEST_REASON = 255
LONGEST_ACTOR = 128


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user with the address they come from, or a system by its name (``user_id`` none)."""

    name: str
    user_id: int | None = None
    address: str = ""
    role: str = ""
    """A user's role at that moment."""
    kind: ActorKind | None = None
    """None: a user when there is a ``user_id``, else a part of the suite."""


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
    reason: str = "",
    **details: Any,
) -> AuditEvent:
    """Add one event; ``details`` must be JSON and free of clinical text.

    :param reason: why; what is longer than :data:`LONGEST_REASON` is cut
    """
    event = AuditEvent(
        at=timezone.now(),
        user_id=actor.user_id,
        kind=actor.kind or (ActorKind.USER if actor.user_id is not None else ActorKind.SERVICE),
        actor=_storable(actor.name[:LONGEST_ACTOR]),
        role=actor.role,
        action=action,
        subject=_storable(subject),
        patient_id=patient_id,
        address=_storable(actor.address),
        success=success,
        reason=_storable(reason[:LONGEST_REASON]),
        details=_storable(details),
    )
    insert(event)
    collecting = _collecting.get()
    if collecting is not None:
        collecting.append(event)
    return event


def _storable(value: Any) -> Any:
    """As every database and every file of events takes it, whatever was typed: no NUL, no half of a surrogate pair."""
    if isinstance(value, str):
        return value if value.isprintable() else value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _storable(each) for name, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value
