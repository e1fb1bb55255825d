"""Receivers of results: who gets which results, how they are written to, how a message looks, whether it arrives."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.delivery.formats import callback_secret
from ris_core.delivery.models import Receiver
from ris_core.delivery.receivers import (
    ReceiverRegistration,
    Trial,
    change_receiver,
    preview,
    register_receiver,
    replace_callback_secret,
    send_test,
)
from ris_core.delivery.sample import STATES
from ris_core.errors import InvalidValue, NotFound, QuangError
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.deliveries.page import address_of
from ris_webapp.screens.outbox.shown_message import shown_message
from ris_webapp.screens.result_receivers.forms import ReceiverForm, rule_of


@requires(Function.ADMINISTER)
@require_GET
def receivers(request: UserRequest) -> HttpResponse:
    """All of them; those in use first."""
    rows = Receiver.objects.prefetch_related("rules").order_by("-active", "code")
    shown = [(receiver, address_of(receiver)) for receiver in rows]
    return render(request, "result_receivers/receivers.html", {"rows": shown})


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def register(request: UserRequest) -> HttpResponse:
    """Add one; ``do=preview`` shows how its messages would look."""
    if request.method != "POST":
        return _form_page(request, ReceiverForm.empty(), None)
    form = ReceiverForm(request.POST)
    registration = form.registration()
    if registration and request.POST.get("do") == "preview":
        return _form_page(request, form, None, previewed=_previewed(request, registration))
    if registration:
        try:
            receiver = register_receiver(registration, actor_of(request))
        except QuangError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Đã lưu %(name)s.") % {"name": receiver.name})
            return HttpResponseRedirect(reverse("result_receivers:change", args=[receiver.pk]))
    return _form_page(request, form, None)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, receiver_id: int) -> HttpResponse:
    """Change one; one that is no longer used is switched off, never deleted."""
    receiver = _receiver(receiver_id)
    if request.method != "POST":
        return _form_page(request, ReceiverForm.of(receiver), receiver)
    data = request.POST.copy()
    data["code"] = receiver.code
    form = ReceiverForm(data)
    registration = form.registration()
    if registration and request.POST.get("do") == "preview":
        return _form_page(request, form, receiver, previewed=_previewed(request, registration))
    if registration:
        change_receiver(receiver_id, registration, actor_of(request))
        messages.success(request, _("Đã lưu %(name)s.") % {"name": registration.name})
        return HttpResponseRedirect(reverse("result_receivers:change", args=[receiver_id]))
    return _form_page(request, form, receiver)


@requires(Function.ADMINISTER)
@require_POST
def test(request: UserRequest, receiver_id: int) -> HttpResponse:
    """Send an example of nobody, marked as a trial, and show what the receiver answered."""
    receiver = _receiver(receiver_id)
    trial = send_test(receiver_id, _state(request), actor_of(request))
    return _form_page(request, ReceiverForm.of(receiver), receiver, trial=trial)


@requires(Function.ADMINISTER)
@require_POST
def secret(request: UserRequest, receiver_id: int) -> HttpResponse:
    """Show the secret that signs callbacks, a new one when it shall be replaced."""
    receiver = _receiver(receiver_id)
    if request.POST.get("do") == "replace":
        replace_callback_secret(receiver_id, actor_of(request))
        receiver.refresh_from_db()
    text = callback_secret(receiver, settings.QUANG)
    return render(request, "result_receivers/secret.html", {"receiver": receiver, "secret": text})


def _receiver(receiver_id: int) -> Receiver:
    receiver = Receiver.objects.prefetch_related("rules").filter(pk=receiver_id).first()
    if receiver is None:
        raise NotFound("there is no such receiver", field="receiver")
    return receiver


def _state(request: UserRequest) -> str:
    state = request.POST.get("state", "F")
    return state if state in STATES else "F"


def _previewed(request: UserRequest, registration: ReceiverRegistration) -> bytes | InvalidValue:
    try:
        return preview(registration, _state(request))
    except InvalidValue as error:
        return error


def _form_page(
    request: UserRequest,
    form: ReceiverForm,
    receiver: Receiver | None,
    *,
    previewed: bytes | InvalidValue | None = None,
    trial: Trial | None = None,
) -> HttpResponse:
    saved = [rule_of(vars(rule)) for rule in receiver.rules.all()] if receiver else []
    message = trial.message if trial else previewed if isinstance(previewed, bytes) else b""
    context = {
        "form": form,
        "receiver": receiver,
        "rules": form.rule_rows(saved),
        "states": STATES,
        "state": _state(request),
        "shown": shown_message(message) if message else None,
        "trial": trial,
        "answer": shown_message(trial.answer) if trial and trial.answer else None,
    }
    return render(request, "result_receivers/edit.html", context, status=422 if form.errors else 200)
