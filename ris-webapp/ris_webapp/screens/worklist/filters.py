"""What the worklist shows, read from the address and written back to it: any view of it can be sent to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Self
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ris_core.orders.models import ExamState

STATES: dict[str, tuple[str, ...]] = {
    "ordered": (ExamState.ORDERED,),
    "acquiring": (ExamState.IN_PROGRESS,),
    "ready": (ExamState.READY_TO_READ,),
    "reading": (ExamState.CLAIMED, ExamState.DRAFT),
    "preliminary": (ExamState.PRELIMINARY,),
    "final": (ExamState.FINAL, ExamState.RETURNED),
    "recalled": (ExamState.RECALLED,),
    "cancelled": (ExamState.CANCELLED,),
}
"""Chips of the state: what one click shows."""

STATE_LABELS = {
    "ordered": _("Đã chỉ định"),
    "acquiring": _("Đang chụp"),
    "ready": _("Chờ đọc"),
    "reading": _("Đang đọc"),
    "preliminary": _("Sơ bộ"),
    "final": _("Đã duyệt"),
    "recalled": _("Thu hồi"),
    "cancelled": _("Đã huỷ"),
}

FINISHED = (ExamState.FINAL, ExamState.RETURNED, ExamState.CANCELLED)
"""Nobody waits for these: they come after all others."""
UNFINISHED = tuple(state for state in ExamState if state not in FINISHED)
FINISHED_GROUP = 9

PRIORITIES: dict[str, tuple[int, ...]] = {"stat": (0,), "high": (1,), "routine": (2, 3)}
PRIORITY_LABELS = {"stat": _("Cấp cứu"), "high": _("Ưu tiên"), "routine": _("Thường")}

_DAYS_AROUND = {"today": 0, "week": 7, "month": 30}
WHEN_LABELS = {"today": _("Hôm nay"), "week": _("± 7 ngày"), "month": _("± 30 ngày"), "all": _("Mọi ngày")}

SORTS = ("priority", "newest")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last exam shown: the next page begins after it (keyset paging)."""

    group: int
    """Its priority rank; ``FINISHED_GROUP`` for a finished exam."""
    scheduled_at: datetime
    procedure_id: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """From ``group.microseconds.id``; none for anything else, which shows the first page."""
        try:
            group, microseconds, procedure_id = (int(part) for part in text.split("."))
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
        except (ValueError, OverflowError):
            return None
        return cls(group, at, procedure_id)

    def __str__(self) -> str:
        microseconds = (self.scheduled_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        return f"{self.group}.{microseconds}.{self.procedure_id}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exams, in which order. Values that the address got wrong are left at their defaults."""

    query: str = ""
    state: str = ""
    modality: str = ""
    priority: str = ""
    when: str = "week"
    mine: bool = False
    sort: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Self:
        """From the query string of the page."""

        def one_of(name: str, allowed: Mapping[str, object] | tuple[str, ...], default: str) -> str:
            value = parameters.get(name, default)
            return value if value in allowed else default

        modality = parameters.get("modality", "").upper()
        query = " ".join(parameters.get("q", "").split())[:100]
        return cls(
            query=query,
            state=one_of("state", STATES, ""),
            modality=modality if modality.isalnum() and len(modality) <= 16 else "",
            priority=one_of("priority", PRIORITIES, ""),
            when=one_of("when", WHEN_LABELS, _usual_period(query)),
            mine=parameters.get("mine") == "1",
            sort=one_of("sort", SORTS, ""),
        )

    @property
    def newest_first(self) -> bool:
        """Searches and lists of every day show the newest first unless asked otherwise; others what is most urgent."""
        return (self.sort or ("newest" if self.query or self.when == "all" else "priority")) == "newest"

    @property
    def exam_states(self) -> tuple[str, ...]:
        """The exam states to show; empty for all."""
        return STATES.get(self.state, ())

    @property
    def priority_ranks(self) -> tuple[int, ...]:
        """The priority ranks to show; empty for all."""
        return PRIORITIES.get(self.priority, ())

    def period(self) -> tuple[datetime, datetime] | None:
        """From (inclusive) and until (exclusive) which time exams are scheduled, in whole days; none for all."""
        around = _DAYS_AROUND.get(self.when)
        if around is None:
            return None
        today = timezone.localdate()
        zone = timezone.get_current_timezone()
        first = datetime.combine(today - timedelta(days=around), time.min, zone)
        return first, datetime.combine(today + timedelta(days=around + 1), time.min, zone)

    def address(self, **changes: object) -> str:
        """The query string of this filter with ``changes``; only what differs from the defaults stands in it."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        parts = {
            "q": changed.query,
            "state": changed.state,
            "modality": changed.modality,
            "priority": changed.priority,
            "when": "" if changed.when == _usual_period(changed.query) else changed.when,
            "mine": "1" if changed.mine else "",
            "sort": changed.sort,
        }
        return "?" + urlencode({name: value for name, value in parts.items() if value})


def _usual_period(query: str) -> str:
    """The period shown when none is chosen: a search looks through all days."""
    return "all" if query else "week"
