"""Who changes how somebody logs in has just shown that they are whom the session says (Q6).

A session that its owner walked away from opens exams until it idles; it must not become a login that stays: a security
key, an authenticator app, another account or a key of a program. Such views ask for password or second factor again
unless one was given within ``access.proof_minutes``; what was typed into the form goes on with the proof.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, cast

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone

from ris_core.accounts.models import Origin, User
from ris_core.accounts.services import MOST_WRONG, TRIED_WITHIN, TriedTooOften
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import record
from ris_core.directories.errors import DirectoryRefused, DirectoryUnavailable
from ris_core.directories.models import DirectoryIdentity
from ris_core.errors import NotPermitted, QuangError
from ris_core.second_factors import security_keys
from ris_core.second_factors.models import SecurityKey
from ris_core.second_factors.needs import has_app
from ris_core.second_factors.security_keys import State
from ris_core.second_factors.services import CodeRefused, check_code
from ris_webapp.client import actor_of
from ris_webapp.errors import words_of
from ris_webapp.permission import UserRequest
from ris_webapp.sessions import ask_challenge, is_lately_proved, note_proof, taken_challenge

View = Callable[..., HttpResponseBase]
PASSWORD, CODE, CREDENTIAL, FOR_PAGE = "proof_password", "proof_code", "credential", "proof_for_page"
_OF_PROOF: Final = frozenset({PASSWORD, CODE, CREDENTIAL, FOR_PAGE, "csrfmiddlewaretoken"})
_CHALLENGE: Final = "proof"
LONGEST_ANSWER: Final = 16 * 1024


class NotProved(NotPermitted):
    """Neither password nor second factor was given lately, or a wrong one."""

    code = "QUANG-1415"


def changes(request: HttpRequest) -> bool:
    """The usual case: what is sent changes something, what is looked at does not."""
    return request.method == "POST"


def always(request: HttpRequest) -> bool:
    """For pages that show a secret."""
    return True


def answered(request: HttpRequest, what: str) -> tuple[State, dict[str, Any]]:
    """The challenge that was asked for, which counts once, and the browser's answer to it.

    :raises CodeRefused: nothing was asked, too long ago, or this is no answer
    """
    state = taken_challenge(request.session, what)
    text = request.POST.get("credential", "")
    if state is None or len(text) > LONGEST_ANSWER:
        raise CodeRefused("no security key was asked for", field="credential")
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise CodeRefused("no answer of a security key", field="credential")
    return state, answer


def lately_proved(when: Callable[[HttpRequest], bool] = changes, *, page: str = "") -> Callable[[View], View]:
    """Ask for the proof before the view, for the requests that ``when`` names; below ``requires``.

    :param page: where whoever lacks the proof goes instead, for a request that cannot be sent a second time
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not when(request) or is_lately_proved(request.session):
                return view(request, *args, **kwargs)
            if page:
                return HttpResponseRedirect(resolve_url(page))
            known = cast(UserRequest, request)
            if request.method != "POST" or not {PASSWORD, CODE, CREDENTIAL} & set(request.POST):
                return _page(known)
            try:
                _prove(known)
            except QuangError as refusal:
                status = 429 if isinstance(refusal, TriedTooOften) else 403
                return _page(known, error=str(words_of(refusal.code).advice), status=status)
            note_proof(request.session)
            if FOR_PAGE in request.POST:
                return HttpResponseRedirect(request.get_full_path())
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def _prove(request: UserRequest) -> None:
    """:raises QuangError: what was given proves nothing; written down"""
    user, actor = request.user, actor_of(request)
    if CREDENTIAL in request.POST:
        security_keys.use(user, *answered(request, _CHALLENGE), actor)
        return
    if has_app(user) and request.POST.get(CODE):
        check_code(user, request.POST[CODE][:64], actor)
        return
    _refuse_guessing(user)
    name, directory = _name_of(user)
    given = {"username": name, "password": request.POST.get(PASSWORD, "")[:256], "directory": directory}
    try:
        known = name and auth.authenticate(request, **given)
    except (DirectoryRefused, DirectoryUnavailable) as refusal:
        record(actor, "user.proof_failed", subject=f"user:{user.pk}", success=False, code=refusal.code)
        raise
    if not isinstance(known, User) or known.pk != user.pk:
        record(actor, "user.proof_failed", subject=f"user:{user.pk}", success=False)
        raise NotProved("password or code", field=PASSWORD)


def _refuse_guessing(user: User) -> None:
    """:raises TriedTooOften: five wrong passwords were typed within 15 minutes, from wherever: whoever has somebody's
    session does not find out their password by it, past the captcha of the login. Somebody else who manages accounts
    may unlock; who has such a person's session does not unlock it for himself"""
    of_user = AuditEvent.objects.filter(subject=f"user:{user.pk}", at__gt=timezone.now() - TRIED_WITHIN)
    unlocked = of_user.filter(action="user.unlocked").exclude(user=user).order_by("-at").values_list("at", flat=True)
    wrong = of_user.filter(action="user.proof_failed", details__code__isnull=True)
    if (since := unlocked.first()) is not None:
        wrong = wrong.filter(at__gt=since)
    if wrong.count() >= MOST_WRONG:
        raise TriedTooOften("too many wrong passwords were typed", field=PASSWORD)


def _name_of(user: User) -> tuple[str, str]:
    """By which the user logs in with a password here or at a directory, and which that is: another may know somebody
    else by the same name. Empty: they have none."""
    if user.origin == Origin.LOCAL:
        return (user.username if user.has_usable_password() else ""), ""
    identity = DirectoryIdentity.objects.filter(user=user).first()
    names = {directory.name for directory in settings.QUANG.directories}
    return (identity.login_name, identity.directory) if identity and identity.directory in names else ("", "")


def _page(request: UserRequest, *, error: str = "", status: int = 403) -> HttpResponse:
    user = request.user
    sent = [(name, value) for name, values in request.POST.lists() for value in values if name not in _OF_PROOF]
    if request.method != "POST" or FOR_PAGE in request.POST:
        sent = [(FOR_PAGE, "1")]
    context: dict[str, Any] = {"sent": sent, "error": error, "app": has_app(user),
                               "password": _name_of(user)[0]}  # fmt: skip
    if SecurityKey.objects.filter(user=user).exists() and security_keys.are_possible():
        context["key_options"], state = security_keys.begin_using(user)
        ask_challenge(request.session, _CHALLENGE, state)
    return render(request, "accounts/proof.html", context, status=status)
