"""Inbound messages as a queue of people: boxes with counts, filters, one page of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ris_core.messages.models import WAITING_STATES, InboundMessage, MessageState
from ris_core.names import folded_words
from ris_core.patients.numbers_sought import sought_words
from ris_webapp.asked import Asked

PAGE_SIZE = 50
MOST_COUNTED = 1000
"""Counts go no further: the number says enough, and the table may have millions of rows."""

_OPEN = Q(state__in=WAITING_STATES, resolved_at__isnull=True, replay_of__isnull=True)

BOXES: dict[str, Q] = {
    "waiting": _OPEN,
    "applied": Q(state=MessageState.APPLIED),
    "settled": Q(state__in=WAITING_STATES, resolved_at__isnull=False),
    "all": Q(),
}
"""What one looks for, and the messages in it."""

BOX_LABELS = {
    "waiting": _("Cần xử lý"),
    "applied": _("Đã thực hiện"),
    "settled": _("Đã giải quyết"),
    "all": _("Tất cả"),
}

DAYS = {"1": _("Hôm nay"), "7": _("7 ngày"), "30": _("30 ngày"), "all": _("Mọi lúc")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Asked):
    """What the address asks for."""

    PARAMETERS: ClassVar = {**Asked.PARAMETERS, "message_type": "type"}
    CHOICES: ClassVar = {"box": BOXES, "days": DAYS}

    box: str = "waiting"
    sender: str = ""
    message_type: str = ""
    error: str = ""
    """``103 OBR^1^4``: the code of the answer and where."""
    days: str = "30"


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Messages that wait for the same reason: one correction may serve them all."""

    error: str
    count: int


@dataclass(frozen=True, slots=True)
class Inbox:
    wanted: Wanted
    counts: dict[str, int]
    rows: tuple[InboundMessage, ...]
    has_next_page: bool
    total: int
    senders: tuple[str, ...]
    types: tuple[str, ...]
    error_groups: tuple[ErrorGroup, ...]


def inbox(wanted: Wanted) -> Inbox:
    """One page of the box that is asked for."""
    matching = _matching(wanted)
    first = (wanted.page - 1) * PAGE_SIZE
    found = list(
        _error_is(matching.filter(BOXES[wanted.box]), wanted.error)
        .select_related("patient")
        .defer("raw", "acknowledgement")
        .order_by("-received_at", "-pk")[first : first + PAGE_SIZE + 1]
    )
    counts = {box: matching.filter(condition)[:MOST_COUNTED].count() for box, condition in BOXES.items()}
    recent = InboundMessage.objects.order_by("-pk")[:2000]
    return Inbox(
        wanted=wanted,
        counts=counts,
        rows=tuple(found[:PAGE_SIZE]),
        has_next_page=len(found) > PAGE_SIZE,
        total=_error_is(matching.filter(BOXES[wanted.box]), wanted.error)[:MOST_COUNTED].count(),
        senders=tuple(sorted({sender for sender in recent.values_list("sender", flat=True) if sender})),
        types=tuple(sorted({type_ for type_ in recent.values_list("message_type", flat=True) if type_})),
        error_groups=_error_groups(matching) if wanted.box == "waiting" else (),
    )


def selected(wanted: Wanted) -> QuerySet[InboundMessage]:
    """Everything in the box that is asked for, oldest first: a patient's messages are replayed in their order."""
    return _error_is(_matching(wanted).filter(BOXES[wanted.box]), wanted.error).order_by("received_at", "pk")


def _error_groups(matching: QuerySet[InboundMessage]) -> tuple[ErrorGroup, ...]:
    groups = (
        matching.filter(_OPEN)
        .order_by()
        .values_list("error_code", "error_location")
        .annotate(count=Count("pk"))
        .order_by("-count")[:6]
    )
    return tuple(ErrorGroup(f"{code} {location}".strip(), count) for code, location, count in groups)


def _error_is(messages: QuerySet[InboundMessage], error: str) -> QuerySet[InboundMessage]:
    if not error:
        return messages
    code, _space, location = error.partition(" ")
    return messages.filter(error_code=code, error_location=location)


def _matching(wanted: Wanted) -> QuerySet[InboundMessage]:
    messages = InboundMessage.objects.all()
    if wanted.sender:
        messages = messages.filter(sender=wanted.sender)
    if wanted.message_type:
        messages = messages.filter(message_type=wanted.message_type)
    if wanted.days != "all":
        messages = messages.filter(received_at__gte=timezone.now() - timedelta(days=int(wanted.days)))
    for searched in folded_words(wanted.query):
        fits = Q(search_text__contains=searched) | Q(control_id__icontains=searched) | Q(sender__icontains=searched)
        for word in sought_words(searched):
            fits |= Q(search_text__contains=word)
        messages = messages.filter(fits)
    return messages
