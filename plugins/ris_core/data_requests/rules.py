"""Until when a request is answered, and what may not be promised. Pure decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

FIRST_REPLY_WORKING_DAYS = 2
"""Within which who asked is told that it was received (decree 356/2025/NĐ-CP); holidays are not known here."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands today."""

    open: bool
    overdue: bool
    days_left: int
    """Below 0 when overdue; of an answered one as on the day of the answer."""


def due(received: date, days: int) -> date:
    """The last day for the answer: ``days`` days after the day of receipt."""
    return received + timedelta(days=days)


def first_reply(received: date) -> date:
    """The last day to say that it was received: working days are Monday to Friday."""
    day, left = received, FIRST_REPLY_WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return day


def standing(due_on: date, answered_on: date | None, today: date) -> Standing:
    """As the list and the page show it."""
    left = (due_on - (answered_on or today)).days
    return Standing(open=answered_on is None, overdue=left < 0, days_left=left)


def kept_until(latest_exam: date, years: int) -> date:
    """The last day of the period of storage of a record whose latest exam was then."""
    try:
        return latest_exam.replace(year=latest_exam.year + years)
    except ValueError:  # 29 February
        return latest_exam.replace(year=latest_exam.year + years, day=28)
