"""Notifications as an outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet

from ris_core.errors import InvalidValue, NotFound
from ris_core.notifications import services
from ris_core.notifications.models import Notification
from ris_core.notifications.transports import BY_NAME, TransportKind
from ris_core.outbox.sending import Outbox
from ris_core.settings import Settings


class Notifications(Outbox[Notification]):
    """What happens to one exam, and what one device says of one step, reaches one receiver in order."""

    name: ClassVar = "notification"
    job_kind: ClassVar = services.JOB_KIND

    def entries(self) -> QuerySet[Notification]:
        return Notification.objects.select_related(
            "receiver__system", "receiver__device", "receiver__webhook", "procedure__request__visit"
        )

    def order(self, entry: Notification) -> QuerySet[Notification]:
        return Notification.objects.filter(receiver_id=entry.receiver_id, thread=entry.thread)

    def lane(self, entry: Notification) -> str:
        return services.lane(entry)

    def channel(self, entry: Notification) -> str:
        return services.channel(entry)

    def receiver_is_active(self, entry: Notification) -> bool:
        return entry.receiver.active

    def compose(self, entry: Notification, now: datetime, settings: Settings) -> bytes | None:
        return _transport(entry).compose(entry, now, settings)

    def exchange(self, entry: Notification, message: bytes, settings: Settings) -> bytes:
        return _transport(entry).exchange(entry, message, settings)

    def locked(self, entry_id: int) -> Notification:
        found = Notification.objects.select_for_update(of=("self",)).filter(pk=entry_id).first()
        if found is None:
            raise NotFound("there is no such notification", field="notification")
        return found

    def facts(self, entry: Notification) -> dict[str, Any]:
        return {
            "patient_id": entry.procedure.patient_id if entry.procedure else None,
            "receiver": entry.receiver.code,
            "event": entry.event,
            "of": entry.subject,
            "control_id": entry.control_id,
        }


def _transport(entry: Notification) -> TransportKind:
    kind = BY_NAME.get(entry.receiver.transport)
    if kind is None or entry.event not in kind.events:
        raise InvalidValue(
            f"{entry.event} cannot be told by {entry.receiver.transport or 'nothing'}", field="transport"
        )
    return kind


NOTIFICATIONS = Notifications()


def run_notify(subject_id: str) -> None:
    """The job ``notify``."""
    NOTIFICATIONS.attempt(int(subject_id))


def after_notify_job_died(subject_id: str, error: str) -> None:
    """See :meth:`Outbox.job_died`."""
    NOTIFICATIONS.job_died(int(subject_id), error)
