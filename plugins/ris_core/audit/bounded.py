"""Refusals that anybody can cause by the thousand, without an account: written, but not each of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, record

WITHIN: Final = timedelta(minutes=1)
MOST_IN_ALL: Final = 60
"""Of one action and code in a minute, from however many addresses."""


def record_bounded(actor: Actor, action: str, code: str, **details: Any) -> None:
    """Record that something was refused, once a minute for one name from one address, and :data:`MOST_IN_ALL` times
    for all.

    Counted in the audit trail, so that every process of the web app counts the same.

    :param code: of the refusal; another one is another event
    """
    same = AuditEvent.objects.filter(
        action=action, at__gt=timezone.now() - WITHIN, success=False, details__code=code
    ).values_list("actor", "address")
    noted = list(same[:MOST_IN_ALL])
    if len(noted) < MOST_IN_ALL and (actor.name, actor.address) not in noted:
        record(actor, action, success=False, code=code, **details)
