"""Who may call a view: every view says so by one of the three decorators here, and one that says nothing is refused.

:class:`ris_webapp.middleware.DenyByDefaultMiddleware` refuses views without a mark, so that forgetting one closes a
page instead of opening it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import NotPermitted
from ris_core.second_factors.rules import admin_is_open
from ris_webapp.client import client_address
from ris_webapp.feed import note_position
from ris_webapp.sessions import has_given_second_factor
from ris_webapp.sight import refuse_out_of_sight

P = ParamSpec("P")
View = Callable[P, HttpResponseBase]


ADMINISTRATION = frozenset(
    {Function.ADMINISTER, Function.MANAGE_ACCOUNTS, Function.VIEW_AUDIT, Function.ANSWER_DATA_REQUESTS}
)
"""Pages that need one of these, and no other, are screens of administration."""


class AdministrationClosed(NotPermitted):
    """Screens of administration open only from listed networks, or after a login with a second factor."""

    code = "QUANG-1406"


class UserRequest(HttpRequest):
    """A request of somebody who has logged in: what a view behind :func:`requires` is given."""

    user: User


class MarkedView(Protocol):
    """A view with its mark: ``None`` for anybody, else the functions of which the user must have one."""

    quang_functions: frozenset[Function] | None

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase: ...


def public(view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """Mark a view that anybody may call; it decides by itself (login, health, signed links)."""
    cast(MarkedView, view).quang_functions = None
    return view


def requires(*functions: Function) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Let in only users whose role has at least one of ``functions``; with none given, anyone who has logged in.

    Who has not logged in is sent to the login page and comes back afterwards; scripts get 401.

    :raises NotPermitted: (from the view) when the role has none of the functions
    :raises OutOfSight: (from the view) when what it shows is hidden from the user (:mod:`ris_webapp.sight`)
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User):
                return _ask_to_log_in(request)
            if functions and not any(may(user.role, function) for function in functions):
                raise NotPermitted("this role may not open the page", field=functions[0])
            if functions and ADMINISTRATION.issuperset(functions):
                _refuse_where_administration_is_closed(request)
            match = request.resolver_match
            note_position(request)
            refuse_out_of_sight(user, match.view_name if match else "", kwargs)
            return view(request, *args, **kwargs)

        cast(MarkedView, guarded).quang_functions = frozenset(functions)
        return guarded

    return decorate


def _refuse_where_administration_is_closed(request: HttpRequest) -> None:
    """:raises AdministrationClosed: neither the network nor a second factor opens it (Q6)"""
    access = settings.QUANG.access
    if not admin_is_open(
        client_address(request),
        access.admin_networks,
        second_factor_counts=access.admin_second_factor,
        has_second_factor=has_given_second_factor(request.session),
    ):
        raise AdministrationClosed("administration opens from its networks or with a second factor only")


def _ask_to_log_in(request: HttpRequest) -> HttpResponseBase:
    from ris_webapp.errors import problem, wants_problem

    if wants_problem(request):
        response: HttpResponse = problem(401, "QUANG-1013", "")
        response["HX-Redirect"] = "/login/"
        return response
    return redirect_to_login(request.get_full_path(), "/login/")
