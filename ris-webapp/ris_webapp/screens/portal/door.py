"""The door: code of the slip and birth date, then the code that was sent where one is asked for; and out again."""

from __future__ import annotations

from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.portal.entering import Knock, enter, give_code, leave, visit_with, waits_for_code
from ris_core.portal.errors import PortalInvalid, PortalRefused, PortalTriedTooOften
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.patients.forms import typed_date
from ris_webapp.screens.portal.visiting import COOKIE, PATH, keep_key, key_of, portal_page
from ris_webapp.screens.viewer_launch.grants import withdraw_all
from ris_webapp.screens.viewer_launch.pages import outsider_headers


@public
@require_GET
def door(request: HttpRequest) -> HttpResponse:
    """The form. The QR code of a slip has the code behind ``#``, which browsers send to nobody; the page's script takes
    it from there."""
    told = _("Phiên xem đã kết thúc. Hãy nhập lại mã trên phiếu.") if "over" in request.GET else ""
    return _door(request, told=told)


@public
@sensitive_post_parameters()
@require_POST
def enter_with_slip(request: HttpRequest) -> HttpResponse:
    """Code and birth date: in, on to the code that was sent, or the same answer whatever was wrong."""
    knock = Knock(
        code=request.POST.get("code", ""),
        birth_date=typed_date(request.POST.get("birth_date", "")[:32]),
        address=client_address(request),
        browser=request.headers.get("User-Agent", ""),
    )
    try:
        entered = enter(knock)
    except PortalInvalid:
        wrong = _(
            "Mã chưa đúng: hãy so lại từng ký tự với phiếu. Mã không có chữ O, I, L, Z, S, B, U, V, số 0, 1, 2, 5, 8."
        )
        return _door(request, wrong_code=wrong, status=422)
    except PortalTriedTooOften as error:
        return _door(request, told=_too_often(), code=error.code, status=429)
    except PortalRefused as error:
        told = _(
            "Không mở được. Mã hoặc ngày sinh không đúng, phiếu đã hết hạn hoặc đã huỷ, hoặc đã thử sai quá nhiều lần. "
            "Hãy thử lại sau 15 phút, hoặc hỏi bệnh viện."
        )
        return _door(request, told=told, code=error.code, status=403)
    response = HttpResponseRedirect(reverse("portal:results" if entered.is_open else "portal:code"))
    keep_key(response, entered)
    return outsider_headers(response)


@public
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The code that was sent to the telephone."""
    if request.method == "GET":
        if not waits_for_code(key_of(request)):
            return outsider_headers(HttpResponseRedirect(reverse("portal:door")))
        return portal_page(request, "code", {"told": ""})
    try:
        entered = give_code(key_of(request), request.POST.get("answer", "")[:16], client_address(request))
    except PortalTriedTooOften:
        return portal_page(request, "code", {"told": _too_often()}, status=429)
    except PortalRefused:
        told = _("Mã không đúng hoặc đã quá 10 phút. Hãy nhập lại, hoặc bắt đầu lại để nhận mã mới.")
        return portal_page(request, "code", {"told": told}, status=403)
    response = HttpResponseRedirect(reverse("portal:results"))
    keep_key(response, entered)
    return outsider_headers(response)


@public
@require_POST
def leave_portal(request: HttpRequest) -> HttpResponse:
    """Out: the cookie goes, the visit ends, and with it the images that were opened."""
    with suppress(PortalRefused):  # it was over already
        leave(visit_with(key_of(request)), client_address(request))
    response = HttpResponseRedirect(reverse("portal:door"))
    response.delete_cookie(COOKIE, path=PATH, samesite="Lax")
    withdraw_all(request, response)
    return outsider_headers(response)


def _door(
    request: HttpRequest, *, told: str = "", wrong_code: str = "", code: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "told": told,
        "wrong_code": wrong_code,
        "error_code": code,
        "typed": request.POST.get("code", "")[:32] if wrong_code else "",
        "enabled": settings.QUANG.portal.enabled,
    }
    return portal_page(request, "door", context, status=status)


def _too_often() -> str:
    return _("Có quá nhiều lần nhập sai từ mạng này. Hãy đợi 15 phút rồi thử lại.")
