"""Bar charts as numbers that a template draws as SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.translation import gettext as _

from ris_core.statistics.period import Period
from ris_core.statistics.turnaround import LIMITS_MINUTES, Stage

WIDTH: Final = 960
HEIGHT: Final = 150


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; ``part`` is the height of what is filled darker. In units of the chart."""

    x: float
    width: float
    height: float
    part: float
    title: str
    label: str


def days_chart(period: Period, days: Iterable[tuple[date, int, int]]) -> list[Bar]:
    """A bar for each day: exams, of them with images."""
    rows = list(days)
    length = (period.last - period.first).days + 1
    slot, top = WIDTH / length, max((ordered for _day, ordered, _done in rows), default=0) or 1
    every = max(1, length // 15)
    bars = []
    for day, ordered, done in rows:
        number = (day - period.first).days
        label = day.strftime("%d/%m") if number % every == 0 else ""
        title = _("%(day)s: %(ordered)s ca, %(done)s có ảnh") % {
            "day": day.strftime("%d/%m/%Y"), "ordered": ordered, "done": done,
        }  # fmt: skip
        height, part = HEIGHT * ordered / top, HEIGHT * min(done, ordered) / top
        bars.append(Bar(number * slot + slot * 0.1, slot * 0.8, height, part, title, label))
    return bars


def stage_chart(stage: Stage) -> list[Bar]:
    """A bar for each class of duration."""
    slot, top = WIDTH / len(stage.counts), max(stage.counts) or 1
    labels = [f"≤ {in_words(limit)}" for limit in LIMITS_MINUTES] + [f"> {in_words(LIMITS_MINUTES[-1])}"]
    return [
        Bar(number * slot + slot * 0.08, slot * 0.84, HEIGHT * count / top, 0.0, f"{label}: {count}", label)
        for number, (count, label) in enumerate(zip(stage.counts, labels, strict=True))
    ]


def in_words(minutes: float | None) -> str:
    """``45 ph``, ``2 g 30``, ``3 ng``; a dash for none."""
    if minutes is None:
        return "–"
    whole = round(minutes)
    if whole < 60:
        return _("%(count)s ph") % {"count": whole}
    if whole < 1440:
        hours, rest = divmod(whole, 60)
        return _("%(hours)s g") % {"hours": hours} + (f" {rest:02d}" if rest else "")
    return _("%(days)s ng") % {"days": f"{whole / 1440:.1f}".removesuffix(".0")}
