"""One's second factor: an authenticator app is paired by a picture, and taken away with one of its codes (Q6)."""

from __future__ import annotations

from typing import Final

import segno
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from markupsafe import Markup

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue
from ris_core.second_factors import security_keys, services
from ris_core.second_factors.models import SecurityKey
from ris_core.second_factors.needs import has_app, has_second_factor, needs_second_factor
from ris_core.second_factors.rules import as_text, key_uri
from ris_webapp.client import actor_of
from ris_webapp.errors import words_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.proof import always, lately_proved
from ris_webapp.screens.accounts.security_keys import ask_to_add
from ris_webapp.sessions import has_given_second_factor, note_second_factor

_SHOWN: Final = "second_factor_shown"
"""Of a session: digest of the secret that it was shown."""


@sensitive_post_parameters("code")
@requires()
@lately_proved(always)
@never_cache
@require_http_methods(["GET", "POST"])
def second_factor(request: UserRequest) -> HttpResponse:
    """Pair an app, or see that one is paired; after pairing the recovery codes, this once."""
    user, error = request.user, ""
    paired = has_app(user)
    held_back = has_second_factor(user) and not has_given_second_factor(request.session)
    if request.method == "POST" and (paired or not held_back):
        typed = request.POST.get("code", "")[:64]
        try:
            if paired:
                services.check_code(user, typed, actor_of(request))
                services.remove_app(user.pk, actor_of(request))
                messages.success(request, _("Đã gỡ ứng dụng xác thực."))
                return HttpResponseRedirect(resolve_url("accounts:second_factor"))
            codes = services.confirm_pairing(user.pk, typed, actor_of(request))
        except services.CodeRefused as refusal:
            error = str(words_of(refusal.code).advice)
        else:
            note_second_factor(request.session)
            return render(request, "accounts/recovery_codes.html", {"codes": codes})
    context = {"paired": paired, "error": error, "left": services.recovery_codes_left(user.pk),
               "forced": needs_second_factor(user) and not has_given_second_factor(request.session),
               "keys": SecurityKey.objects.filter(user=user).order_by("pk"), "held_back": held_back}  # fmt: skip
    if security_keys.are_possible() and not held_back:
        context["key_options"] = ask_to_add(request)
    if not paired and not held_back:
        secret, request.session[_SHOWN] = services.begin_pairing(user.pk, request.session.get(_SHOWN, ""))
        uri = key_uri(secret, settings.QUANG.site.name, user.username)
        drawing = segno.make_qr(uri).svg_inline(border=4, light="#fff", omitsize=True)
        context |= {"picture": Markup(drawing), "secret": as_text(secret)}  # noqa: S704 - drawn by us
    return render(request, "accounts/second_factor.html", context, status=422 if error else 200)


@requires(Function.MANAGE_ACCOUNTS)
@lately_proved()
@require_POST
def take_away(request: UserRequest, user_id: int) -> HttpResponse:
    """An administrator takes somebody's app away: the telephone is lost."""
    try:
        services.remove(user_id, request.POST.get("reason", ""), actor_of(request))
    except InvalidValue:
        messages.error(request, _("Hãy ghi lý do gỡ ứng dụng xác thực."))
    else:
        messages.success(request, _("Đã gỡ ứng dụng xác thực."))
    return HttpResponseRedirect(resolve_url("accounts:edit", user_id))
