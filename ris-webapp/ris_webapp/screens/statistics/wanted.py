"""What the address asks for: period and filters, tolerant of what people type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from ris_core.statistics.period import LONGEST_DAYS, Period


@dataclass(frozen=True, slots=True)
class Wanted:
    """The period and the filters as they stand in the address."""

    period: Period

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Wanted:
        """This month when nothing is asked for; a period that is turned round or too long is put right."""
        today = timezone.localdate()
        first = _day(parameters.get("from", "")) or today.replace(day=1)
        last = _day(parameters.get("to", "")) or max(today, first)
        first, last = min(first, last), max(first, last)
        last = min(last, first + timedelta(days=LONGEST_DAYS - 1))
        zone = ZoneInfo(settings.QUANG.site.time_zone)
        names = ("department", "modality", "service_code")
        return cls(Period(first, last, zone, **{name: parameters.get(name, "").strip()[:255] for name in names}))

    def query(self, **further: str | int) -> str:
        """The same as a query."""
        parts = {
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "department": self.period.department,
            "modality": self.period.modality,
            "service_code": self.period.service_code,
            **further,
        }
        return "?" + urlencode({name: value for name, value in parts.items() if value})


def _day(text: str) -> date | None:
    """``2026-11-21``, ``21/11/2026`` or ``21112026``."""
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d%m%Y"):
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None
