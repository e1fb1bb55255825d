"""Refusals on their way to the registry: kept in memory while somebody is answered, written a moment later."""

from __future__ import annotations

import threading
from typing import Final

from ris_core.devices.services import Refusal, note_refusals

_MOST: Final = 1_000
"""Titles and services waiting; further ones are only refused."""


class RefusalsToNote:
    """The latest refusal of each title and service."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Refusal] = {}
        self._lock = threading.Lock()

    def add(self, refusal: Refusal) -> None:
        key = (refusal.ae_title, refusal.service)
        with self._lock:
            if key in self._waiting or len(self._waiting) < _MOST:
                self._waiting[key] = refusal

    def write(self) -> None:
        """Write what waits.

        :raises django.db.DatabaseError: when it cannot be written; it goes on waiting
        """
        with self._lock:
            waiting = dict(self._waiting)
        if waiting:
            note_refusals(list(waiting.values()))
            with self._lock:
                self._waiting = {key: kept for key, kept in self._waiting.items() if waiting.get(key) is not kept}
