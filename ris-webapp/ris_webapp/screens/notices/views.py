"""A notice has been read: one press, from whichever page showed it."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.notices import services
from ris_webapp.client import actor_of
from ris_webapp.errors import wants_problem
from ris_webapp.permission import UserRequest, requires


@requires(Function.READ_EXAM, Function.RESOLVE_UNMATCHED, Function.MANAGE_PATIENTS)
@require_POST
def acknowledge(request: UserRequest, notice_id: int) -> HttpResponse:
    """Nobody is shown the notice again; scripts get an empty object, people the page they came from."""
    services.acknowledge(notice_id, actor_of(request))
    if wants_problem(request):
        return JsonResponse({})
    back = request.POST.get("next", "")
    return HttpResponseRedirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else "/")
