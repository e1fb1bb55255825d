"""Threads that live as long as Orthanc: started when its REST API is ready, told to end and joined when it stops."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from orthanc_host.host import Stopping
from orthanc_host.journal import Journal

RESTART_SECONDS = 5.0
JOIN_SECONDS = 15.0
NICENESS = 5
"""Of threads that run after images: added to that of the engine's own, which store and serve them."""


class BackgroundThreads:
    """Daemon threads by name. One that fails is logged and run again after ``RESTART_SECONDS``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._stopping = threading.Event()
        self._runs: list[tuple[str, Callable[[Stopping], None], bool]] = []
        self._threads: list[threading.Thread] = []

    def add(self, name: str, run: Callable[[Stopping], None], *, after_images: bool = False) -> None:
        """To be started by :meth:`start`; ``after_images``: it can wait where processors are short."""
        self._runs.append((name, run, after_images))

    def start(self) -> None:
        for name, run, after_images in self._runs:
            thread = threading.Thread(target=self._keep_running, args=(name, run, after_images), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Tell all to end and wait for them, together :data:`JOIN_SECONDS` at most: Orthanc must not hang."""
        self._stopping.set()
        deadline = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
            if thread.is_alive():
                self._journal.warning("background thread did not end in time", thread=thread.name)

    def _keep_running(self, name: str, run: Callable[[Stopping], None], after_images: bool) -> None:
        if after_images:
            os.nice(NICENESS)  # on Linux of this thread alone
        while not self._stopping.is_set():
            try:
                run(self._stopping)
                return
            except Exception as error:  # noqa: BLE001 (logged, and run again: a feature must not die silently)
                self._journal.failure("background thread failed", error, thread=name)
                self._stopping.wait(RESTART_SECONDS)
