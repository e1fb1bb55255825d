"""The mark that a study's viewer draws over everything it shows, said by the server from the grant in the cookie."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from ris_core.watermarks.rules import lines_of
from ris_webapp.gateway.grants import marking_grants
from ris_webapp.permission import public


@public
@require_GET
def mark(request: HttpRequest, study: str) -> HttpResponse:
    """``{"lines": […], "pictures_only": …}``; no lines: no mark."""
    grants = marking_grants(request, study)
    if not grants:
        return HttpResponse(status=403)
    said = {
        "lines": lines_of(grants[0].mark) if grants[0].mark else [],
        "pictures_only": all(grant.pictures_only for grant in grants),
    }
    return JsonResponse(said, headers={"Cache-Control": "no-store"})
