"""Keys of other systems' programs: which there are, make one, withdraw one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.access.api_keys import create_api_key, revoke_api_key
from ris_core.access.models import ApiKey
from ris_core.access.scopes import Scope
from ris_core.accounts.rules import Function
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.proof import lately_proved
from ris_webapp.screens.api_keys.forms import ApiKeyForm


@requires(Function.MANAGE_ACCOUNTS)
@require_GET
def keys(request: UserRequest) -> HttpResponse:
    """All keys; those in use first."""
    rows = ApiKey.objects.select_related("created_by", "revoked_by").order_by("-revoked_at", "name", "pk")
    in_use = [key for key in rows if key.revoked_at is None]
    withdrawn = [key for key in rows if key.revoked_at is not None]
    return render(request, "api_keys/keys.html", {"rows": in_use + withdrawn, "now": timezone.now()})


@requires(Function.MANAGE_ACCOUNTS)
@lately_proved()
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """Make a key. The answer shows it, this once; coming back to the page does not."""
    form = ApiKeyForm(request.POST) if request.method == "POST" else ApiKeyForm()
    wanted = form.api_key_request() if form.is_bound else None
    if wanted:
        key, text = create_api_key(wanted, actor_of(request))
        return render(request, "api_keys/created.html", {"key": key, "text": text})
    context = {"form": form, "scopes": list(Scope)}
    return render(request, "api_keys/edit.html", context, status=422 if form.errors else 200)


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def revoke(request: UserRequest, key_id: int) -> HttpResponse:
    """Withdraw a key, for good."""
    key = revoke_api_key(key_id, actor_of(request))
    messages.success(request, _("Đã thu hồi khoá %(name)s.") % {"name": key.name})
    return HttpResponseRedirect(reverse("api_keys:keys"))
