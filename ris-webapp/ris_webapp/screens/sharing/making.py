"""Make a share: which exams, for whom, how long, under which lock."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ris_core.accounts.rules import Function
from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.codes import qr_code
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.models import Share
from ris_core.sharing.services import make_share
from ris_core.sharing.telling import link_of, send_link
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.sharing.choosing import chosen_exams, exams_numbered, others_of
from ris_webapp.screens.sharing.forms import ShareForm, refuse


@sensitive_post_parameters("password")
@requires(Function.SHARE_EXAM)
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """The form; once it is right, the link, this once. ``?exam=`` names exams; ``add`` looks one up by its number."""
    entered = request.POST if request.method == "POST" else request.GET
    exams = chosen_exams(whole_numbers(entered.getlist("exam")), request.user)
    added = entered.get("add", "").strip()
    if request.method == "GET" or "look_up" in request.POST:
        found = exams_numbered(added, request.user)
        exams += [exam for exam in found if exam not in exams]
        form = ShareForm(initial={**_usual(), **request.POST.dict()})
        return _form(request, form, exams, not_found=added if added and not found else "")
    form = ShareForm(request.POST)
    terms = form.terms([exam.pk for exam in exams])
    if terms is not None:
        try:
            with transaction.atomic():
                share, secret = make_share(terms, actor_of(request))
                send_to = form.cleaned_data["send_to"].strip()
                if send_to and not share.anonymous:
                    send_link(share, send_to, link_of(secret), actor_of(request))
        except ShareInvalid as error:
            refuse(form, error)
        else:
            if share.anonymous:  # its link is made when whoever shares has looked at the copies
                return redirect("sharing:share", share.pk)
            return link_page(request, share, secret, send_to)
    return _form(request, form, exams)


def link_page(request: UserRequest, share: Share, secret: str, sent_to: str = "") -> HttpResponse:
    """The link and its QR code: shown in this answer only."""
    link = link_of(secret)
    context = {"share": share, "link": link, "code": mark_safe(qr_code(link, border=2)), "sent_to": sent_to}  # noqa: S308 - ours
    return render(request, "sharing/link.html", context)


def _form(request: UserRequest, form: ShareForm, exams: list[RequestedProcedure], not_found: str = "") -> HttpResponse:
    context = {
        "form": form,
        "exams": exams,
        "others": others_of(exams, request.user) if exams else [],
        "not_found": not_found,
        "last_day": timezone.now() + timedelta(days=settings.QUANG.sharing.longest_days),
        "always_marked": settings.QUANG.sharing.watermark == "always",
        "can_mail": bool(settings.QUANG.mail.host),
        "can_text": bool(settings.QUANG.sms.url),
    }
    return render(request, "sharing/new.html", context, status=422 if form.errors else 200)


def _usual() -> dict[str, object]:
    day = timezone.localdate() + timedelta(days=settings.QUANG.sharing.usual_days)
    marked = settings.QUANG.sharing.watermark != "off"
    return {"expires_at": day.isoformat(), "with_report": True, "lock": "NONE", "watermark": marked}
