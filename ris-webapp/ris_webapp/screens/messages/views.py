"""The inbox of HL7 messages: what came, what became of it, what was answered. Nothing here changes anything."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.messages.models import InboundMessage, MessageState
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.messages.decoded import decoded

PAGE_ROWS = 100


@requires(Function.VIEW_MESSAGES)
@require_GET
def messages(request: UserRequest) -> HttpResponse:
    """The newest messages first; by state, by a part of the control id or the sender; older ones from ``before`` on."""
    state = request.GET.get("state", "")
    query = request.GET.get("q", "").strip()[:100]
    before = whole_number(request.GET.get("before", ""))
    found = InboundMessage.objects.order_by("-pk").defer("raw", "acknowledgement")
    if state in MessageState.values:
        found = found.filter(state=state)
    if query:
        found = found.filter(control_id__contains=query) | found.filter(sender__icontains=query)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: PAGE_ROWS + 1])
    older = urlencode({"state": state, "q": query, "before": rows[PAGE_ROWS - 1].pk}) if len(rows) > PAGE_ROWS else ""
    context = {"rows": rows[:PAGE_ROWS], "state": state, "query": query, "states": MessageState.values, "older": older}
    return render(request, "messages/messages.html", context)


@requires(Function.VIEW_MESSAGES)
@require_GET
def message(request: UserRequest, message_id: int) -> HttpResponse:
    """One message: raw, decoded, and the answer."""
    found = InboundMessage.objects.filter(pk=message_id).first()
    if found is None:
        raise NotFound("there is no such message", field="message")
    record(actor_of(request), "message.viewed", subject=f"message:{found.pk}")
    context = {
        "message": found,
        "received": decoded(bytes(found.raw)),
        "answered": decoded(bytes(found.acknowledgement)) if found.acknowledgement else None,
    }
    return render(request, "messages/message.html", context)
