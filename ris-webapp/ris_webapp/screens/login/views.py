"""Login, logout, and what users set for themselves."""

from __future__ import annotations

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.guessing import refuse_guessing
from ris_core.accounts.models import User
from ris_core.accounts.services import TriedTooOften
from ris_core.audit.bounded import record_bounded
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.directories.errors import DirectoryRefused, DirectoryUnavailable
from ris_core.second_factors import security_keys
from ris_core.second_factors.models import SecurityKey
from ris_core.second_factors.needs import has_app, has_second_factor
from ris_core.second_factors.services import CodeRefused, check_code
from ris_core.signatures.locking import lock_all_of
from ris_webapp.client import actor_of, client_address
from ris_webapp.errors import words_of
from ris_webapp.login_backend import LOGIN_BACKEND
from ris_webapp.permission import UserRequest, public, requires
from ris_webapp.proof import answered
from ris_webapp.screens.login import captcha
from ris_webapp.screens.login import provider_session as openid
from ris_webapp.screens.login.forms import LoginForm, PreferencesForm
from ris_webapp.screens.login.waiting import ByProvider, ask_for_code, provider_of_waiting, waiting_for_code
from ris_webapp.screens.viewer_launch.grants import withdraw_all
from ris_webapp.sessions import ask_challenge, begin, end_grants_of, note_second_factor

_MANY_FROM_HERE = gettext_lazy("Quá nhiều lần đăng nhập sai từ địa chỉ mạng này. Hãy đợi 15 phút rồi thử lại.")


@public
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """The login page; a new session begins at every login, whatever cookie came with it (Q6)."""
    after = own_page(request, request.POST.get("next") or request.GET.get("next") or "")
    if request.method == "GET":
        if isinstance(request.user, User):
            return HttpResponseRedirect(after)
        return login_page(request, after)
    form = LoginForm(request.POST)
    name = request.POST.get("username", "")
    try:
        refuse_guessing(client_address(request))
        if _is_unlocked(request, name) and captcha.is_asked(name, client_address(request)):
            captcha.solve(request.POST)
        user = auth.authenticate(request, **form.cleaned_data) if form.is_valid() else None
    except TriedTooOften as refusal:
        record_bounded(stranger(request, name), "user.locked_out", refusal.code, reason="address")
        words = words_of(refusal.code)
        return login_page(request, after, error=str(_MANY_FROM_HERE), name=name, status=words.status)
    except captcha.NotSolved as refusal:
        if captcha.KIND not in request.POST:
            record_bounded(stranger(request, name), "user.login_failed", refusal.code)
        words = words_of(refusal.code)
        error = "" if captcha.KIND in request.POST else str(words.advice)
        return login_page(request, after, error=error, name=name, status=words.status)
    except (DirectoryRefused, DirectoryUnavailable) as refusal:
        record(stranger(request, name), "user.login_failed", success=False, code=refusal.code)
        words = words_of(refusal.code)
        return login_page(request, after, error=str(words.advice), name=name, status=words.status)
    if not isinstance(user, User):
        record(stranger(request, name), "user.login_failed", success=False)
        return login_page(request, after, error=_("Sai tên đăng nhập hoặc mật khẩu."), name=name, status=401)
    end_grants_of(request.session)
    if has_second_factor(user):
        ask_for_code(request, user, after)
        return HttpResponseRedirect(resolve_url("login:code"))
    return let_in(request, user, after)


@public
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The one-time code after the password; nobody is logged in before it."""
    waiting = waiting_for_code(request)
    if waiting is None:
        return HttpResponseRedirect(resolve_url("login:login"))
    user, after = waiting
    if request.method == "GET":
        return _code_page(request, user)
    actor = Actor(user.username, user_id=user.pk, address=client_address(request))
    try:
        if "credential" in request.POST:
            security_keys.use(user, *answered(request, "use"), actor)
        else:
            check_code(user, request.POST.get("code", "")[:64], actor)
    except CodeRefused as refusal:
        words = words_of(refusal.code)
        return _code_page(request, user, error=str(words.advice), status=words.status)
    return let_in(request, user, after, second_factor=True, by_provider=provider_of_waiting(request))


@public
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session on the server with all viewers opened from it, then show the login page."""
    if isinstance(request.user, User):
        record(actor_of(request), "user.logged_out", subject=f"user:{request.user.pk}")
        lock_all_of(request.user.pk, actor_of(request))
    end_grants_of(request.session)
    elsewhere = openid.address_after(request)
    auth.logout(request)
    response: HttpResponse = HttpResponseRedirect(resolve_url("login:login"))
    if elsewhere:  # a page goes there: browsers stop a form that is sent on to another host (form-action)
        response = render(request, "login/logged_out.html", {"error": "", "elsewhere": elsewhere})
    withdraw_all(request, response)
    return response


@requires()
@require_POST
def preferences(request: UserRequest) -> HttpResponse:
    """Save what the user has chosen; answers with a redirect back, or nothing for a script."""
    form = PreferencesForm(request.POST)
    if form.is_valid():
        chosen = {name: value for name, value in form.cleaned_data.items() if value}
        User.objects.filter(pk=request.user.pk).update(**chosen)
    if "HX-Request" in request.headers:
        return HttpResponse(status=204)
    return HttpResponseRedirect(own_page(request, request.POST.get("next", "")))


@public
@require_GET
def in_use(request: HttpRequest) -> HttpResponse:
    """Somebody works in a page that asks nothing else of the web app, a viewer: the session does not idle (Q1).

    What keeps it alive is :class:`~ris_webapp.middleware.IdleTimeoutMiddleware`, as with every request.
    """
    return HttpResponse(status=204)


@public
@require_GET
def images(request: HttpRequest) -> HttpResponse:
    """How the user wants frames, and the token with which the viewer saves another choice; nothing for outsiders."""
    if not isinstance(request.user, User):
        return HttpResponse(status=204)
    return JsonResponse({"images": request.user.images, "token": get_token(request)})


@public
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language of the login page on this computer."""
    response = HttpResponseRedirect(own_page(request, request.POST.get("next", ""), otherwise="login:login"))
    form = PreferencesForm(request.POST)
    if form.is_valid() and form.cleaned_data["language"]:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            form.cleaned_data["language"],
            max_age=365 * 24 * 3600,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def let_in(
    request: HttpRequest,
    user: User,
    after: str,
    *,
    second_factor: bool = False,
    by_provider: ByProvider | None = None,
) -> HttpResponse:
    """Begin the session of somebody who has proved who they are, and go on to the page ``after``.

    :param by_provider: an OpenID provider has vouched for them, and can end it
    """
    request.session.flush()
    auth.login(request, user, backend=LOGIN_BACKEND)
    begin(request.session, user, client_address(request), request.headers.get("User-Agent", ""))
    if by_provider:
        openid.note(request, by_provider)
    if second_factor:
        note_second_factor(request.session)
    record(actor_of(request), "user.logged_in", subject=f"user:{user.pk}", second_factor=second_factor)
    return HttpResponseRedirect(after)


def locked_out(request: HttpRequest, answer: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """django-axes gives this instead of the login view's ``answer`` after too many failures."""
    name = str((credentials or {}).get("username") or request.POST.get("username", ""))[:128]
    record_bounded(stranger(request, name), "user.locked_out", TriedTooOften.code)
    return login_page(request, "/", error=str(words_of(TriedTooOften.code).advice), name=name, status=429)


def _is_unlocked(request: HttpRequest, name: str) -> bool:
    """Whether a password of this name is looked at: who is locked out solves nothing first."""
    return bool(AxesProxyHandler.is_allowed(request, {"username": name}))


def stranger(request: HttpRequest, name: str) -> Actor:
    """Who has not proved to be ``name``, as the audit trail names them."""
    return Actor(name[:128] or "anonymous", address=client_address(request), kind=ActorKind.ANYBODY)


def _code_page(request: HttpRequest, user: User, *, error: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"error": error, "app": has_app(user)}
    if SecurityKey.objects.filter(user=user).exists() and security_keys.are_possible():
        context["key_options"], state = security_keys.begin_using(user)
        ask_challenge(request.session, "use", state)
    return render(request, "login/code.html", context, status=status)


def login_page(request: HttpRequest, after: str, *, error: str = "", name: str = "", status: int = 200) -> HttpResponse:
    """The login page, with what went wrong before."""
    context: dict[str, Any] = {"next": after, "error": error, "name": name, "providers": settings.QUANG.openid}
    if status != 429 and captcha.is_asked(name, client_address(request)):
        context["captcha"] = captcha.asked_again(request.POST)
    return render(request, "login/login.html", context, status=status)


def own_page(request: HttpRequest, address: str, *, otherwise: str = settings.LOGIN_REDIRECT_URL) -> str:
    """``address`` if it is a page of ours, else the page named ``otherwise``: no redirects to strangers. Who came for
    nothing but the site begins where their day does."""
    came_for_the_site = address == "/" and not isinstance(request.user, User)
    if came_for_the_site or not address:
        return resolve_url(otherwise)
    if url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return address
    return resolve_url(otherwise)
