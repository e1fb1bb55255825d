"""The outbox of notifications as an inbox of people: counts by state, filters, one page of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from pydicom.errors import InvalidDicomError
from pynetdicom.dsutils import decode

from ris_core.jobs.models import Job, JobState
from ris_core.names import folded
from ris_core.notifications.models import Notification, NotificationReceiver
from ris_core.notifications.rules import Transport
from ris_core.notifications.sending import NOTIFICATIONS
from ris_core.outbox.entries import OutboxState
from ris_core.outbox.rules import MAY_BE_DISMISSED, MAY_BE_REPLAYED
from ris_core.performed.models import PerformedStepMessage
from ris_webapp.numbers import whole_number
from ris_webapp.screens.deliveries.inbox import BOXES
from ris_webapp.screens.deliveries.reasons import error_code, reason

PAGE_SIZE = 50
_IMPLICIT = "1.2.840.10008.1.2"


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

    def parts(self) -> dict[str, str | int | None]:
        return {"box": self.box, "receiver": self.receiver, "q": self.query, "page": self.page, "open": self.opened}

    def address(self, **changed: str | int | None) -> str:
        """The same with some parts changed."""
        defaults = {"box": "dead", "page": 1}
        parts = {**self.parts(), **changed}
        return "?" + urlencode({name: value for name, value in parts.items() if value and value != defaults.get(name)})


@dataclass(frozen=True, slots=True)
class Row:
    """One notification as it is listed and shown."""

    notification: Notification
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
    receivers: tuple[NotificationReceiver, ...]

    @property
    def has_next_page(self) -> bool:
        return self.wanted.page * PAGE_SIZE < self.total


def inbox(wanted: Wanted) -> Inbox:
    """One page of the box that is asked for; counts are over all that match the search."""
    matching = _matching(wanted)
    by_state = dict(matching.order_by().values_list("state").annotate(Count("pk")))
    counts = {box: sum(by_state.get(state, 0) for state in states) for box, states in BOXES.items()}
    first = (wanted.page - 1) * PAGE_SIZE
    found = list(_loaded(selected(wanted)).order_by("-queued_at", "-pk")[first : first + PAGE_SIZE])
    receivers = tuple(NotificationReceiver.objects.order_by("name"))
    return Inbox(wanted, counts, tuple(rows_of(found)), counts[wanted.box], receivers)


def selected(wanted: Wanted) -> QuerySet[Notification]:
    """Everything in the box that is asked for, older ones of a thread first."""
    return _matching(wanted).filter(state__in=BOXES[wanted.box]).order_by("thread", "sequence", "pk")


def rows_of(notifications: list[Notification]) -> list[Row]:
    """The notifications with their reasons and when they are tried next."""
    keys = [str(notification.pk) for notification in notifications]
    waiting = Job.objects.filter(kind="notify", subject_id__in=keys, state=JobState.QUEUED)
    due = dict(waiting.values_list("subject_id", "run_at"))
    return [_row(notification, due.get(str(notification.pk))) for notification in notifications]


def opened_row(notification_id: int) -> Row | None:
    """One notification; none when there is no such."""
    found = _loaded(Notification.objects.filter(pk=notification_id)).first()
    return rows_of([found])[0] if found else None


def dicom_text(notification: Notification) -> str:
    """A DICOM message as a list of its elements; empty when it is not one or has not been composed."""
    if notification.receiver.transport == Transport.HL7_STATUS or not notification.message:
        return ""
    implicit = False
    kind, _separator, key = notification.subject.partition(":")
    if kind == "mpps_message":
        message = PerformedStepMessage.objects.filter(pk=whole_number(key) or 0).first()
        implicit = message is not None and message.transfer_syntax_uid == _IMPLICIT
    try:
        return str(decode(BytesIO(bytes(notification.message)), is_implicit_vr=implicit, is_little_endian=True))
    except (InvalidDicomError, ValueError, KeyError, EOFError) as error:
        return type(error).__name__


def _row(notification: Notification, next_attempt_at: datetime | None) -> Row:
    may_wait = notification.state in (OutboxState.QUEUED, OutboxState.RETRY)
    waits = may_wait and NOTIFICATIONS.waits_for(notification) is not None
    return Row(
        notification=notification,
        reason=_("Chờ thông báo trước của cùng ca được gửi xong.") if waits else reason(notification),
        code=error_code(notification) if notification.state in (OutboxState.DEAD, OutboxState.RETRY) else "",
        next_attempt_at=next_attempt_at if notification.state == OutboxState.RETRY else None,
        may_replay=notification.state in MAY_BE_REPLAYED,
        may_dismiss=notification.state in MAY_BE_DISMISSED,
    )


def _loaded(notifications: QuerySet[Notification]) -> QuerySet[Notification]:
    return notifications.select_related(
        "receiver__system", "receiver__device", "procedure__patient", "procedure__request"
    )


def _matching(wanted: Wanted) -> QuerySet[Notification]:
    notifications = Notification.objects.all()
    if wanted.receiver:
        notifications = notifications.filter(receiver__code=wanted.receiver)
    if wanted.query:
        notifications = notifications.filter(
            Q(procedure__request__accession_number__startswith=wanted.query)
            | Q(procedure__patient__search_key__contains=folded(wanted.query))
            | Q(control_id=wanted.query)
        )
    return notifications
