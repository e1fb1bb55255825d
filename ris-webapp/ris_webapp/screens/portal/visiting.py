"""A patient's browser: the cookie of its visit, pages that nothing keeps, and who may call what."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from ris_core.portal.entering import Entered, visit_with
from ris_core.portal.errors import PortalRefused
from ris_core.portal.models import PortalVisit
from ris_webapp.permission import public
from ris_webapp.screens.viewer_launch.pages import outsider_headers

COOKIE: Final = "quang_portal"
PATH: Final = "/portal/"
P = ParamSpec("P")


def visiting(view: Callable[Concatenate[HttpRequest, PortalVisit, P], HttpResponseBase]) -> Callable[..., Any]:
    """A page of somebody who has entered; whoever has not, or no longer, is sent to the door."""

    @public
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            visit = visit_with(key_of(request))
        except PortalRefused:
            return outsider_headers(HttpResponseRedirect(reverse("portal:door") + "?over=1"))
        return view(request, visit, *args, **kwargs)

    return guarded


def key_of(request: HttpRequest) -> str:
    return request.COOKIES.get(COOKIE, "")[:64]


def keep_key(response: HttpResponse, entered: Entered) -> None:
    """The browser keeps it until it is closed; how long it opens anything is the visit's."""
    response.set_cookie(
        COOKIE, entered.key, path=PATH, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


def portal_page(
    request: HttpRequest, template: str, context: dict[str, Any], *, visit: PortalVisit | None = None, status: int = 200
) -> HttpResponse:
    """A page of the portal; ``visit`` gives it the patient's name and the way out."""
    shown = {"visit": visit, "patients_share": settings.QUANG.portal.patients_share}
    shown["shows_viewers"] = settings.QUANG.portal.shows_viewers
    response = outsider_headers(render(request, f"portal/{template}.html", {**shown, **context}, status=status))
    response["Referrer-Policy"] = "same-origin"  # without any, browsers say "Origin: null" of its forms
    return response


def gone(request: HttpRequest, visit: PortalVisit) -> HttpResponse:
    """What the address names is not there for this patient now."""
    told = _("Kết quả này hiện không xem được. Kết quả có thể đang được đính chính, hoặc được trả trực tiếp.")
    return portal_page(request, "gone", {"told": told}, visit=visit, status=404)
