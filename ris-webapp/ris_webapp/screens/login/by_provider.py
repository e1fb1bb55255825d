"""Logging in at an OpenID provider: there, back, and ended by it (Q1, Q6)."""

from __future__ import annotations

from dataclasses import astuple
from typing import Final

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.models import User
from ris_core.audit.bounded import record_bounded
from ris_core.directories.errors import DirectoryRefused
from ris_core.openid import services
from ris_core.openid.errors import LoginNotProved, LogoutNotProved, ProviderUnavailable
from ris_core.openid.services import Begun, provider_named
from ris_core.second_factors.needs import has_second_factor
from ris_webapp.client import client_address
from ris_webapp.errors import words_of
from ris_webapp.permission import public
from ris_webapp.screens.login.provider_session import own_address
from ris_webapp.screens.login.views import let_in, login_page, own_page, stranger
from ris_webapp.screens.login.waiting import ask_for_code
from ris_webapp.sessions import end_grants_of

_COOKIE: Final = "quang_openid"
_SALT: Final = "quang.login.openid"
_SECONDS: Final = 600
"""How long somebody may take at the provider."""
LONGEST_AFTER: Final = 1024


@public
@never_cache
@require_GET
def begin(request: HttpRequest, name: str) -> HttpResponse:
    """Send the browser to the provider; what proves that it is the same one that comes back stays in a cookie."""
    provider = provider_named(name)
    after = own_page(request, request.GET.get("next", "")[:LONGEST_AFTER])
    if isinstance(request.user, User):
        return HttpResponseRedirect(after)
    try:
        begun, address = services.begin(provider, own_address("login:provider_return", name), after)
    except ProviderUnavailable as refusal:
        return _refused(request, after, refusal)
    response = HttpResponseRedirect(address)
    response.set_cookie(
        _COOKIE,
        signing.dumps(astuple(begun), salt=_SALT),
        max_age=_SECONDS,
        path=resolve_url("login:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@public
@never_cache
@require_GET
def come_back(request: HttpRequest, name: str) -> HttpResponse:
    """The browser is back from the provider; a new session begins, as at every login."""
    provider = provider_named(name)
    begun = _kept(request)
    after = begun.after if begun else resolve_url(settings.LOGIN_REDIRECT_URL)
    try:
        vouched = services.finish(
            begun, provider, request.GET.dict(), own_address("login:provider_return", name), client_address(request)
        )
    except (LoginNotProved, DirectoryRefused, ProviderUnavailable) as refusal:
        record_bounded(stranger(request, ""), "user.login_failed", refusal.code, reason=refusal.detail, provider=name)
        response = _refused(request, after, refusal)
    else:
        login = {"provider": name, "subject": vouched.subject, "sid": vouched.sid, "issued_at": vouched.issued_at}
        by_provider = {"login": login, "id_token": vouched.id_token}
        end_grants_of(request.session)
        if has_second_factor(vouched.user) and not vouched.second_factor:
            ask_for_code(request, vouched.user, after, by_provider)
            response = HttpResponseRedirect(resolve_url("login:code"))
        else:
            response = let_in(
                request, vouched.user, after, second_factor=vouched.second_factor, by_provider=by_provider
            )
    response.delete_cookie(_COOKIE, path=resolve_url("login:login"), samesite="Lax")
    return response


@public
@csrf_exempt
@sensitive_post_parameters()
@require_POST
def ended(request: HttpRequest, name: str) -> HttpResponse:
    """The provider says that somebody has logged out there (OpenID Connect Back-Channel Logout 1.0 §2.5)."""
    provider = provider_named(name)
    try:
        sessions = services.end_by_provider(provider, request.POST.get("logout_token", ""), client_address(request))
    except (LogoutNotProved, ProviderUnavailable) as refusal:
        who = stranger(request, "")
        record_bounded(who, "user.logout_refused", refusal.code, reason=refusal.detail, provider=name)
        status = 400 if isinstance(refusal, LogoutNotProved) else 503
        return JsonResponse({"error": "invalid_request", "error_description": refusal.code}, status=status)
    for session in sessions:
        if session.session_key:
            SessionStore(session.session_key).delete()
    return HttpResponse(status=200)


def _kept(request: HttpRequest) -> Begun | None:
    """What this browser began not long ago."""
    try:
        return Begun(*signing.loads(request.COOKIES.get(_COOKIE, ""), salt=_SALT, max_age=_SECONDS))
    except (signing.BadSignature, TypeError):
        return None


def _refused(
    request: HttpRequest, after: str, refusal: LoginNotProved | DirectoryRefused | ProviderUnavailable
) -> HttpResponse:
    words = words_of(refusal.code)
    return login_page(request, after, error=str(words.advice), status=words.status)
