"""What every answer of the web app goes through; one small class for each concern."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils import translation

from ris_core.accounts.models import User
from ris_core.accounts.services import must_renew_password
from ris_core.errors import NotPermitted, QuangError
from ris_core.second_factors.needs import needs_second_factor
from ris_webapp.errors import answer_for, error_page, problem, wants_problem
from ris_webapp.refused import note_refused
from ris_webapp.sessions import end_grants_of, has_given_second_factor, is_over, logged_in_at, use

GetResponse = Callable[[HttpRequest], HttpResponseBase]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
BACKGROUND = "X-Quang-Background"
"""Header of requests that a page makes by itself: they do not keep a session alive."""
REFRESH_SECONDS = 60
"""A session's time of last use is written at most this often."""


class SecureHeadersMiddleware:
    """Headers that keep other origins and injected markup out; pages with patient data are never cached."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        headers.setdefault("Cache-Control", "no-store")
        if settings.SESSION_COOKIE_SECURE:  # also when a proxy before the front door ends TLS
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response


class ErrorPagesMiddleware:
    """The suite's own errors as pages or problem+json, in one place."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if isinstance(exception, NotPermitted):
            note_refused(request, exception.code, str(exception.field or ""))
        return answer_for(request, exception) if isinstance(exception, QuangError) else None


class NoNulMiddleware:
    """Refuses a NUL character in the address or the form: no text of ours has one, and PostgreSQL takes none.

    A cookie with one is none of ours; it is left out, so that it is never looked up either. The address and the form
    are looked at when the view is known: the page that refuses needs the session and the user's language.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        fields = [*request.GET.lists(), *(request.POST.lists() if request.method == "POST" else ())]
        texts = [request.path_info, *(text for name, values in fields for text in (name, *values))]
        return error_page(request, "QUANG-1001", status=400) if any("\0" in text for text in texts) else None


class IdleTimeoutMiddleware:
    """Ends a session that nobody has used for ``access.session_idle_minutes``, or after ``access.session_hours`` (Q1).

    The session's own expiry moves along with use; what pages ask for in the background is no use.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        session = request.session
        used_at = session.get("used_at")
        now = int(time.time())
        if used_at is not None and is_over(session, now):
            end_grants_of(session)
            session.flush()
        elif (
            used_at is not None
            and now - used_at > REFRESH_SECONDS
            and BACKGROUND not in request.headers
            and not use(session)  # whoever ended the login did not get at the session: it has another key since
        ):
            session.flush()
        return self.get_response(request)


class UserLanguageMiddleware:
    """The language of the logged-in user; before login the one chosen on this computer, else the site's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            chosen = request.user.language
        if chosen not in dict(settings.LANGUAGES):
            chosen = settings.QUANG.site.language
        with translation.override(chosen):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", chosen)
        return response


class DenyByDefaultMiddleware:
    """Refuses a view that does not say who may call it (:mod:`ris_webapp.permission`)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if not hasattr(view, "quang_functions"):
            raise NotPermitted("this page does not say who may open it")


class _OwedFirst:
    """Sends whoever is logged in to the one page on which they owe something, before anything else (Q1, Q6)."""

    page: ClassVar[str]
    """Name of the view on which it is settled."""
    code: ClassVar[str]
    why: ClassVar[str]
    """What a script is told."""
    open_too: ClassVar[frozenset[str]] = frozenset()
    """Further views that stay open."""
    _open = frozenset({"login:login", "login:logout", "login:preferences", "login:language"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def is_owed(self, user: User, session: SessionBase) -> bool:
        """Whether ``user`` is held up in this session."""
        raise NotImplementedError

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not isinstance(request.user, User):
            return None
        where = request.resolver_match.view_name if request.resolver_match else ""
        if where in self._open | self.open_too | {self.page} or not self.is_owed(request.user, request.session):
            return None
        if wants_problem(request):
            return problem(403, self.code, self.why)
        return HttpResponseRedirect(resolve_url(self.page))


class RenewPasswordMiddleware(_OwedFirst):
    """A password that somebody else chose, or that was too old at login, is renewed before anything else (Q1, Q6).

    One that becomes too old during a session is renewed at the next login: what is being typed is not refused.
    """

    page, code, why = "accounts:password", "QUANG-1010", "the password must be changed first"

    def is_owed(self, user: User, session: SessionBase) -> bool:
        return must_renew_password(user, logged_in_at(session))


class SecondFactorMiddleware(_OwedFirst):
    """Whose role must have a second factor pairs an app before anything else (Q6)."""

    page, code, why = "accounts:second_factor", "QUANG-1011", "a second factor must be set up first"
    open_too = frozenset({"accounts:password", "accounts:add_security_key", "login:code"})

    def is_owed(self, user: User, session: SessionBase) -> bool:
        return needs_second_factor(user) and not has_given_second_factor(session)
