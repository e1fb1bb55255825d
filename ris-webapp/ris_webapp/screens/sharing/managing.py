"""What has been shared: list, one share with who has opened it, prolong, limit, another link, revoke."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import NotFound
from ris_core.orders.models import RequestedProcedure
from ris_core.outbox.entries import OutboxState
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.models import Share, SharedExam, ShareMessage
from ris_core.sharing.services import extend_share, limit_share, renew_link, revoke_share, share_state
from ris_core.sharing.telling import SHARE_MESSAGES, link_of, send_link
from ris_core.sight.seeing import seen_exams, sight_of
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.sharing.forms import WHAT_TO_DO, ExtendForm, LimitForm, end_of
from ris_webapp.screens.sharing.making import link_page

MOST_SHOWN = 200
MOST_OPENINGS = 100


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_GET
def shares(request: UserRequest) -> HttpResponse:
    """One's own, or everybody's for whoever manages them; the newest first."""
    rows = list(_visible(request).prefetch_related("exams__procedure__patient")[:MOST_SHOWN])
    now = timezone.now()
    context = {
        "rows": [(share, share_state(share, now).value) for share in rows],
        "not_delivered": _with_dead_letters(rows),
        "everybodys": may(request.user.role, Function.MANAGE_SHARES),
        "most": MOST_SHOWN,
    }
    return render(request, "sharing/shares.html", context)


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_GET
def share(request: UserRequest, share_id: int) -> HttpResponse:
    """One share, and what can be done with it."""
    return _page(request, _share_or_refuse(request, share_id))


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def extend(request: UserRequest, share_id: int) -> HttpResponse:
    """Another last day."""
    shared = _share_or_refuse(request, share_id)
    form = ExtendForm(request.POST)
    try:
        if not form.is_valid():
            raise ShareInvalid("no day", field="expires_at")
        extend_share(shared.pk, end_of(form.cleaned_data["expires_at"]), actor_of(request))
    except ShareInvalid as error:
        return _page(request, shared, wrong=error.field)
    messages.success(request, _("Đã đổi thời hạn."))
    return _back(shared)


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def limit(request: UserRequest, share_id: int) -> HttpResponse:
    """Change what the receiver may do."""
    shared = _share_or_refuse(request, share_id)
    form = LimitForm(request.POST)
    try:
        if not form.is_valid():
            raise ShareInvalid("not a number", field=next(iter(form.errors)))
        limit_share(shared.pk, form.limits(), actor_of(request))
    except ShareInvalid as error:
        return _page(request, shared, wrong=error.field)
    messages.success(request, _("Đã lưu."))
    return _back(shared)


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def link(request: UserRequest, share_id: int) -> HttpResponse:
    """Another link, shown this once and sent where wanted; the former one works no more."""
    shared = _share_or_refuse(request, share_id)
    shared, secret = renew_link(shared.pk, actor_of(request))
    send_to = request.POST.get("send_to", "").strip()
    if send_to:
        try:
            send_link(shared, send_to, link_of(secret), actor_of(request))
        except ShareInvalid as error:
            messages.error(request, str(WHAT_TO_DO[error.field]))
            send_to = ""
    return link_page(request, shared, secret, send_to)


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def send_again(request: UserRequest, share_id: int, letter_id: int) -> HttpResponse:
    """Try once more to send a letter that could not be delivered."""
    shared = _share_or_refuse(request, share_id)
    if not shared.messages.filter(pk=letter_id, state=OutboxState.DEAD).exists():
        raise NotFound("there is no letter to send again", field="letter")
    SHARE_MESSAGES.replay(letter_id, actor_of(request))
    messages.success(request, _("Đang gửi lại."))
    return _back(shared)


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def revoke(request: UserRequest, share_id: int) -> HttpResponse:
    """Shut it for good."""
    shared = revoke_share(_share_or_refuse(request, share_id).pk, actor_of(request))
    messages.success(
        request, _("Đã thu hồi chia sẻ cho %(name)s. Ảnh đang mở sẽ đóng trong vài giây.") % {"name": shared.receiver}
    )
    return _back(shared)


def _visible(request: UserRequest) -> QuerySet[Share]:
    """One's own, so that they can be revoked whatever is hidden since; others' only when all their exams are seen."""
    rows = Share.objects.select_related("created_by", "revoked_by").order_by("-created_at", "-pk")
    if not may(request.user.role, Function.MANAGE_SHARES):
        return rows.filter(created_by=request.user)
    sight = sight_of(request.user)
    if sight.is_whole:
        return rows
    hidden = SharedExam.objects.exclude(
        procedure__in=seen_exams(RequestedProcedure.objects.all(), request.user, sight).values("pk")
    )
    return rows.filter(Q(created_by=request.user) | ~Q(pk__in=hidden.values("share_id")))


def _with_dead_letters(rows: list[Share]) -> frozenset[int]:
    """Those of which a link or code could not be delivered."""
    dead = ShareMessage.objects.filter(share__in=rows, state=OutboxState.DEAD)
    return frozenset(dead.values_list("share_id", flat=True))


def _share_or_refuse(request: UserRequest, share_id: int) -> Share:
    """:raises NotFound: there is none, or it is somebody else's"""
    found = _visible(request).filter(pk=share_id).first()
    if found is None:
        raise NotFound("there is no such share", field="share")
    return found


def _page(request: UserRequest, shared: Share, wrong: str = "") -> HttpResponse:
    exams = shared.exams.select_related("procedure__patient", "procedure__request").order_by("pk")
    context = {
        "share": shared,
        "state": share_state(shared).value,
        "exams": [each.procedure for each in exams],
        "openings": shared.openings.order_by("-opened_at", "-pk")[:MOST_OPENINGS],
        "letters": shared.messages.order_by("-queued_at", "-pk"),
        "last_day": timezone.localdate(shared.expires_at).isoformat(),
        "wrong": wrong,
        "advice": WHAT_TO_DO.get(wrong, ""),
    }
    return render(request, "sharing/share.html", context, status=422 if wrong else 200)


def _back(shared: Share) -> HttpResponse:
    return HttpResponseRedirect(reverse("sharing:share", args=[shared.pk]))
