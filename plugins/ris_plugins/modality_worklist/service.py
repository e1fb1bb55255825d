"""Answers worklist queries from the domain's worklist, and logs who fetched what off the answer's path."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from django.utils import timezone

from ris_core.worklist.services import Fetch, FoundEntries, find_entries, note_fetched
from ris_plugins.modality_worklist.codec import read_query
from ris_plugins.modality_worklist.settings import FETCH_LOG_SECONDS, MOST_UNWRITTEN_FETCHES


class _Stopping(Protocol):
    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class WorklistAnswering:
    """Finds the entries for a query and remembers the fetch."""

    def __init__(self, max_answers: int, fetch_log: FetchLog) -> None:
        self._max_answers = max_answers
        self._fetch_log = fetch_log

    def answer(self, identifier: bytes, calling_ae_title: str, address: str) -> FoundEntries:
        """What the query finds.

        :raises InvalidValue: when the query is malformed
        :raises django.db.DatabaseError: when the database cannot be asked
        """
        found = find_entries(read_query(identifier), self._max_answers)
        if found.step_ids:
            self._fetch_log.add(Fetch(found.step_ids, calling_ae_title.strip(), address, timezone.now()))
        return found


class FetchLog:
    """Fetches on their way to the database: added by queries in memory, written in batches by a thread."""

    def __init__(self, report_forgotten: Callable[[int], None]) -> None:
        self._waiting: deque[Fetch] = deque()
        self._lock = threading.Lock()
        self._forgotten = 0
        self._report_forgotten = report_forgotten

    def add(self, fetch: Fetch) -> None:
        with self._lock:
            if len(self._waiting) >= MOST_UNWRITTEN_FETCHES:
                self._waiting.popleft()
                self._forgotten += 1
            self._waiting.append(fetch)

    def write(self) -> None:
        """Write what waits; when that fails it goes on waiting.

        :raises django.db.DatabaseError: when the database cannot be written
        """
        with self._lock:
            batch = list(self._waiting)
            self._waiting.clear()
            forgotten, self._forgotten = self._forgotten, 0
        if forgotten:
            self._report_forgotten(forgotten)
        try:
            note_fetched(batch)
        except Exception:
            with self._lock:
                self._waiting.extendleft(reversed(batch))
            raise

    def keep_writing(self, unit: Callable[[], AbstractContextManager[None]], stopping: _Stopping) -> None:
        """Write every :data:`FETCH_LOG_SECONDS`, each time within ``unit()``, until stopping; then once more."""
        while True:
            stopped = stopping.wait(FETCH_LOG_SECONDS)
            if self._waiting:
                with unit():
                    self.write()
            if stopped:
                return
