"""The one mechanism around everything that the engine calls: connection, measurement, log, mapped errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from orthanc_host.connections import ConnectionSource
from orthanc_host.journal import Journal


@dataclass(slots=True)
class CallbackFigures:
    """How often a callback ran, how often it failed, and how long it took (in seconds)."""

    calls: int = 0
    failures: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0


class Guard:
    """Lends a database connection to what runs inside it, measures it, logs its errors and lets them go on."""

    def __init__(self, connections: ConnectionSource, journal: Journal) -> None:
        self.connections = connections
        self.journal = journal
        self._figures: dict[str, CallbackFigures] = {}
        self._lock = threading.Lock()

    @contextmanager
    def unit(self, name: str) -> Iterator[None]:
        """A unit of work with a database connection."""
        with self.measured(name), self.connections.lend():
            yield

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """A unit of work without a database connection."""
        started = time.perf_counter()
        failed = True
        try:
            yield
            failed = False
        except Exception as error:
            self.journal.failure("callback failed", error, callback=name)
            raise
        finally:
            seconds = time.perf_counter() - started
            with self._lock:
                figures = self._figures.get(name)
                if figures is None:
                    figures = self._figures[name] = CallbackFigures()
                figures.calls += 1
                figures.failures += failed
                figures.seconds += seconds
                figures.longest_seconds = max(figures.longest_seconds, seconds)

    def figures(self) -> dict[str, dict[str, float]]:
        """Figures by callback, for monitoring."""
        with self._lock:
            return {name: asdict(figures) for name, figures in sorted(self._figures.items())}
