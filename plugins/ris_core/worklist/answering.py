"""Answers worklist queries from the domain's worklist, and logs who asked and fetched what off the answer's path."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from django.utils import timezone

from ris_core.audit.counted import Read, ReadCounts
from ris_core.audit.models import ActorKind
from ris_core.devices.models import RefusedDevice
from ris_core.devices.registered import registered_device
from ris_core.devices.rules import RegisteredDevice
from ris_core.devices.services import Refusal, note_refusals
from ris_core.errors import NotPermitted
from ris_core.settings import Settings
from ris_core.worklist.history import Fetch, note_fetched
from ris_core.worklist.query import read_query
from ris_core.worklist.services import FoundEntries, find_entries

FETCH_LOG_SECONDS = 0.5
"""How often the log of fetches is written."""
AUDIT_SECONDS = 60.0
"""How often the audit trail is told which devices have asked."""
MOST_UNWRITTEN_FETCHES = 10_000
"""Queries kept for the log while the database cannot be reached; beyond it the oldest are forgotten, and it is said."""


class _Stopping(Protocol):
    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class WorklistAnswering:
    """Finds the entries for a query as the device that asks may see them, and remembers the fetch.

    :param writes_sets: whether who sends the answers can write them in the device's own character set
    """

    def __init__(self, settings: Settings, fetch_log: FetchLog, *, writes_sets: bool) -> None:
        self._max_answers = settings.worklist.max_answers
        self._registered_only = settings.dicom.registered_only
        self._fetch_log = fetch_log
        self._writes_sets = writes_sets

    def answer(self, identifier: bytes, calling_ae_title: str, address: str) -> FoundEntries:
        """What the query finds.

        :raises NotPermitted: when the device is not registered for it
        :raises InvalidValue: when the query is malformed
        :raises django.db.DatabaseError: when the database cannot be asked
        """
        ae_title = calling_ae_title.strip()
        device = self._admitted(ae_title, address)
        keys = read_query(identifier)
        found = find_entries(keys, self._max_answers, device)
        self._fetch_log.add(Fetch(found.step_ids, ae_title, address, timezone.now(), keys, found.complete))
        return found

    def _admitted(self, ae_title: str, address: str) -> RegisteredDevice | None:
        device = registered_device(ae_title)
        if device is None and not self._registered_only:
            return None
        if device is None or not device.active or not device.may_query_worklist:
            self._fetch_log.add(Refusal(ae_title, RefusedDevice.Service.WORKLIST, address, timezone.now()))
            raise NotPermitted("the device is not registered for the worklist", field="CallingAETitle")
        return device if self._writes_sets else device.in_utf_8_or_ascii()


class FetchLog:
    """Fetches and refusals on their way to the database: added by queries in memory, written in batches by a thread."""

    def __init__(self, report_forgotten: Callable[[int], None]) -> None:
        self._waiting: deque[Fetch | Refusal] = deque()
        self._lock = threading.Lock()
        self._reads = ReadCounts()
        self._audited_at = time.monotonic()
        self._forgotten = 0
        self._report_forgotten = report_forgotten

    def add(self, event: Fetch | Refusal) -> None:
        with self._lock:
            if len(self._waiting) >= MOST_UNWRITTEN_FETCHES:
                self._waiting.popleft()
                self._forgotten += 1
            self._waiting.append(event)
        if isinstance(event, Fetch):
            self._reads.add(Read(ActorKind.DEVICE, f"modality:{event.ae_title}", event.address, "worklist.queried"))

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
            note_fetched([event for event in batch if isinstance(event, Fetch)])
            batch = [event for event in batch if isinstance(event, Refusal)]
            note_refusals([event for event in batch if isinstance(event, Refusal)])
        except Exception:
            with self._lock:
                self._waiting.extendleft(reversed(batch))
            raise
        if self._audit_due():
            self._reads.write()

    def _audit_due(self) -> bool:
        """Devices ask every few seconds: the audit trail is told how often each has, not each time."""
        due = time.monotonic() - self._audited_at > AUDIT_SECONDS
        if due:
            self._audited_at = time.monotonic()
        return due

    def keep_writing(self, unit: Callable[[], AbstractContextManager[None]], stopping: _Stopping) -> None:
        """Write every :data:`FETCH_LOG_SECONDS`, each time within ``unit()``, until stopping; then once more."""
        while True:
            stopped = stopping.wait(FETCH_LOG_SECONDS)
            if self._waiting or stopped or time.monotonic() - self._audited_at > AUDIT_SECONDS:
                with unit():
                    self.write()
                    if stopped:
                        self._reads.write()
            if stopped:
                return
