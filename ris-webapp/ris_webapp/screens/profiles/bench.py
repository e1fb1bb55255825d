"""The test bench: a message that was pasted, read by the profile in the form as it stands, saved or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import MessageRefused
from ris_core.intake.dry_run import DryRun, bytes_of, dry_run
from ris_core.messages.models import InboundMessage
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.messages.decoded import FIELD_NAMES, DecodedMessage, decoded
from ris_webapp.screens.profiles.editing import entered
from ris_webapp.screens.profiles.labels import label_of


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of what was tried."""

    message: DecodedMessage
    registered: bool
    sender: str


@requires(Function.ADMINISTER)
@require_POST
def tried(request: UserRequest, profile_id: int) -> HttpResponse:
    """What would become of the message; nothing is written."""
    raw = bytes_of(request.POST.get("raw", ""))
    form = entered(request.POST.dict())
    if not raw.strip():
        return render(request, "profiles/result.html", {"result": None, "errors": form.errors, "problem": ""})
    if form.profile is None:
        return render(request, "profiles/result.html", {"result": None, "errors": form.errors, "problem": ""})
    try:
        result = dry_run(raw, form.profile)
    except (InvalidValue, MessageRefused) as error:
        return render(request, "profiles/result.html", {"result": None, "errors": {}, "problem": error.detail})
    context = {
        "result": result,
        "errors": {},
        "problem": "",
        "shown": _shown(result),
        "answer": decoded(result.answer),
        "field_name": field_name,
        "label_of": label_of,
    }
    return render(request, "profiles/result.html", context)


def _shown(result: DryRun) -> list[Shown]:
    return [
        Shown(decoded(one.raw), bool(one.sender and one.sender.registered), one.message.sender if one.message else "")
        for one in result.messages
    ]


def stored_text(message_id: str, actor: Actor) -> str:
    """A message from the inbox as text to try; empty when there is none."""
    number = whole_number(message_id)
    found = InboundMessage.objects.filter(pk=number).first() if number is not None else None
    if found is None:
        return ""
    record(actor, "message.viewed", subject=f"message:{found.pk}", patient_id=found.patient_id)
    return decoded(bytes(found.raw)).raw_text


@cache
def field_name(position: str) -> str:
    """What the standard calls a field, as ``Filler Order Number``; ours where the inbox has one; empty for Z fields."""
    if position in FIELD_NAMES:
        return str(FIELD_NAMES[position])
    from hl7apy.v2_5_1 import FIELDS  # a table of 2 MB that only this page needs

    reference = FIELDS.get(position.replace("-", "_"))
    return str(reference[3]).replace("_", " ").capitalize() if reference else ""
