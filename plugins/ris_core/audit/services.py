"""Write audit events in the transaction of what they tell of."""

from __future__ import annotations

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
    return event
