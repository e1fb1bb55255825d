"""``GET /healthz``: for the launcher, containers and monitoring. Says which part is down, and nothing else."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from ris_core.certificates.in_use import ending_soon
from ris_webapp.permission import public
from ris_webapp.screens.health.checks import look


@public
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the web app can work, also when another part is away; 503 without its database."""
    health = look()
    body = {
        "status": health.status,
        "database": health.database,
        "engine": health.engine,
        "worker": health.worker,
        "worker_age_seconds": _rounded(health.worker_age_seconds),
        "backup": health.backup,
        "gate": health.gate,
        "mpps": health.mpps,
        "mpps_age_seconds": _rounded(health.mpps_age_seconds),
        # days left of those that end soon; null: cannot be read
        "certificates": ending_soon(settings.QUANG, timezone.now()),
    }
    return JsonResponse(body, status=200 if health.database else 503)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
