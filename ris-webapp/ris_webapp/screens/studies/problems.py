"""When files of a study could not be made what they should be: try again, leave some, or take that back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue, NotFound
from ris_core.studies.problems import leave_files, take_up_files, try_again
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.words import WORDS

REASON_CHARACTERS = 255
ACTIONS: dict[str, Callable[[int, Actor, str], None]] = {
    "retry": lambda study_id, actor, _reason: try_again(study_id, actor),
    "leave": leave_files,
    "take-up": take_up_files,
}


@requires(Function.MANAGE_STUDIES)
@require_POST
def act(request: UserRequest, study_id: int, action: str) -> HttpResponse:
    """One of :data:`ACTIONS`."""
    if action not in ACTIONS:
        raise NotFound("there is no such action", field="action")
    try:
        ACTIONS[action](study_id, actor_of(request), request.POST.get("reason", "").strip()[:REASON_CHARACTERS])
    except InvalidValue as error:
        messages.error(request, f"{WORDS['study_refusal'][str(error.field)]} ({error.code})")
    else:
        messages.success(request, _("Đã ghi nhận; ảnh trên máy chủ được sửa theo."))
    return HttpResponseRedirect(reverse("studies:study", args=[study_id]))
