"""The administrator's overview: what waits, what comes in, and the way to every setting."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_webapp.permission import UserRequest, requires
from ris_webapp.rail import administration_for
from ris_webapp.screens.dashboard.figures import FIGURES, senders, workers
from ris_webapp.screens.health.checks import look


@requires(Function.ADMINISTER, Function.MANAGE_ACCOUNTS)
@require_GET
def dashboard(request: UserRequest) -> HttpResponse:
    """Counted anew at every look."""
    role = request.user.role
    context: dict[str, Any] = {
        "figures": [(figure, figure.count()) for figure in FIGURES if may(role, figure.function)],
        "senders": senders(),
        "workers": workers(),
        "health": look(),
        "screens": administration_for(role),
    }
    return render(request, "dashboard/dashboard.html", context)
