"""Limits how often one address may knock with a wrong link or launch, counted in the audit trail."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, record

MAXIMUM_REFUSALS = 20
WINDOW_MINUTES = 10

_ACTIONS = ("result_link.refused", "launch.refused")


def too_many_refusals(address: str) -> bool:
    """Whether ``address`` was refused so often lately that it gets no further try, and no further audit row."""
    since = timezone.now() - timedelta(minutes=WINDOW_MINUTES)
    refusals = AuditEvent.objects.filter(at__gte=since, action__in=_ACTIONS, address=address)
    return refusals.count() >= MAXIMUM_REFUSALS


def note_refusal(action: str, address: str, reason: str) -> None:
    """Write down that somebody unknown was refused; ``reason`` names the rule, never the token."""
    record(Actor("anonymous", address=address), action, success=False, reason=reason)
