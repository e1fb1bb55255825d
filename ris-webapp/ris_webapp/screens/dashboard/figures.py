"""What the administrator looks at first: how much waits for a person, and whether everything still comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ris_core.accounts.rules import Function
from ris_core.audit.alerts import open_alerts
from ris_core.devices import host_names
from ris_core.jobs.models import Job, JobState, WorkerHeartbeat
from ris_core.messages.models import WAITING_STATES, InboundMessage, Protocol
from ris_core.messages.replaying import waiting_count as messages_waiting
from ris_core.studies.models import Study, StudyState
from ris_webapp.screens.deliveries.badges import dead_count
from ris_webapp.screens.notifications.badges import dead_count as dead_notifications
from ris_webapp.words import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that should be nought: things of one kind that wait for a person."""

    label: Text
    count: Callable[[], int]
    url_name: str
    query: str
    function: Function
    """Who may go there."""

    @property
    def address(self) -> str:
        return reverse(self.url_name) + self.query


def _studies(state: StudyState) -> Callable[[], int]:
    return lambda: Study.objects.filter(state=state).count()


def _dead_jobs() -> int:
    return Job.objects.filter(state=JobState.DEAD).count()


def open_access_alerts() -> int:
    """Alerts of odd use that nobody has looked at yet."""
    return open_alerts().count()


def hosts_without_address() -> int:
    """Devices' host names that no name server knows now: they are let in from their last addresses, for a time."""
    return host_names.failing().count()


FIGURES: tuple[Figure, ...] = (
    Figure(_("Bản tin HL7 cần xử lý"), messages_waiting, "messages:messages", "", Function.VIEW_MESSAGES),
    Figure(_("Ảnh chưa khớp phiếu"), _studies(StudyState.UNMATCHED), "unmatched:queue", "", Function.RESOLVE_UNMATCHED),
    Figure(
        _("Ảnh mâu thuẫn với phiếu"), _studies(StudyState.CONFLICT), "unmatched:queue", "", Function.RESOLVE_UNMATCHED
    ),
    Figure(_("Cảnh báo truy cập"), open_access_alerts, "access_log:alerts", "", Function.VIEW_AUDIT),
    Figure(_("Kết quả không trả được"), dead_count, "deliveries:deliveries", "", Function.MANAGE_DELIVERIES),
    Figure(
        _("Thông báo không gửi được"),
        dead_notifications,
        "notifications:notifications",
        "",
        Function.MANAGE_DELIVERIES,
    ),
    Figure(_("Tên máy không tra được"), hosts_without_address, "devices:devices", "", Function.VIEW_DEVICES),
    Figure(_("Việc nền đã dừng"), _dead_jobs, "jobs:jobs", "", Function.ADMINISTER),
)
"""One line to add one."""


@dataclass(frozen=True, slots=True)
class SenderFigures:
    """One sending system over the last day."""

    sender: str
    last_at: datetime
    received: int
    refused: int


def senders() -> list[SenderFigures]:
    """Who has sent messages within a week, the one that is silent longest first."""
    now = timezone.now()
    day = Q(received_at__gte=now - timedelta(days=1), replay_of__isnull=True)
    rows = (
        InboundMessage.objects.filter(received_at__gte=now - timedelta(days=7))
        .exclude(sender="")
        .exclude(protocol=Protocol.MPPS)
        .values("sender")
        .annotate(
            last_at=Max("received_at"),
            received=Count("pk", filter=day),
            refused=Count("pk", filter=day & Q(state__in=WAITING_STATES)),
        )
        .order_by("last_at")
    )
    return [SenderFigures(**row) for row in rows[:50]]


def workers() -> list[WorkerHeartbeat]:
    """Every worker that has lived within a day."""
    lived = WorkerHeartbeat.objects.filter(part=WorkerHeartbeat.Part.WORKER, at__gte=timezone.now() - timedelta(days=1))
    return list(lived.order_by("name"))
