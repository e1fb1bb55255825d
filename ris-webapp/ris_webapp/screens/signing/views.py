"""Signing: many reports in one go, what becomes of them, and what has failed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import NotFound, QuangError
from ris_core.signatures.credentials import preferred_credential
from ris_core.signatures.services import ask_for_many, cancel_batch, pause_batch, resume_batch, withdraw
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.signing.board import BOXES, MOST_ROWS, board_of
from ris_webapp.screens.signing.words import BOX_LABELS, sentence_of

_STEPS = {"pause": pause_batch, "resume": resume_batch, "cancel": cancel_batch}


@requires(Function.SIGN_REPORT)
@require_GET
def page(request: UserRequest) -> HttpResponse:
    """One's own reports by what became of their signature."""
    box = request.GET.get("box", BOXES[0])
    board = board_of(request.user.pk, box if box in BOXES else BOXES[0])
    context = {"board": board, "labels": BOX_LABELS, "most": MOST_ROWS, "problem_sentence": sentence_of}
    return render(request, "signing/signing.html", context)


@requires(Function.SIGN_REPORT)
@require_POST
def sign(request: UserRequest) -> HttpResponse:
    """Have the chosen reports signed as one batch."""
    credential = preferred_credential(request.user.pk)
    try:
        if credential is None:
            raise NotFound("no key")
        asked = ask_for_many(whole_numbers(request.POST.getlist("version")), credential.pk, actor_of(request))
    except NotFound:
        messages.error(request, _("Bạn chưa có khoá ký: hãy thêm khoá trước."))
        return HttpResponseRedirect(reverse("signing:keys"))
    except QuangError as error:
        messages.error(request, sentence_of(error.code))
        return _back(request)
    count = asked.signatures
    messages.success(
        request,
        ngettext("Đang ký %(count)s kết quả.", "Đang ký %(count)s kết quả.", count) % {"count": count},
    )
    if asked.left_out:
        count = asked.left_out
        text = ngettext(
            "%(count)s kết quả không ký nữa: đã ký, hoặc không còn hiệu lực.",
            "%(count)s kết quả không ký nữa: đã ký, hoặc không còn hiệu lực.",
            count,
        )
        messages.warning(request, text % {"count": count})
    return _back(request)


@requires(Function.SIGN_REPORT)
@require_POST
def step_batch(request: UserRequest, batch_id: int, step: str) -> HttpResponse:
    """Pause, go on with, or cancel a batch of one's own."""
    if step not in _STEPS:
        raise NotFound("no such step")
    try:
        _STEPS[step](batch_id, actor_of(request))
    except QuangError as error:
        messages.error(request, sentence_of(error.code))
    return _back(request)


@requires(Function.SIGN_REPORT, Function.ADMINISTER)
@require_POST
def withdraw_signature(request: UserRequest, signature_id: int) -> HttpResponse:
    """Declare a signature void; a reason is asked for."""
    administers = may(request.user.role, Function.ADMINISTER)
    try:
        withdraw(signature_id, request.POST.get("reason", ""), actor_of(request), administers=administers)
        messages.success(request, _("Đã huỷ chữ ký; báo cáo có thể ký lại."))
    except QuangError as error:
        messages.error(request, sentence_of(error.code))
    return _back(request)


def _back(request: UserRequest) -> HttpResponse:
    box = request.POST.get("box", "")
    return HttpResponseRedirect(reverse("signing:signing") + (f"?box={box}" if box in BOXES else ""))
