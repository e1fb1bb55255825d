"""Which exams are counted: those planned in a period, of one department, kind of device or service if named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ris_core.errors import InvalidValue

LONGEST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Period:
    """Days in the site's zone, the last one included.

    :raises InvalidValue: it ends before it begins, or is longer than a year
    """

    first: date
    last: date
    zone: ZoneInfo
    department: str = ""
    """The one that ordered."""
    modality: str = ""
    service_code: str = ""

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise InvalidValue("the period ends before it begins", field="last")
        if (self.last - self.first).days >= LONGEST_DAYS:
            raise InvalidValue(f"a period has at most {LONGEST_DAYS} days", field="last")

    @property
    def begins_at(self) -> datetime:
        return datetime.combine(self.first, time.min, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The first moment that is not in it."""
        return datetime.combine(self.last + timedelta(days=1), time.min, self.zone)

    def exams(self, prefix: str = "") -> dict[str, Any]:
        """The conditions on requested procedures, reached by ``prefix``."""
        conditions: dict[str, Any] = {
            f"{prefix}scheduled_at__gte": self.begins_at,
            f"{prefix}scheduled_at__lt": self.ends_at,
        }
        if self.department:
            conditions[f"{prefix}request__requesting_department"] = self.department
        if self.modality:
            conditions[f"{prefix}modality"] = self.modality
        if self.service_code:
            conditions[f"{prefix}service_code"] = self.service_code
        return conditions
