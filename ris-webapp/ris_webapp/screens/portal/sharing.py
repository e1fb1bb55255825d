"""What a patient shows to others: consent, a link, what was shared and opened, its end."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.errors import TransitionRefused
from ris_core.portal.consent import CURRENT, text_in
from ris_core.portal.entering import visitor
from ris_core.portal.errors import PortalInvalid
from ris_core.portal.models import PortalVisit
from ris_core.portal.secrets import handle_in
from ris_core.portal.shares import consent_of, own_shares, revoke_own, share_own, withdraw_consent
from ris_core.print_layouts.codes import qr_code
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.lineage import tree_of
from ris_core.sharing.services import share_state
from ris_core.sharing.telling import link_of
from ris_webapp.client import client_address
from ris_webapp.numbers import whole_number
from ris_webapp.screens.portal.results import shown_results
from ris_webapp.screens.portal.visiting import gone, portal_page, visiting
from ris_webapp.words import Text

MOST_SHOWN = 50
WHAT_TO_DO: dict[str, Text] = {
    "consent": _("Hãy đọc và đánh dấu đồng ý."),
    "exams": _("Hãy chọn ít nhất một kết quả đang mở, nhiều nhất 16."),
    "receiver": _("Hãy ghi chia sẻ cho ai."),
    "days": _("Hãy chọn số ngày."),
    "sharing": _("Bệnh viện không mở việc chia sẻ."),
}


@require_http_methods(["GET", "POST"])
@visiting
def shares(request: HttpRequest, visit: PortalVisit) -> HttpResponse:
    """What was shared, and the form for more; once it is right, the link, this once."""
    if not settings.QUANG.portal.patients_share:
        return gone(request, visit)
    if request.method == "GET":
        return _page(request, visit)
    chosen = set(request.POST.getlist("exam"))
    actor = visitor(visit, client_address(request))
    try:
        share, secret = share_own(
            visit,
            [shown.result.exam.pk for shown in shown_results(visit) if shown.handle in chosen],
            request.POST.get("receiver", "").strip()[:128],
            whole_number(request.POST.get("days", "")) or 0,
            actor,
            agreed_to=request.POST.get("agreed", ""),
            language="en" if get_language() == "en" else "vi",
            may_pass_on="may_pass_on" in request.POST,
        )
    except (PortalInvalid, ShareInvalid) as error:
        return _page(request, visit, wrong=str(error.field or "exams"))
    link = link_of(secret)
    drawn = mark_safe(qr_code(link, border=2))  # noqa: S308 - ours
    return portal_page(request, "link", {"share": share, "link": link, "drawn": drawn}, visit=visit)


@require_POST
@visiting
def revoke(request: HttpRequest, visit: PortalVisit, handle: str) -> HttpResponse:
    """Shut one share for good."""
    found = next((share for share in own_shares(visit) if handle_in(visit, "share", share.pk) == handle), None)
    if found is None:
        return gone(request, visit)
    with suppress(TransitionRefused):  # it was shut already, as wanted
        revoke_own(visit, found.pk, visitor(visit, client_address(request)))
    return HttpResponseRedirect(reverse("portal:shares"))


@require_POST
@visiting
def withdraw(request: HttpRequest, visit: PortalVisit) -> HttpResponse:
    """Take the consent back: everything that was shared shuts."""
    withdraw_consent(visit, visitor(visit, client_address(request)))
    return HttpResponseRedirect(reverse("portal:shares"))


def _page(request: HttpRequest, visit: PortalVisit, wrong: str = "") -> HttpResponse:
    rows: list[dict[str, Any]] = [
        {
            "share": share,
            "state": share_state(share).value,
            "handle": handle_in(visit, "share", share.pk),
            "exams": [each.procedure.service_name for each in share.exams.select_related("procedure")],
            "openings": list(share.openings.order_by("-opened_at")[:5]),
            "tree": [(each, share_state(each).value, rank) for each, rank in tree_of(share)],
        }
        for share in own_shares(visit)[:MOST_SHOWN]
    ]
    context = {
        "rows": rows,
        "ready": [shown for shown in shown_results(visit) if shown.result.is_ready],
        "chosen": set(request.POST.getlist("exam")),
        "entered": request.POST,
        "days": [day for day in (1, 3, 7, 14, 30) if day <= settings.QUANG.portal.share_days] or [1],
        "consent": consent_of(visit),
        "consent_text": text_in(get_language() or "vi"),
        "consent_version": CURRENT,
        "wrong": wrong,
        "advice": WHAT_TO_DO.get(wrong, _("Giá trị không hợp lệ")) if wrong else "",
    }
    return portal_page(request, "shares", context, visit=visit, status=422 if wrong else 200)
