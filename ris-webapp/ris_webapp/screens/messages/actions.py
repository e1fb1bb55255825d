"""What one does about messages that had no effect: replay, correct, confirm, dismiss. Each is a transaction alone."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.messages import replaying
from ris_core.messages.models import InboundMessage, MessageState
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.messages.inbox import Wanted, selected
from ris_webapp.screens.messages.views import opened_message, shown

MOST_AT_ONCE = 500
"""Messages that one press replays or dismisses."""
LONGEST_CORRECTION = 1_000_000
"""Characters."""


@requires(Function.MANAGE_MESSAGES)
@require_POST
def replay(request: UserRequest) -> HttpResponse:
    """Apply again as they came: the checked ones, or all that the address's filters show."""
    applied, refused = 0, 0
    for message_id in _chosen(request):
        try:
            attempt = replaying.replay(message_id, actor_of(request))
        except (TransitionRefused, InvalidValue, NotFound):
            refused += 1
        else:
            applied += attempt.state == MessageState.APPLIED
            refused += attempt.state != MessageState.APPLIED
    if applied:
        messages.success(
            request,
            ngettext("Đã thực hiện %(count)s bản tin.", "Đã thực hiện %(count)s bản tin.", applied)
            % {"count": applied},
        )
    if refused:
        messages.warning(
            request,
            ngettext(
                "%(count)s bản tin vẫn chưa thực hiện được; xem lý do ở từng bản tin.",
                "%(count)s bản tin vẫn chưa thực hiện được; xem lý do ở từng bản tin.",
                refused,
            )
            % {"count": refused},
        )
    return _back(request)


@requires(Function.MANAGE_MESSAGES)
@require_POST
def dismiss(request: UserRequest) -> HttpResponse:
    """Decide that these messages shall have no effect; a reason is asked for."""
    why = request.POST.get("reason", "")
    done = 0
    for message_id in _chosen(request):
        try:
            replaying.dismiss(message_id, actor_of(request), why)
            done += 1
        except InvalidValue:
            messages.error(request, _("Cần ghi lý do bỏ qua."))
            return _back(request)
        except (TransitionRefused, NotFound):
            continue
    if done:
        messages.success(
            request, ngettext("Đã bỏ qua %(count)s bản tin.", "Đã bỏ qua %(count)s bản tin.", done) % {"count": done}
        )
    return _back(request)


@requires(Function.MANAGE_MESSAGES)
@require_POST
def correct(request: UserRequest, message_id: int) -> HttpResponse:
    """Apply a message as the person has corrected it; what was typed stays on the page when that fails."""
    text = request.POST.get("raw", "")[:LONGEST_CORRECTION]
    original = InboundMessage.objects.filter(pk=message_id).first()
    if original is None:
        raise NotFound("there is no such message", field="message")
    try:
        attempt = replaying.replay(message_id, actor_of(request), raw=replaying.corrected(original, text))
    except InvalidValue as error:
        problem = error.detail
    else:
        if attempt.state == MessageState.APPLIED:
            messages.success(request, _("Đã thực hiện bản tin đã sửa."))
            return _back(request)
        problem = attempt.error_detail
    wanted = Wanted.of({**request.POST.dict(), "open": str(message_id)})
    return shown(request, wanted, opened_message(request, message_id, text, problem), status=422)


@requires(Function.MANAGE_MESSAGES)
@require_POST
def confirm(request: UserRequest, message_id: int) -> HttpResponse:
    """Apply a held message: the person has made sure that the patient is the same."""
    attempt = replaying.replay(message_id, actor_of(request), identity_confirmed=True)
    if attempt.state == MessageState.APPLIED:
        messages.success(request, _("Đã thực hiện bản tin, người bệnh đã được xác nhận."))
    else:
        messages.warning(request, attempt.error_detail)
    return _back(request)


@requires(Function.MANAGE_MESSAGES)
@require_POST
def take_back(request: UserRequest, message_id: int) -> HttpResponse:
    """A dismissed message waits again."""
    replaying.take_back_dismissal(message_id, actor_of(request))
    messages.success(request, _("Bản tin chờ xử lý trở lại."))
    return _back(request)


def _chosen(request: HttpRequest) -> Iterable[int]:
    """The keys that the form names; with ``all``, those of everything that its filters show; the oldest first."""
    if "all" in request.POST:
        wanted = Wanted.of(request.POST.dict())
        return list(selected(wanted).values_list("pk", flat=True)[:MOST_AT_ONCE])
    return sorted(whole_numbers(request.POST.getlist("message")))[:MOST_AT_ONCE]


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("messages:messages") + Wanted.of(request.POST.dict()).address())
