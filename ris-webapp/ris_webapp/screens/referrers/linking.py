"""Which doctor an account is: numbers that orders name, linked and taken back by an administrator (F4)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.models import User
from ris_core.accounts.roles import sees_own_only
from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotFound
from ris_core.referrers import services
from ris_core.referrers.models import PractitionerLink
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

FORMER_SHOWN = 20


@requires(Function.MANAGE_ACCOUNTS)
@require_http_methods(["GET", "POST"])
def practitioner(request: UserRequest, user_id: int) -> HttpResponse:
    """The numbers of one account; a new one is linked once it is said who gave it."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFound("there is no such account", field="user")
    identifier, issuer = (request.POST.get(name, "").strip() for name in ("identifier", "issuer"))
    known, wrong = services.known_as(identifier) if identifier else [], {}
    if request.method == "POST":
        if not issuer and len(known) == 1:
            issuer = known[0][0]
        try:
            services.link_practitioner(user_id, identifier, issuer, actor_of(request))
        except InvalidValue as error:
            told = {
                "identifier": _("Hãy ghi mã bác sĩ chưa tài khoản nào dùng, nhiều nhất 64 chữ."),
                "issuer": _("Hãy ghi nơi cấp mã, như chỉ định ghi."),
            }
            wrong = {error.field: told.get(error.field, error.detail)}
        else:
            count = dict(known).get(issuer, 0)
            messages.success(request, _("Đã nối. Hiện có %(count)d phiếu ghi mã này.") % {"count": count})
            return HttpResponseRedirect(resolve_url("referrers:practitioner", user_id))
    former = PractitionerLink.objects.filter(user=user, ended_at__isnull=False).order_by("-ended_at")
    context = {
        "account": user,
        "is_limited_by_it": sees_own_only(user.role),
        "links": services.links_of(user_id),
        "former": former.select_related("linked_by", "ended_by")[:FORMER_SHOWN],
        "identifier": identifier,
        "issuer": issuer,
        "known": known,
        "wrong": wrong,
    }
    return render(request, "referrers/practitioner.html", context, status=422 if wrong else 200)


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def end(request: UserRequest, practitioner_link_id: int) -> HttpResponse:
    """The account is no longer this doctor."""
    ended = services.unlink_practitioner(practitioner_link_id, actor_of(request))
    messages.success(request, _("Đã gỡ mã bác sĩ. Tài khoản không còn thấy các ca ấy, mọi phiên đã kết thúc."))
    return HttpResponseRedirect(resolve_url("referrers:practitioner", ended.user_id))
