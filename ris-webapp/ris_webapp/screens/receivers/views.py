"""Who is told of what happens to exams, and how: every receiver in one list, webhooks too; add, change, try."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.errors import InvalidValue, NotFound
from ris_core.notifications.models import NotificationReceiver
from ris_core.notifications.receivers import change_receiver, register_receiver, try_receiver
from ris_core.notifications.rules import Event, Transport
from ris_core.notifications.transports import BY_NAME
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.outbox.reasons import failure
from ris_webapp.screens.receivers.forms import ReceiverForm

MOST_EVENTS = 20
"""Changes of a receiver that its page shows."""


@requires(Function.ADMINISTER)
@require_GET
def receivers(request: UserRequest) -> HttpResponse:
    """All of them; those in use first."""
    rows = NotificationReceiver.objects.select_related("system", "device", "webhook").prefetch_related("rules")
    return render(request, "receivers/receivers.html", {"rows": rows.order_by("-active", "name")})


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def register(request: UserRequest) -> HttpResponse:
    """Add one that is told by HL7, DICOM or e-mail."""
    form = ReceiverForm(request.POST) if request.method == "POST" else ReceiverForm()
    registration = form.registration() if form.is_bound else None
    if registration:
        try:
            register_receiver(registration, actor_of(request))
            return _saved(request, registration.name)
        except InvalidValue as error:
            form.refuse(error)
    return _form_page(request, form, None)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, receiver_id: int) -> HttpResponse:
    """Change one; one that is no longer told is switched off, never deleted."""
    found = NotificationReceiver.objects.select_related("system", "device").exclude(transport=Transport.WEBHOOK)
    receiver = found.filter(pk=receiver_id).first()
    if receiver is None:
        raise NotFound("there is no such receiver of notifications", field="receiver")
    if request.method != "POST":
        return _form_page(request, ReceiverForm.of(receiver), receiver)
    form = ReceiverForm({**request.POST.dict(), "code": receiver.code, "events": request.POST.getlist("events")})
    registration = form.registration()
    if registration:
        try:
            change_receiver(receiver_id, registration, actor_of(request))
            return _saved(request, registration.name)
        except InvalidValue as error:
            form.refuse(error)
    return _form_page(request, form, receiver)


@requires(Function.ADMINISTER)
@require_POST
def attempt(request: UserRequest, receiver_id: int) -> HttpResponse:
    """Whether it can be reached; nothing about any exam is sent."""
    problem = try_receiver(receiver_id, actor_of(request))
    if problem:
        messages.error(request, f"{failure(problem)} ({problem.partition(' ')[0]})")
    else:
        messages.success(request, _("Nơi nhận trả lời tốt."))
    return HttpResponseRedirect(reverse("receivers:receivers"))


def _saved(request: UserRequest, name: str) -> HttpResponse:
    messages.success(request, _("Đã lưu %(name)s.") % {"name": name})
    return HttpResponseRedirect(reverse("receivers:receivers"))


def _form_page(request: UserRequest, form: ReceiverForm, receiver: NotificationReceiver | None) -> HttpResponse:
    history = AuditEvent.objects.filter(subject=f"notification_receiver:{receiver.code if receiver else ''}")
    context = {
        "form": form,
        "receiver": receiver,
        "events": list(Event),
        "tellable": {way: sorted(kind.events) for way, kind in BY_NAME.items()},
        "history": history.select_related("user").order_by("-pk")[:MOST_EVENTS],
    }
    return render(request, "receivers/edit.html", context, status=422 if form.errors else 200)
