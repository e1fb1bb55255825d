"""What the worklist shows, read from the address and written back to it: any view of it can be sent to others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ris_core.matching.body_regions import REGIONS
from ris_core.orders.models import FINISHED, ExamState, PatientClass
from ris_webapp.numbers import whole_number

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

UNFINISHED = tuple(state for state in ExamState if state not in FINISHED)

PRIORITIES: dict[str, tuple[int, ...]] = {"stat": (0,), "high": (1,), "routine": (2, 3)}
PRIORITY_LABELS = {"stat": _("Cấp cứu"), "high": _("Ưu tiên"), "routine": _("Thường")}

_DAYS_AROUND = {"today": 0, "week": 7, "month": 30}
WHEN_LABELS = {"today": _("Hôm nay"), "week": _("± 7 ngày"), "month": _("± 30 ngày"), "all": _("Mọi ngày")}

COLUMN_SORTS = (
    "patient", "patient_id", "age", "accession", "modality", "service", "room", "state", "waiting", "reader",
    "department",
)  # fmt: skip
"""Columns that one may sort by; with ``-`` before them the other way round."""
SORTS = ("priority", "newest", *COLUMN_SORTS, *(f"-{column}" for column in COLUMN_SORTS))

WORD_LABELS = {
    "service": _("Dịch vụ"),
    "department": _("Khoa"),
    "device": _("Phòng, máy"),
    "report": _("Trong kết quả"),
}
WORD_FILTERS = tuple(WORD_LABELS)
"""Filters by words, as :class:`ris_core.exam_search.source.Field` names them."""
LONGEST_TEXT = 100


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last exam shown: the next page begins after it (keyset paging), whatever the order."""

    urgency: int
    due_at: datetime
    scheduled_at: datetime
    procedure_id: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """From ``urgency.due.scheduled.id``, times in microseconds; none for anything else: the first page."""
        try:
            urgency, due, scheduled, procedure_id = (int(part) for part in text.split("."))
            return cls(urgency, _EPOCH + due * _MICROSECOND, _EPOCH + scheduled * _MICROSECOND, procedure_id)
        except (ValueError, OverflowError):
            return None

    def __str__(self) -> str:
        due, scheduled = ((at - _EPOCH) // _MICROSECOND for at in (self.due_at, self.scheduled_at))
        return f"{self.urgency}.{due}.{scheduled}.{self.procedure_id}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exams, in which order. Values that the address got wrong are left at their defaults."""

    query: str = ""
    state: str = ""
    modality: str = ""
    priority: str = ""
    when: str = "week"
    since: date | None = None
    """First day, instead of ``when``."""
    until: date | None = None
    """Last day, instead of ``when``."""
    mine: bool = False
    service: str = ""
    department: str = ""
    device: str = ""
    report: str = ""
    region: str = ""
    patient_class: str = ""
    reader: int | None = None
    tag: int | None = None
    folder: int | None = None
    """A folder of the user who looks; another's is empty."""
    late: bool = False
    """Only exams that wait for their report for longer than their target."""
    sort: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Self:
        """From the query string of the page."""

        def one_of(name: str, allowed: Collection[str], default: str = "") -> str:
            value = parameters.get(name, default)
            return value if value in allowed else default

        def text(name: str) -> str:
            return " ".join(parameters.get(name, "").replace("\0", " ").split())[:LONGEST_TEXT]

        modality = parameters.get("modality", "").upper()
        wanted = cls(
            query=text("q"),
            state=one_of("state", STATES),
            modality=modality if modality.isalnum() and len(modality) <= 16 else "",
            priority=one_of("priority", PRIORITIES),
            since=_day(parameters.get("since", "")),
            until=_day(parameters.get("until", "")),
            mine=parameters.get("mine") == "1",
            service=text("service"),
            department=text("department"),
            device=text("device"),
            report=text("report"),
            region=one_of("region", REGIONS),
            patient_class=one_of("class", [value for value in PatientClass.values if value]),
            reader=whole_number(parameters.get("reader", "")),
            tag=whole_number(parameters.get("tag", "")),
            folder=whole_number(parameters.get("folder", "")),
            late=parameters.get("late") == "1",
            sort=one_of("sort", SORTS),
        )
        return replace(wanted, when=one_of("when", WHEN_LABELS, wanted.usual_period))

    @property
    def newest_first(self) -> bool:
        """Searches and lists of every day show the newest first unless asked otherwise; others what is most urgent."""
        days_back = self.searching or self.when == "all" or self.since or self.until
        by_itself = "newest" if days_back and not self.late else "priority"
        return (self.sort or by_itself) == "newest"

    @property
    def sort_column(self) -> str:
        """The column to sort by, with ``-`` before it the other way round; empty: by priority or time."""
        return self.sort if self.sort.removeprefix("-") in COLUMN_SORTS else ""

    @property
    def searching(self) -> bool:
        """Whether something is looked for by words."""
        return bool(self.query or self.region or any(getattr(self, name) for name in WORD_FILTERS))

    @property
    def narrowed(self) -> bool:
        """Whether more decides than the chips: a change cannot be fitted in without asking the database."""
        return bool(
            self.searching or self.mine or self.patient_class or self.reader or self.tag or self.folder or self.late
        )

    @property
    def refined(self) -> int:
        """How many of the further filters are set."""
        further = (*WORD_FILTERS, "region", "patient_class", "reader", "since", "until")
        return sum(bool(getattr(self, name)) for name in further)

    @property
    def usual_period(self) -> str:
        """The period shown when none is chosen: a search, a folder, a tag look through all days."""
        return "all" if self.searching or self.folder or self.tag or self.late else "week"

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
        if self.since or self.until:
            return _midnight(self.since or date(1970, 1, 1)), _midnight((self.until or _LAST_DAY) + timedelta(days=1))
        around = _DAYS_AROUND.get(self.when)
        if around is None:
            return None
        today = timezone.localdate()
        return _midnight(today - timedelta(days=around)), _midnight(today + timedelta(days=around + 1))

    def parameters(self) -> dict[str, str]:
        """What the address says of this filter: only what differs from the defaults."""
        parts = {
            "q": self.query,
            "state": self.state,
            "modality": self.modality,
            "priority": self.priority,
            "when": "" if self.when == self.usual_period else self.when,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "mine": "1" if self.mine else "",
            **{name: getattr(self, name) for name in WORD_FILTERS},
            "region": self.region,
            "class": self.patient_class,
            "reader": str(self.reader or ""),
            "tag": str(self.tag or ""),
            "folder": str(self.folder or ""),
            "late": "1" if self.late else "",
            "sort": self.sort,
        }
        return {name: value for name, value in parts.items() if value}

    def address(self, **changes: object) -> str:
        """The query string of this filter with ``changes``."""
        return "?" + urlencode(replace(self, **changes).parameters())  # type: ignore[arg-type]

    def sorted_by(self, column: str) -> str:
        """The query string that sorts by ``column``, the other way round when it does already."""
        return self.address(sort=f"-{column}" if self.sort == column else column)


_LAST_DAY = date(2999, 12, 31)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(1900, 1, 1) <= found <= _LAST_DAY else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone())
