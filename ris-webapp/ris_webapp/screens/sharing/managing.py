"""What has been shared: list, one share with who has opened it, prolong, limit, another link, revoke."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.contrib import messages
from django.db.models import F, Q, QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import NotFound, NotPermitted
from ris_core.names import folded
from ris_core.orders.models import RequestedProcedure
from ris_core.outbox.entries import OutboxState
from ris_core.sharing.copies import copies_of
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.lineage import mark_of, root_of, tree_of
from ris_core.sharing.models import CopiedImage, CopyingState, Share, SharedExam, ShareMessage
from ris_core.sharing.services import let_go, renew_link, revoke_share, share_state
from ris_core.sharing.telling import SHARE_MESSAGES, link_of, send_link
from ris_core.sharing.watermark import CODE_CHARACTERS
from ris_core.sharing.withholding import may_be_asked, withheld_among, withheld_of
from ris_core.sight.seeing import seen_exams, sight_of
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.sharing.forms import WHAT_TO_DO, ExtendForm, LimitForm
from ris_webapp.screens.sharing.making import link_page
from ris_webapp.searched import note_search
from ris_webapp.thumbnails import engine_for_pictures

MOST_SHOWN = 200
MOST_OPENINGS = 100
LOOK_AGAIN_SECONDS = 3
"""While copies are made."""
PICTURE_PIXELS = 320


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_GET
def shares(request: UserRequest) -> HttpResponse:
    """One's own, or everybody's for whoever manages them; the newest first. ``?q=`` searches, ``?open=1`` narrows."""
    now = timezone.now()
    query, only_open = request.GET.get("q", "").strip()[:100], request.GET.get("open") == "1"
    found = _visible(request).filter(parent__isnull=True)
    if only_open:
        used_up = Q(views_allowed__isnull=False, views_used__gte=F("views_allowed"))
        found = found.filter(revoked_at=None, expires_at__gt=now).exclude(used_up)
    if query:
        note_search(request, "share.searched", query)
        found = found.filter(_found_by(request, query))
    rows = list(found.prefetch_related("exams__procedure__patient")[:MOST_SHOWN])
    context = {
        "query": query,
        "only_open": only_open,
        "rows": [(share, share_state(share, now).value) for share in rows],
        "unseen": _unseen(request, rows),
        "withheld": {row.pk for row, _why in withheld_among(each for share in rows for each in share.exams.all())},
        "not_delivered": _with_dead_letters(rows),
        "everybodys": may(request.user.role, Function.MANAGE_SHARES),
        "most": MOST_SHOWN,
    }
    return render(request, "sharing/shares.html", context)


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_GET
def share(request: UserRequest, share_id: int) -> HttpResponse:
    """One share, and what can be done with it."""
    response = _page(request, shared := _share_or_refuse(request, share_id))
    if _has_copies(shared) and copies_of(shared).state == CopyingState.COPYING and not shared.revoked_at:
        response["Refresh"] = str(LOOK_AGAIN_SECONDS)
    return response


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_GET
def copied_picture(request: UserRequest, share_id: int, image_id: int) -> HttpResponse:
    """A small picture of one anonymous copy, to be looked at before it is given away."""
    shared = _changeable_or_refuse(request, share_id)
    image = CopiedImage.objects.filter(pk=image_id, copied_study__copying__share=shared, orthanc_id__gt="").first()
    if image is None:
        raise NotFound("there is no such copy", field="copy")
    with engine_for_pictures() as engine:
        picture = engine.rendered(image.orthanc_id, PICTURE_PIXELS)
    return HttpResponse(picture, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def extend(request: UserRequest, share_id: int) -> HttpResponse:
    """Another last day."""
    return _change(request, share_id, ExtendForm(request.POST), _("Đã đổi thời hạn."))


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def limit(request: UserRequest, share_id: int) -> HttpResponse:
    """Change what the receiver may do."""
    return _change(request, share_id, LimitForm(request.POST), _("Đã lưu."))


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def link(request: UserRequest, share_id: int) -> HttpResponse:
    """Another link, shown this once and sent where wanted; the former one works no more."""
    shared = _changeable_or_refuse(request, share_id)
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
def let_exam_go(request: UserRequest, share_id: int, exam_id: int) -> HttpResponse:
    """Show an exam again whose patient has become confidential since it was shared."""
    let_go(_changeable_or_refuse(request, share_id).pk, exam_id, actor_of(request))
    messages.success(request, _("Người nhận lại xem được ca này."))
    return HttpResponseRedirect(reverse("sharing:share", args=[share_id]))


@requires(Function.SHARE_EXAM, Function.MANAGE_SHARES)
@require_POST
def send_again(request: UserRequest, share_id: int, letter_id: int) -> HttpResponse:
    """Try once more to send a letter that could not be delivered."""
    shared = _changeable_or_refuse(request, share_id)
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
    rows = Share.objects.select_related("created_by", "revoked_by", "parent").order_by("-created_at", "-pk")
    if not may(request.user.role, Function.MANAGE_SHARES):
        return rows.filter(created_by=request.user)
    sight = sight_of(request.user)
    if sight.is_whole:
        return rows
    hidden = SharedExam.objects.exclude(
        procedure__in=seen_exams(RequestedProcedure.objects.all(), request.user, sight).values("pk")
    )
    return rows.filter(Q(created_by=request.user) | ~Q(pk__in=hidden.values("share_id")))


def _found_by(request: UserRequest, query: str) -> Q:
    """By whom it is for, by the code in a watermark (also of one that it was passed on as), and by the patient or
    number of an exam that the user sees."""
    words = Q()
    for word in folded(query).split():
        words &= Q(patient__search_key__contains=word)
    exams = RequestedProcedure.objects.filter(words | Q(request__accession_number=query))
    named = SharedExam.objects.filter(procedure__in=seen_exams(exams, request.user).values("pk"))
    coded = Share.objects.filter(handle__startswith=query.lower()) if len(query) >= CODE_CHARACTERS else ()
    return (
        Q(receiver__icontains=query)
        | Q(pk__in=named.values("share_id"))
        | Q(pk__in=[root_of(share).pk for share in coded])
    )


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


def _unseen(request: UserRequest, shares: Iterable[Share]) -> frozenset[int]:
    """Exams of these shares that the user does not see (any more)."""
    seen = seen_exams(RequestedProcedure.objects.all(), request.user).values("pk")
    hidden = SharedExam.objects.filter(share__in=shares).exclude(procedure__in=seen)
    return frozenset(hidden.values_list("procedure_id", flat=True))


def _changeable_or_refuse(request: UserRequest, share_id: int) -> Share:
    """Of exams that have been hidden from who shared them the share can be revoked, and nothing else.

    :raises NotFound: as :func:`_share_or_refuse`
    :raises NotPermitted: so it is
    """
    found = _share_or_refuse(request, share_id)
    if _unseen(request, [found]):
        raise NotPermitted("of exams that one does not see a share can only be revoked")
    return found


def _change(request: UserRequest, share_id: int, form: ExtendForm | LimitForm, said: str) -> HttpResponse:
    shared = _changeable_or_refuse(request, share_id)
    try:
        if not form.is_valid():
            raise ShareInvalid("not a day or number", field=next(iter(form.errors)))
        form.change(shared.pk, actor_of(request))
    except ShareInvalid as error:
        return _page(request, shared, wrong=error.field)
    messages.success(request, said)
    return _back(shared)


def _page(request: UserRequest, shared: Share, wrong: str = "") -> HttpResponse:
    exams = shared.exams.select_related("procedure__patient", "procedure__request").order_by("pk")
    unseen = _unseen(request, [shared])
    context = {
        "share": shared,
        "state": share_state(shared).value,
        "exams": [each.procedure for each in exams if each.procedure_id not in unseen],
        "unseen": unseen,
        "withheld": withheld_of(shared),
        "may_be_asked": may_be_asked,
        "mark": mark_of(shared),
        "always_marked": settings.QUANG.sharing.watermark == "always",
        "copies": copies_of(shared) if _has_copies(shared) else None,
        "tree": [(each, share_state(each).value, rank) for each, rank in tree_of(shared)],
        "openings": shared.openings.order_by("-opened_at", "-pk")[:MOST_OPENINGS],
        "letters": shared.messages.order_by("-queued_at", "-pk"),
        "last_day": timezone.localdate(shared.expires_at).isoformat(),
        "wrong": wrong,
        "advice": WHAT_TO_DO.get(wrong, ""),
    }
    return render(request, "sharing/share.html", context, status=422 if wrong else 200)


def _has_copies(shared: Share) -> bool:
    """What it was passed on as shows the same ones."""
    return shared.anonymous and shared.parent_id is None


def _back(shared: Share) -> HttpResponse:
    return HttpResponseRedirect(reverse("sharing:share", args=[shared.pk]))
