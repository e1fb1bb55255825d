"""The inbox of messages: what came by HL7, REST and FHIR, what of devices' reports (MPPS) was refused; what became of
it, what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.messages.models import WAITING_STATES, InboundMessage, MessageState, Protocol
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.messages.decoded import DecodedMessage, decoded, exchanged, reported
from ris_webapp.screens.messages.effects import Effect, effects_of
from ris_webapp.screens.messages.inbox import BOX_LABELS, DAYS, Wanted, inbox
from ris_webapp.searched import note_search
from ris_webapp.words import WORDS

IDENTITY_IN_QUESTION = str(ErrorCode.DUPLICATE_KEY_IDENTIFIER.value)


@dataclass(frozen=True, slots=True)
class Opened:
    """One message with all that is known of it."""

    message: InboundMessage
    received: DecodedMessage
    answered: DecodedMessage | None
    effects: list[Effect]
    attempts: list[InboundMessage]
    """What people have tried with it, oldest first."""
    by_http: bool
    """A request by REST or FHIR: answered at once, never replayed here."""
    what_to_do: str
    """Before a device's report is taken in again; empty for other messages."""
    waits: bool
    identity_in_question: bool
    """It was held because it would make one person of another."""
    correction: str
    """The text to be corrected: the message, or what the person had typed."""
    correction_error: str = ""


@requires(Function.VIEW_MESSAGES)
@require_GET
def messages(request: UserRequest) -> HttpResponse:
    """The boxes; ``?open=`` shows one message beside its row."""
    wanted = Wanted.of(request.GET.dict())
    note_search(request, "message.searched", wanted.query)
    opened = opened_message(request, wanted.opened) if wanted.opened else None
    return shown(request, wanted, opened)


@requires(Function.VIEW_MESSAGES)
@require_GET
def message(request: UserRequest, message_id: int) -> HttpResponse:
    """The lasting address of one message, wherever it lies now."""
    if not InboundMessage.objects.filter(pk=message_id).exists():
        raise NotFound("there is no such message", field="message")
    wanted = Wanted(box="all", days="all", opened=message_id)
    return HttpResponseRedirect(reverse("messages:messages") + wanted.address())


def shown(request: UserRequest, wanted: Wanted, opened: Opened | None, status: int = 200) -> HttpResponse:
    """The page."""
    context: dict[str, Any] = {"inbox": inbox(wanted), "labels": BOX_LABELS, "days": DAYS, "opened": opened}
    return render(request, "messages/messages.html", context, status=status)


def opened_message(
    request: UserRequest, message_id: int, correction: str | None = None, correction_error: str = ""
) -> Opened | None:
    """The message in full; that somebody reads it is written down."""
    found = (
        InboundMessage.objects.select_related("replay_of", "replayed_by", "resolved_by").filter(pk=message_id).first()
    )
    if found is None:
        return None
    record(actor_of(request), "message.viewed", subject=f"message:{found.pk}", patient_id=found.patient_id)
    by_http = found.protocol in (Protocol.REST, Protocol.FHIR, Protocol.SCIM)
    read = {Protocol.HL7: decoded, Protocol.MPPS: reported}.get(Protocol(found.protocol), exchanged)
    received = read(bytes(found.raw))
    waits = not by_http and found.state in WAITING_STATES and found.resolved_at is None and found.replay_of_id is None
    return Opened(
        message=found,
        received=received,
        answered=read(bytes(found.acknowledgement)) if found.acknowledgement else None,
        effects=effects_of(found, request.user.role),
        attempts=list(InboundMessage.objects.filter(replay_of=found).select_related("replayed_by").order_by("pk")),
        by_http=by_http,
        what_to_do=str(WORDS["report_refused"].get(found.error_code, "")),
        waits=waits,
        identity_in_question=waits and found.state == MessageState.HELD and found.error_code == IDENTITY_IN_QUESTION,
        correction=received.raw_text if correction is None else correction,
        correction_error=correction_error,
    )
