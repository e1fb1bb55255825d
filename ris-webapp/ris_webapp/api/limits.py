"""How many requests one caller may make in a minute, counted in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ris_core.access.errors import TooManyRequests


class MinuteLimit:
    """Counts each name's requests in the present minute; forgets them all when the next begins."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minute = 0
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, name: str, most: int) -> None:
        """Count one request of ``name``.

        :raises TooManyRequests: when it has made ``most`` of them in this minute already
        """
        minute = int(self._clock() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            count = self._counts[name] = self._counts.get(name, 0) + 1
        if count > most:
            raise TooManyRequests(f"at most {most} requests a minute; try again in a minute")
