"""Limits how often one address may knock with a wrong link or launch, counted in the audit trail."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from ris_core.access.signing import TokenRefused
from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import Actor, record

MAXIMUM_REFUSALS = 20
WINDOW_MINUTES = 10

_ACTIONS = ("result_link.refused", "launch.refused")
_NOBODY = "anonymous"


def refusal_code(action: str, address: str, error: TokenRefused, *, otherwise: str) -> str:
    """The code to answer somebody unknown with: ``otherwise``, or "tried too often" once ``address`` has done so.

    Each refusal is written down, until there are too many; ``error`` names the rule, never the token. What is rightly
    signed is never counted nor held up: in a hospital everybody may come from one address.
    """
    since = timezone.now() - timedelta(minutes=WINDOW_MINUTES)
    refusals = AuditEvent.objects.filter(at__gte=since, action__in=_ACTIONS, address=address, actor=_NOBODY)
    if refusals.count() >= MAXIMUM_REFUSALS:
        return "QUANG-3104"
    record(Actor(_NOBODY, address=address, kind=ActorKind.ANYBODY), action, success=False, reason=error.detail)
    return otherwise
