"""Notifications of what happens to exams: what did not arrive, why, and what one does about it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.notifications.models import Notification
from ris_core.notifications.rules import Transport
from ris_core.notifications.sending import NOTIFICATIONS
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.deliveries.inbox import BOX_LABELS
from ris_webapp.screens.deliveries.shown_message import shown_message
from ris_webapp.screens.notifications.inbox import Wanted, dicom_text, inbox, opened_row, selected

MOST_AT_ONCE = 1000
"""Notifications that one press replays or dismisses; each is a transaction of its own."""


@requires(Function.MANAGE_DELIVERIES)
@require_GET
def notifications(request: UserRequest) -> HttpResponse:
    """The inbox; ``?open=`` shows one notification beside it, with the message and the receiver's answer."""
    wanted = Wanted.of(request.GET.dict())
    context = {"inbox": inbox(wanted), "labels": BOX_LABELS, "opened": _opened(request, wanted.opened)}
    return render(request, "notifications/notifications.html", context)


@requires(Function.MANAGE_DELIVERIES)
@require_POST
def replay(request: UserRequest) -> HttpResponse:
    """Send again: the checked ones, or all that the address's filters show."""
    done = refused = 0
    for notification_id in _chosen(request):
        try:
            NOTIFICATIONS.replay(notification_id, actor_of(request))
            done += 1
        except (TransitionRefused, NotFound):
            refused += 1
    said = ngettext("Đang gửi lại %(count)s thông báo.", "Đang gửi lại %(count)s thông báo.", done)
    _tell(request, said, done, refused)
    return _back(request)


@requires(Function.MANAGE_DELIVERIES)
@require_POST
def dismiss(request: UserRequest) -> HttpResponse:
    """Decide that these are owed no more; a reason is asked for."""
    why = request.POST.get("reason", "").strip()
    done = refused = 0
    for notification_id in _chosen(request):
        try:
            NOTIFICATIONS.dismiss(notification_id, why, actor_of(request))
            done += 1
        except InvalidValue:
            messages.error(request, _("Cần ghi lý do bỏ qua."))
            return _back(request)
        except (TransitionRefused, NotFound):
            refused += 1
    _tell(request, ngettext("Đã bỏ qua %(count)s thông báo.", "Đã bỏ qua %(count)s thông báo.", done), done, refused)
    return _back(request)


def _chosen(request: HttpRequest) -> list[int]:
    """The keys that the form names; with ``all``, those of everything that its filters show."""
    found = selected(Wanted.of(request.POST.dict()))
    if "all" not in request.POST:
        keys = whole_numbers(request.POST.getlist("notification"))[:MOST_AT_ONCE]
        # older ones first: a newer one that went first would be refused an older one after it
        found = Notification.objects.filter(pk__in=keys).order_by("thread", "sequence", "pk")
    return list(found.values_list("pk", flat=True)[:MOST_AT_ONCE])


def _opened(request: UserRequest, notification_id: int | None) -> dict[str, object] | None:
    """The notification to show in full; reading it is written down."""
    row = opened_row(notification_id) if notification_id is not None else None
    if row is None:
        return None
    found = row.notification
    patient_id = found.procedure.patient_id if found.procedure else None
    record(actor_of(request), "notification.viewed", subject=f"notification:{found.pk}", patient_id=patient_id)
    hl7 = found.receiver.transport == Transport.HL7_STATUS
    return {
        "row": row,
        "thread": list(NOTIFICATIONS.order(found).order_by("sequence")),
        "message": shown_message(bytes(found.message)) if hl7 else None,
        "answer": shown_message(bytes(found.last_acknowledgement)) if hl7 else None,
        "dicom": dicom_text(found),
        "dicom_answer": "" if hl7 else bytes(found.last_acknowledgement).decode(errors="replace"),
    }


def _tell(request: HttpRequest, said: str, done: int, refused: int) -> None:
    if done:
        messages.success(request, said % {"count": done})
    if refused:
        kept = ngettext(
            "%(count)s thông báo giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có thông báo mới hơn.",
            "%(count)s thông báo giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có thông báo mới hơn.",
            refused,
        )
        messages.warning(request, kept % {"count": refused})


def _back(request: HttpRequest) -> HttpResponse:
    wanted = Wanted.of(request.POST.dict())
    return HttpResponseRedirect(reverse("notifications:notifications") + wanted.address())
