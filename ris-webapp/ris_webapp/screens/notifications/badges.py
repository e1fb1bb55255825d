"""How many notifications wait for a person."""

from __future__ import annotations

from ris_core.notifications.models import Notification
from ris_core.outbox.entries import OutboxState


def dead_count() -> int:
    """Notifications that the worker has given up."""
    return Notification.objects.filter(state=OutboxState.DEAD).count()
