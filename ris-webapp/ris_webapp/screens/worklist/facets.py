"""How many exams each chip would show. Counted once for everybody, and not more often than the count is worth."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Count

from ris_core.orders.models import RequestedProcedure
from ris_webapp.screens.worklist.filters import PRIORITIES, STATES, Filter

FRESH_SECONDS = 2.0
"""Counts are at least this fresh, unless counting itself takes longer than a twentieth of it."""

Cube = Counter[tuple[str, str, int]]
"""Number of exams by exam state, modality and priority rank."""


@dataclass(slots=True)
class Facets:
    """Counts for the chips, each under the other filters in force."""

    states: dict[str, int] = field(default_factory=dict)
    modalities: dict[str, int] = field(default_factory=dict)
    priorities: dict[str, int] = field(default_factory=dict)
    total: int = 0


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
            return kept[1] if kept else Counter()
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
    grouped = exams.order_by().values_list("exam_state", "modality", "priority_rank").annotate(count=Count("pk"))
    return Counter({(state, modality, rank): count for state, modality, rank, count in grouped})


COUNTS = SharedCounts()


def facets(wanted: Filter, counts: SharedCounts = COUNTS) -> Facets:
    """What each chip would show if one clicked it now."""
    cube = counts.cube(wanted.period())
    result = Facets()
    for name, exam_states in STATES.items():
        result.states[name] = _sum(cube, replace(wanted, state=name), exam_states)
    for modality in sorted({modality for _, modality, _ in cube}):
        result.modalities[modality] = _sum(cube, replace(wanted, modality=modality), wanted.exam_states)
    for name in PRIORITIES:
        result.priorities[name] = _sum(cube, replace(wanted, priority=name), wanted.exam_states)
    result.total = _sum(cube, wanted, wanted.exam_states)
    return result


def _sum(cube: Cube, wanted: Filter, exam_states: tuple[str, ...]) -> int:
    return sum(
        count
        for (state, modality, rank), count in cube.items()
        if (not exam_states or state in exam_states)
        and (not wanted.modality or modality == wanted.modality)
        and (not wanted.priority_ranks or rank in wanted.priority_ranks)
    )
