"""Dates and times of HL7 v2: TS and DTM, ``YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`` (HL7 2.5.1 §2.A.22)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from ris_core.errors import InvalidValue

_FORM = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d)"
    r"(?:\.(?P<fraction>\d{1,6}))?)?)?)?)?)?(?P<zone>[+-]\d{4})?"
)
_EARLIEST_YEAR = 1850


def read_timestamp(text: str, zone: tzinfo) -> datetime:
    """The moment that ``text`` names; its missing parts are the earliest, its missing offset is that of ``zone``.

    :raises InvalidValue: when it is no date of the calendar or no time of the day
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise InvalidValue(f"{text[:32]!r} is no date and time in the form YYYYMMDDHHMMSS[+/-ZZZZ]")
    year, month, day, hour, minute, second = found.group("year", "month", "day", "hour", "minute", "second")
    try:
        offset = _offset(found["zone"]) if found["zone"] else zone
        at = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            int((found["fraction"] or "0").ljust(6, "0")), tzinfo=offset,
        )  # fmt: skip
        at.astimezone(UTC)  # the ends of the calendar have no UTC
    except (ValueError, OverflowError) as error:
        raise InvalidValue(f"{text[:32]!r} is no date and time of the calendar") from error
    if at.year < _EARLIEST_YEAR:
        raise InvalidValue(f"{text[:32]!r} is before {_EARLIEST_YEAR}")
    return at


def read_date(text: str) -> str:
    """A date as far as it is known, ``YYYY``, ``YYYYMM`` or ``YYYYMMDD``; a time after it is dropped.

    :raises InvalidValue: when it is no date of the calendar
    """
    digits = text.strip()
    read_timestamp(digits, UTC)
    known = re.match(r"\d+", digits)
    date = known[0][:8] if known else ""
    return date[: len(date) - len(date) % 2]


def write_timestamp(at: datetime) -> str:
    """``at`` to the second, with its own offset."""
    return at.strftime("%Y%m%d%H%M%S%z")


def _offset(zone: str) -> timezone:
    sign = -1 if zone[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])))
