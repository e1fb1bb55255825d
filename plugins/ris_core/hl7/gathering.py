"""Which messages are written in one commit.

One sync to disk can serve several senders, and images share disk and interpreter with it. A message therefore waits a
moment for those of other senders that are busy just now; a sender alone, or the first after a pause, waits for nobody.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Hashable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from ris_core.hl7.mllp_server import Frame


@dataclass(frozen=True, slots=True)
class Patience:
    """How messages wait for each other, in seconds."""

    for_the_first: float = 0.2
    """:meth:`Gathering.take` returns without any after this."""
    between_commits: float = 0.01
    """From one commit to the next while other senders are busy: a message waits for others no longer."""
    busy: float = 0.1
    """A sender is busy this long after its last message."""


class Gathering:
    """Messages on their way from many connections to one writer."""

    MOST: Final = 64
    """In one commit."""

    def __init__(self, patience: Patience = Patience()) -> None:
        self._patience = patience
        self._frames: SimpleQueue[Frame] = SimpleQueue()
        self._committed_at = 0.0
        self._last_message_at: dict[Hashable, float] = {}
        """Of the connections that are busy."""

    def add(self, frame: Frame) -> None:
        """From any thread."""
        self._frames.put(frame)

    def take(self) -> list[Frame]:
        """What is to be written now, in the order in which it came; empty when nothing has come for a while."""
        frames: list[Frame] = []
        with contextlib.suppress(Empty):
            frames.append(self._frames.get(timeout=self._patience.for_the_first))
            while len(frames) < self.MOST:
                frames.append(self._frames.get(timeout=self._worth_waiting(frames)))
        return frames

    def committed(self) -> None:
        """What was taken last is on disk."""
        self._committed_at = time.monotonic()

    @property
    def empty(self) -> bool:
        """Nothing waits."""
        return self._frames.empty()

    def _worth_waiting(self, frames: list[Frame]) -> float:
        """How long the next message may be waited for, in seconds; 0: only one that is here is taken."""
        now = time.monotonic()
        here = {frame.connection for frame in frames}
        self._last_message_at.update(dict.fromkeys(here, now))
        for quiet in [each for each, at in self._last_message_at.items() if now - at > self._patience.busy]:
            del self._last_message_at[quiet]
        others_are_busy = len(self._last_message_at) > len(here)
        return max(0.0, self._committed_at + self._patience.between_commits - now) if others_are_busy else 0.0
