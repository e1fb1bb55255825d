"""Refused requests in the audit trail: who tried what they may not do (P3)."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from ris_core.access.errors import TooManyRequests
from ris_core.audit.services import record
from ris_webapp.api.limits import MinuteLimit
from ris_webapp.client import actor_of

REFUSALS_A_MINUTE: Final = 30
"""Of one caller, in each process; more of the same say nothing new and would hide the rest."""

_limit = MinuteLimit()


def note_refused(request: HttpRequest, code: str, function: str = "") -> None:
    """Record that a page or an act was refused to whoever asked.

    :param function: what the role would have to have
    """
    actor = actor_of(request)
    try:
        _limit.take(f"{actor.name} {actor.address}", REFUSALS_A_MINUTE)
    except TooManyRequests:
        return
    match = request.resolver_match
    record(
        actor, "request.refused", subject=f"path:{request.path}"[:96], success=False, reason=code,
        page=match.view_name if match else "", method=request.method, needs=function,
    )  # fmt: skip
