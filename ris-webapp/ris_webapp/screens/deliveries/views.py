"""Deliveries of results: what did not arrive, why, and what one does about it."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.delivery.models import Delivery
from ris_core.delivery.sending import RESULTS
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.deliveries.inbox import BOX_LABELS, Wanted, inbox, rows_of, selected
from ris_webapp.screens.deliveries.shown_message import shown_message

MOST_AT_ONCE = 1000
"""Deliveries that one press replays or dismisses; each is a transaction of its own."""


@requires(Function.MANAGE_DELIVERIES)
@require_GET
def deliveries(request: UserRequest) -> HttpResponse:
    """The inbox; ``?open=`` shows one delivery beside it, with the message and the receiver's answer."""
    wanted = Wanted.of(request.GET.dict())
    context = {"inbox": inbox(wanted), "labels": BOX_LABELS, "opened": _opened(request, wanted.opened)}
    return render(request, "deliveries/deliveries.html", context)


@requires(Function.MANAGE_DELIVERIES)
@require_POST
def replay(request: UserRequest) -> HttpResponse:
    """Send again: the checked ones, or all that the address's filters show."""
    done, refused = 0, 0
    for delivery_id in _chosen(request):
        try:
            RESULTS.replay(delivery_id, actor_of(request))
            done += 1
        except (TransitionRefused, NotFound):
            refused += 1
    if done:
        messages.success(
            request,
            ngettext("Đang gửi lại %(count)s kết quả.", "Đang gửi lại %(count)s kết quả.", done) % {"count": done},
        )
    _tell_refused(request, refused)
    return _back(request)


@requires(Function.MANAGE_DELIVERIES)
@require_POST
def dismiss(request: UserRequest) -> HttpResponse:
    """Decide that these versions are owed no more; a reason is asked for."""
    why = request.POST.get("reason", "").strip()
    done, refused = 0, 0
    for delivery_id in _chosen(request):
        try:
            RESULTS.dismiss(delivery_id, why, actor_of(request))
            done += 1
        except InvalidValue:
            messages.error(request, _("Cần ghi lý do bỏ qua."))
            return _back(request)
        except (TransitionRefused, NotFound):
            refused += 1
    if done:
        messages.success(
            request, ngettext("Đã bỏ qua %(count)s kết quả.", "Đã bỏ qua %(count)s kết quả.", done) % {"count": done}
        )
    _tell_refused(request, refused)
    return _back(request)


def _chosen(request: HttpRequest) -> Iterable[int]:
    """The keys that the form names; with ``all``, those of everything that its filters show."""
    if "all" in request.POST:
        wanted = Wanted.of(request.POST.dict())
        return list(selected(wanted).values_list("pk", flat=True)[:MOST_AT_ONCE])
    keys = whole_numbers(request.POST.getlist("delivery"))
    # older versions first: a newer one that went first would be refused an older one after it
    found = Delivery.objects.filter(pk__in=keys[:MOST_AT_ONCE]).order_by("reading_id", "sequence", "pk")
    return list(found.values_list("pk", flat=True))


def _opened(request: UserRequest, delivery_id: int | None) -> dict[str, object] | None:
    """The delivery to show in full; reading a result's message is written down."""
    if delivery_id is None:
        return None
    delivery = (
        Delivery.objects.select_related(
            "receiver", "version__approved_by", "reading__procedure__patient", "reading__procedure__request"
        )
        .filter(pk=delivery_id)
        .first()
    )
    if delivery is None:
        return None
    procedure = delivery.reading.procedure
    record(actor_of(request), "delivery.viewed", subject=f"delivery:{delivery.pk}", patient_id=procedure.patient_id)
    siblings = Delivery.objects.filter(receiver=delivery.receiver, reading=delivery.reading).order_by("sequence")
    return {
        "row": rows_of([delivery])[0],
        "versions": list(siblings.select_related("version")),
        "message": shown_message(bytes(delivery.message)),
        "answer": shown_message(bytes(delivery.last_acknowledgement)),
    }


def _tell_refused(request: HttpRequest, refused: int) -> None:
    if refused:
        messages.warning(
            request,
            ngettext(
                "%(count)s kết quả giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có bản mới hơn.",
                "%(count)s kết quả giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có bản mới hơn.",
                refused,
            )
            % {"count": refused},
        )


def _back(request: HttpRequest) -> HttpResponse:
    wanted = Wanted.of(request.POST.dict())
    return HttpResponseRedirect(reverse("deliveries:deliveries") + wanted.address())
