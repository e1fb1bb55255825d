"""Orders by HL7: an MLLP server on one thread, one writer on another, answers only after the commit.

The writer takes what has come in while it was writing and commits it together: with several senders one sync to disk
serves them all, and no sender waits longer than one transaction before its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import Protocol

from django.utils import timezone

from ris_core.hl7.mllp_server import Frame, MllpServer
from ris_core.intake.services import apply_message
from ris_core.messages.services import Received, not_stored, receive
from ris_plugins.hl7_order_intake.settings import IntakeSettings

log = logging.getLogger(__name__)

_MOST_IN_ONE_COMMIT = 64
_POLL_SECONDS = 0.2
_LEAVE_SECONDS = 5.0
"""How long answers that are owed may take when the server stops."""


class Stopping(Protocol):
    """Tells that the engine stops."""

    def is_set(self) -> bool: ...


class OrderIntake:
    """Receives order messages on the configured port.

    :meth:`serve` and :meth:`write` each run on a thread of their own until they are told to stop.

    :param unit_of_work: lends a database connection for one transaction
    """

    def __init__(self, settings: IntakeSettings, unit_of_work: Callable[[], AbstractContextManager[None]]) -> None:
        self._unit_of_work = unit_of_work
        self._frames: SimpleQueue[Frame] = SimpleQueue()
        self.server = MllpServer(settings.host, settings.port, settings.limits, self._frames.put, settings.tls)
        self._serving = False

    def serve(self, stopping: Stopping) -> None:
        """Run the MLLP server.

        :raises OSError: when the port cannot be opened
        """
        asyncio.run(self._serve(stopping))

    async def _serve(self, stopping: Stopping) -> None:
        await self.server.start()
        self._serving = True
        log.info("HL7: listening on %s:%d", self.server.host, self.server.port)
        if self.server.tls:
            log.info("HL7 over TLS: listening on %s:%d", self.server.tls.host, self.server.tls.port)
        try:
            while not stopping.is_set():
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            self.server.stop_listening()
            for _ in range(int(_LEAVE_SECONDS / _POLL_SECONDS)):
                if not self.server.connections:
                    break
                await asyncio.sleep(_POLL_SECONDS)
            self.server.close()
            self._serving = False

    def write(self, stopping: Stopping) -> None:
        """Write what comes in until the server has stopped and nothing is left."""
        while self._serving or not stopping.is_set() or not self._frames.empty():
            frames = self._waiting_frames()
            if frames:
                self.server.deliver(
                    [(f.connection, answer) for f, answer in zip(frames, self.answers(frames), strict=True)]
                )

    def answers(self, frames: list[Frame]) -> list[bytes]:
        """Take in ``frames`` in one commit; the answer to each."""
        now = timezone.now()
        received = [
            Received(frame.raw, frame.connection.peer, now, frame.broken, frame.connection.certificate)
            for frame in frames
        ]
        try:
            with self._unit_of_work():
                return receive(received, apply_message)
        except Exception:  # whatever happens here, senders must not wait for ever, and must not believe it is stored
            log.exception("HL7 orders: %d messages not stored", len(frames))
            return [not_stored(message) for message in received]

    def _waiting_frames(self) -> list[Frame]:
        """What has come in; waits a little for the first."""
        frames: list[Frame] = []
        with contextlib.suppress(Empty):
            frames.append(self._frames.get(timeout=_POLL_SECONDS))
            while len(frames) < _MOST_IN_ONE_COMMIT:
                frames.append(self._frames.get_nowait())
        return frames
