"""Webhooks: which programs are told of events, where, and by which secret they know that it is us."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotFound
from ris_core.notifications.models import NotificationReceiver
from ris_core.notifications.rules import Event, Transport
from ris_core.webhooks.rules import AddressRefused
from ris_core.webhooks.services import EVENTS, change_webhook, register_webhook, replace_secret
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.webhooks.forms import WebhookForm


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def register(request: UserRequest) -> HttpResponse:
    """Add one. The answer shows its secret; later it can only be replaced."""
    form = WebhookForm(request.POST) if request.method == "POST" else WebhookForm()
    registration = form.registration() if form.is_bound else None
    if registration:
        try:
            receiver, secret = register_webhook(registration, actor_of(request))
            return _secret_page(request, receiver, secret)
        except (InvalidValue, AddressRefused) as error:
            form.refuse(error)
    return _form_page(request, form, None)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, receiver_id: int) -> HttpResponse:
    """Change one; one that is no longer used is switched off, never deleted."""
    receiver = _receivers().filter(pk=receiver_id).first()
    if receiver is None:
        raise NotFound("there is no such webhook", field="webhook")
    if request.method != "POST":
        return _form_page(request, WebhookForm.of(receiver), receiver)
    form = WebhookForm({**request.POST.dict(), "code": receiver.code, "events": request.POST.getlist("events")})
    registration = form.registration()
    if registration:
        try:
            change_webhook(receiver_id, registration, actor_of(request))
            messages.success(request, _("Đã lưu %(name)s.") % {"name": registration.name})
            return HttpResponseRedirect(reverse("receivers:receivers"))
        except (InvalidValue, AddressRefused) as error:
            form.refuse(error)
    return _form_page(request, form, receiver)


@requires(Function.ADMINISTER)
@require_POST
def secret(request: UserRequest, receiver_id: int) -> HttpResponse:
    """Replace the secret; the next event is signed with the new one."""
    text = replace_secret(receiver_id, actor_of(request))
    return _secret_page(request, _receivers().get(pk=receiver_id), text)


def _receivers() -> Any:
    return NotificationReceiver.objects.filter(transport=Transport.WEBHOOK).select_related("webhook")


def _form_page(request: UserRequest, form: WebhookForm, receiver: NotificationReceiver | None) -> HttpResponse:
    context = {"form": form, "receiver": receiver, "events": [event for event in Event if event in EVENTS]}
    return render(request, "webhooks/edit.html", context, status=422 if form.errors else 200)


def _secret_page(request: UserRequest, receiver: NotificationReceiver, text: str) -> HttpResponse:
    return render(request, "webhooks/secret.html", {"receiver": receiver, "secret": text})
