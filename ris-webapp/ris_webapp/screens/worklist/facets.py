"""How many exams each chip would show, never by counting a million rows.

Counted once for everybody, and not more often than the count is worth."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db.models import Count as CountOf
from django.db.models import QuerySet

from ris_core.orders.models import FINISHED, RequestedProcedure
from ris_webapp.screens.worklist.filters import PRIORITIES, STATES, UNFINISHED, Filter
from ris_webapp.screens.worklist.listing import Exams

FRESH_SECONDS = 2.0
"""Counts are at least this fresh, unless counting itself takes longer than a twentieth of it."""

MOST_DAYS = timedelta(days=62)
"""Exams of so long a period are counted exactly."""
MOST_ROWS = 20_000
"""Of longer periods, so many finished and unfinished exams are looked at, from the newest back."""
MOST_FOUND = 1000
"""Of what was searched, so many are counted."""

_KEY = ("exam_state", "modality", "priority_rank")


@dataclass(frozen=True, slots=True)
class Count:
    """How many; ``at_least``: there are more."""

    number: int = 0
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Cube:
    """Number of exams by exam state, modality and priority rank; there are more of the states ``at_least``."""

    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    at_least: frozenset[str] = frozenset()

    def sum(self, wanted: Filter, exam_states: tuple[str, ...]) -> Count:
        """Those in ``exam_states`` (empty: all) under the filter's modality and priority."""
        number = sum(
            count
            for (state, modality, rank), count in self.counts.items()
            if (not exam_states or state in exam_states)
            and (not wanted.modality or modality == wanted.modality)
            and (not wanted.priority_ranks or rank in wanted.priority_ranks)
        )
        more = bool(self.at_least and (not exam_states or self.at_least.intersection(exam_states)))
        return Count(min(number, MOST_FOUND) if more else number, more)


@dataclass(slots=True)
class Facets:
    """Counts for the chips, each under the other filters in force."""

    states: dict[str, Count] = field(default_factory=dict)
    modalities: dict[str, Count] = field(default_factory=dict)
    priorities: dict[str, Count] = field(default_factory=dict)
    total: Count = Count()


class SharedCounts:
    """Counts kept for a moment and shared by the threads of a process.

    One thread counts; the others take the last count meanwhile.

    :param clock: seconds that only grow
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[datetime, datetime] | None, tuple[float, Cube]] = {}
        self._counting = threading.Lock()

    def cube(self, period: tuple[datetime, datetime] | None) -> Cube:
        """The cube of a period (none: all days); somebody else's count from a moment ago while one is being made."""
        kept = self._kept.get(period)
        if kept and kept[0] > self._clock():
            return kept[1]
        if not self._counting.acquire(blocking=kept is None):
            return kept[1] if kept else Cube()
        try:
            began = self._clock()
            cube = _count(period)
            took = self._clock() - began
            if len(self._kept) > 16:  # yesterday's periods
                self._kept.clear()
            self._kept[period] = (self._clock() + max(FRESH_SECONDS, 20 * took), cube)
            return cube
        finally:
            self._counting.release()

    def forget(self) -> None:
        """Count anew at the next call."""
        self._kept.clear()


def _count(period: tuple[datetime, datetime] | None) -> Cube:
    exams = RequestedProcedure.objects.all()
    if period:
        exams = exams.filter(scheduled_at__gte=period[0], scheduled_at__lt=period[1])
    if period and period[1] - period[0] <= MOST_DAYS:
        grouped = exams.order_by().values_list(*_KEY).annotate(count=CountOf("pk"))
        return Cube(Counter({(state, modality, rank): count for state, modality, rank, count in grouped}))
    unfinished = _tallied(exams.filter(exam_state__in=UNFINISHED), MOST_ROWS)
    finished = _tallied(exams.filter(exam_state__in=FINISHED).order_by("-scheduled_at", "-pk"), MOST_ROWS)
    return Cube(unfinished.counts + finished.counts, unfinished.at_least | finished.at_least)


def _tallied(exams: QuerySet[RequestedProcedure], limit: int) -> Cube:
    """Counted row by row, at most ``limit``."""
    counts = Counter(exams.values_list(*_KEY)[: limit + 1])
    states = frozenset(state for state, _, _ in counts)
    return Cube(counts, states if counts.total() > limit else frozenset())


COUNTS = SharedCounts()


def _found(exams: Exams) -> Cube:
    """Of what more than the chips decides; so many of the newest that were found are enough."""
    if exams.newest is not None:
        grouped = exams.newest.order_by().values_list(*_KEY).annotate(count=CountOf("pk"))
        counts = Counter({(state, modality, rank): count for state, modality, rank, count in grouped})
        if counts.total() > MOST_FOUND:
            return Cube(counts, frozenset(state for state, _, _ in counts))
    return _tallied(exams.all, MOST_FOUND)


def facets(wanted: Filter, counts: SharedCounts = COUNTS, narrowed: Exams | None = None) -> Facets:
    """What each chip would show if one clicked it now.

    :param narrowed: the exams under the filter's chips, when more than period and chips decides
    """
    cube = counts.cube(wanted.period()) if narrowed is None else _found(narrowed)
    result = Facets()
    for name, exam_states in STATES.items():
        result.states[name] = cube.sum(replace(wanted, state=name), exam_states)
    for modality in sorted({modality for _, modality, _ in cube.counts}):
        result.modalities[modality] = cube.sum(replace(wanted, modality=modality), wanted.exam_states)
    for name in PRIORITIES:
        result.priorities[name] = cube.sum(replace(wanted, priority=name), wanted.exam_states)
    result.total = cube.sum(wanted, wanted.exam_states)
    return result
