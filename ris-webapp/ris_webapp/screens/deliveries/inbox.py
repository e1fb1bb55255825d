"""The outbox of results as an inbox of people: counts by state, filters, one page of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from ris_core.delivery.models import Delivery, DeliveryState, Receiver
from ris_core.delivery.sending import RESULTS
from ris_core.jobs.models import Job, JobState
from ris_core.names import folded
from ris_core.outbox.rules import MAY_BE_DISMISSED, MAY_BE_REPLAYED
from ris_webapp.numbers import whole_number
from ris_webapp.screens.deliveries.reasons import error_code, reason

PAGE_SIZE = 50

BOXES: dict[str, tuple[DeliveryState, ...]] = {
    "dead": (DeliveryState.DEAD,),
    "retry": (DeliveryState.RETRY,),
    "waiting": (DeliveryState.QUEUED, DeliveryState.SENDING),
    "acknowledged": (DeliveryState.ACKNOWLEDGED,),
    "settled": (DeliveryState.DISMISSED, DeliveryState.SUPERSEDED),
}
"""What one looks for, and the delivery states in it."""

BOX_LABELS = {
    "dead": _("Cần xử lý"),
    "retry": _("Sẽ tự gửi lại"),
    "waiting": _("Đang đợi gửi"),
    "acknowledged": _("Đã nhận"),
    "settled": _("Bỏ qua, thay thế"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for; every state worth sharing is in it."""

    box: str = "dead"
    receiver: str = ""
    query: str = ""
    page: int = 1
    opened: int | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Wanted:
        """Tolerant: an unknown value is the default."""
        box, page, opened = parameters.get("box", ""), parameters.get("page", ""), parameters.get("open", "")
        return cls(
            box=box if box in BOXES else "dead",
            receiver=parameters.get("receiver", "")[:64],
            query=parameters.get("q", "").strip()[:100],
            page=max(1, min(whole_number(page) or 1, 10_000)),
            opened=whole_number(opened),
        )

    def address(self, **changed: str | int | None) -> str:
        """The same with some parts changed."""
        parts: dict[str, str | int | None] = {
            "box": self.box, "receiver": self.receiver, "q": self.query, "page": self.page, "open": self.opened,
            **changed,
        }  # fmt: skip
        defaults = {"box": "dead", "page": 1}
        kept = {name: value for name, value in parts.items() if value and value != defaults.get(name)}
        return "?" + urlencode(kept)


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery as it is listed and shown."""

    delivery: Delivery
    reason: str
    code: str
    next_attempt_at: datetime | None
    may_replay: bool
    may_dismiss: bool


@dataclass(frozen=True, slots=True)
class Inbox:
    wanted: Wanted
    counts: dict[str, int]
    rows: tuple[Row, ...]
    total: int
    receivers: tuple[Receiver, ...]

    @property
    def has_next_page(self) -> bool:
        return self.wanted.page * PAGE_SIZE < self.total


def inbox(wanted: Wanted) -> Inbox:
    """One page of the box that is asked for; counts are over all receivers' deliveries that match the search."""
    matching = _matching(wanted)
    by_state = dict(matching.order_by().values_list("state").annotate(Count("pk")))
    counts = {box: sum(by_state.get(state, 0) for state in states) for box, states in BOXES.items()}
    first = (wanted.page - 1) * PAGE_SIZE
    deliveries = list(
        matching.filter(state__in=BOXES[wanted.box])
        .select_related("receiver", "version", "reading__procedure__patient", "reading__procedure__request")
        .order_by("-queued_at", "-pk")[first : first + PAGE_SIZE]
    )
    receivers = tuple(Receiver.objects.order_by("name"))
    return Inbox(wanted, counts, tuple(rows_of(deliveries)), counts[wanted.box], receivers)


def rows_of(deliveries: list[Delivery]) -> list[Row]:
    """The deliveries with their reasons and when they are tried next."""
    keys = [str(delivery.pk) for delivery in deliveries]
    due = dict(
        Job.objects.filter(kind="deliver", subject_id__in=keys, state=JobState.QUEUED).values_list(
            "subject_id", "run_at"
        )
    )
    return [_row(delivery, due.get(str(delivery.pk))) for delivery in deliveries]


def selected(wanted: Wanted) -> QuerySet[Delivery]:
    """Everything in the box that is asked for, not only its page: for "all of these"."""
    return _matching(wanted).filter(state__in=BOXES[wanted.box]).order_by("reading_id", "sequence", "pk")


def _row(delivery: Delivery, next_attempt_at: datetime | None) -> Row:
    may_wait = delivery.state in (DeliveryState.QUEUED, DeliveryState.RETRY)
    return Row(
        delivery=delivery,
        reason=reason(delivery, RESULTS.waits_for(delivery) if may_wait else None),
        code=error_code(delivery) if delivery.state in (DeliveryState.DEAD, DeliveryState.RETRY) else "",
        next_attempt_at=next_attempt_at if delivery.state == DeliveryState.RETRY else None,
        may_replay=delivery.state in MAY_BE_REPLAYED,
        may_dismiss=delivery.state in MAY_BE_DISMISSED,
    )


def _matching(wanted: Wanted) -> QuerySet[Delivery]:
    deliveries = Delivery.objects.all()
    if wanted.receiver:
        deliveries = deliveries.filter(receiver__code=wanted.receiver)
    if wanted.query:
        deliveries = deliveries.filter(
            Q(reading__procedure__request__accession_number__startswith=wanted.query)
            | Q(reading__procedure__request__sent_accession_number__startswith=wanted.query)
            | Q(reading__procedure__patient__search_key__contains=folded(wanted.query))
            | Q(reading__procedure__patient__identifiers__value=wanted.query)
            | Q(control_id=wanted.query)
        ).distinct()
    return deliveries
