"""One's security keys and passkeys: added and removed on the page of the second factor (Q6)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ris_core.errors import InvalidValue, NotPermitted
from ris_core.second_factors import security_keys
from ris_core.second_factors.needs import has_second_factor
from ris_core.second_factors.security_keys import Options
from ris_core.second_factors.services import CodeRefused
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.proof import answered, lately_proved
from ris_webapp.sessions import ask_challenge, has_given_second_factor, note_second_factor


def ask_to_add(request: UserRequest) -> Options:
    """What the page asks the browser for another key; the challenge waits in the session."""
    options, state = security_keys.begin_adding(request.user)
    ask_challenge(request.session, "add", state)
    return options


@requires()
@lately_proved(page="accounts:second_factor")
@require_POST
def add(request: UserRequest) -> HttpResponse:
    """Add a key; with the first one recovery codes, this once."""
    _refuse_without_second_factor(request)
    try:
        state, answer = answered(request, "add")
        codes = security_keys.add(request.user, state, answer, request.POST.get("name", ""), actor_of(request))
    except CodeRefused:
        messages.error(request, _("Khoá bảo mật chưa được nhận. Hãy thử lại."))
    except InvalidValue:
        messages.error(request, _("Hãy đặt tên cho khoá; nhiều nhất 10 khoá."))
    else:
        note_second_factor(request.session)
        messages.success(request, _("Đã thêm khoá bảo mật."))
        if codes:
            return render(request, "accounts/recovery_codes.html", {"codes": codes})
    return HttpResponseRedirect(resolve_url("accounts:second_factor"))


@requires()
@lately_proved(page="accounts:second_factor")
@require_POST
def remove(request: UserRequest, key_id: int) -> HttpResponse:
    """Take one of one's own keys away."""
    _refuse_without_second_factor(request)
    security_keys.remove_key(request.user, key_id, actor_of(request))
    messages.success(request, _("Đã gỡ khoá bảo mật."))
    return HttpResponseRedirect(resolve_url("accounts:second_factor"))


def _refuse_without_second_factor(request: UserRequest) -> None:
    """:raises NotPermitted: who sits before a session of before the second factor changes nothing of it"""
    if has_second_factor(request.user) and not has_given_second_factor(request.session):
        raise NotPermitted("log in with the second factor first")
