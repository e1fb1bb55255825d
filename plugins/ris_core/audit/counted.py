"""Reads that come by the thousand, counted in memory and written as one event for who read what in half a minute.

A series is hundreds of requests for frames: an event for each would be a database write for each and say no more. What
opens the images (``images.opened``, ``launch.opened`` …) is written at once; this adds what was then really fetched.
Killed, a process loses at most its last :data:`WRITE_SECONDS` of counts.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from ris_core.accounts.models import User
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.studies.models import Study

WRITE_SECONDS: Final = 30.0
MOST_COUNTED: Final = 5_000
"""Different reads kept between two writes; further ones are counted together, as of nobody in particular."""


@dataclass(frozen=True, slots=True)
class Read:
    """Who read what; equal ones are counted together."""

    kind: ActorKind
    actor: str
    address: str
    action: str
    study_uid: str = ""


class _Stopping(Protocol):
    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class ReadCounts:
    """Counts of reads on their way to the database. Safe for any number of threads."""

    def __init__(self) -> None:
        self._counts: Counter[Read] = Counter()
        self._lock = threading.Lock()

    def add(self, read: Read) -> None:
        """Count one: a few microseconds, no database."""
        with self._lock:
            if len(self._counts) >= MOST_COUNTED and read not in self._counts:
                read = Read(ActorKind.ANYBODY, "others", "", read.action)
            self._counts[read] += 1

    def write(self) -> int:
        """Write what was counted since the last time; returns how many events that were.

        :raises django.db.DatabaseError: it cannot be written; it goes on waiting
        """
        with self._lock:
            counted, self._counts = self._counts, Counter()
        written: set[Read] = set()
        try:
            accounts = User.objects.filter(username__in={read.actor for read in counted})
            users = dict(accounts.values_list("username", "pk"))
            studies = Study.objects.filter(study_instance_uid__in={read.study_uid for read in counted})
            rows = studies.values_list("study_instance_uid", "pk", "patient_id")
            known = {uid: (key, patient) for uid, key, patient in rows}
            for read, requests in counted.items():
                study, patient = known.get(read.study_uid, (None, None))
                user = users.get(read.actor) if read.kind is ActorKind.USER else None
                kind = ActorKind.RECEIVER if read.kind is ActorKind.USER and user is None else read.kind
                actor = Actor(read.actor, user_id=user, address=read.address, kind=kind)
                subject = f"study:{study}" if study else ""
                record(actor, read.action, subject=subject, patient_id=patient, requests=requests)
                written.add(read)
        finally:
            with self._lock:
                self._counts.update({read: count for read, count in counted.items() if read not in written})
        return len(written)

    def keep_writing(self, unit: Callable[[], AbstractContextManager[None]], stopping: _Stopping) -> None:
        """Write every :data:`WRITE_SECONDS`, each time within ``unit()``, until stopping; then once more."""
        while True:
            stopped = stopping.wait(WRITE_SECONDS)
            if self._counts:
                with unit():
                    self.write()
            if stopped:
                return
