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
from datetime import tzinfo
from queue import Empty, SimpleQueue
from typing import Protocol

from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.errors import IdentityConflict, InvalidValue, QuangError, TransitionRefused
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message
from ris_core.hl7.mllp_server import Frame, MllpServer
from ris_core.messages.services import Received, not_stored, receive
from ris_core.orders.errors import OrderExists, UnknownOrder
from ris_core.orders.services import cancel_order, change_order, place_order, require_order
from ris_plugins.hl7_order_intake.codec import Action, OrderCommand, read_commands
from ris_plugins.hl7_order_intake.settings import IntakeSettings

log = logging.getLogger(__name__)

_MOST_IN_ONE_COMMIT = 64
_POLL_SECONDS = 0.2
_LEAVE_SECONDS = 5.0
"""How long answers that are owed may take when the server stops."""

_ERROR_CODES: dict[type[QuangError], ErrorCode] = {
    UnknownOrder: ErrorCode.UNKNOWN_KEY_IDENTIFIER,
    OrderExists: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    IdentityConflict: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    TransitionRefused: ErrorCode.APPLICATION_RECORD_LOCKED,
    InvalidValue: ErrorCode.DATA_TYPE_ERROR,
}

_PLACES: dict[str, tuple[str, int]] = {
    "patient_identifier": ("PID", 3),
    "PatientID": ("PID", 3),
    "PatientBirthDate": ("PID", 7),
    "placer_order_number": ("ORC", 2),
    "service_code": ("OBR", 4),
    "accession_number": ("OBR", 18),
    "visit_number": ("PV1", 19),
    "study_instance_uid": ("ZDS", 1),
    "ScheduledStationAETitle": ("IPC", 9),
    "Modality": ("OBR", 24),
}
"""Where in a message a field of the domain stands."""


def apply_order_message(message: Message, actor: Actor, zone: tzinfo) -> None:
    """Carry out every order of ``message``, in the current transaction.

    :raises MessageRefused: naming the place in the message that is wrong; the caller undoes what was done before it
    """
    for command in read_commands(message, zone):
        try:
            _carry_out(command, actor)
        except QuangError as error:
            raise _refusal(error, command) from error


def _carry_out(command: OrderCommand, actor: Actor) -> None:
    if command.action is Action.NOTHING:
        require_order(command.source, command.placer_order_number)
    elif command.order is None:
        cancel_order(
            command.source,
            command.placer_order_number,
            actor,
            service_code=command.service_code,
            patient_identifiers=command.patient_identifiers,
            discontinue=command.action is Action.DISCONTINUE,
        )
    elif command.action is Action.CHANGE:
        change_order(command.order, actor)
    else:
        place_order(command.order, actor)


def _refusal(error: QuangError, command: OrderCommand) -> MessageRefused:
    code = next((code for kind, code in _ERROR_CODES.items() if isinstance(error, kind)), ErrorCode.DATA_TYPE_ERROR)
    if error.field == "service_code" and isinstance(error, InvalidValue):
        code = ErrorCode.TABLE_VALUE_NOT_FOUND
    segment, field = _PLACES.get(error.field, ("", 0))
    if segment == "ZDS" and "ZDS" not in command.sequences:
        segment, field = "IPC", 3
    return MessageRefused(
        f"{segment}-{field}: {error.detail}" if segment else error.detail,
        error=code,
        location=Location(segment, command.sequences.get(segment, 1), field) if segment else None,
        held=isinstance(error, IdentityConflict),
        code=error.code,
    )


class Stopping(Protocol):
    """Tells that the engine stops."""

    def is_set(self) -> bool: ...


class OrderIntake:
    """Receives order messages on the configured port.

    :meth:`serve` and :meth:`write` each run on a thread of their own until they are told to stop.

    :param unit_of_work: lends a database connection for one transaction
    """

    def __init__(self, settings: IntakeSettings, unit_of_work: Callable[[], AbstractContextManager[None]]) -> None:
        self._zone = settings.zone
        self._unit_of_work = unit_of_work
        self._frames: SimpleQueue[Frame] = SimpleQueue()
        self.server = MllpServer(settings.host, settings.port, settings.limits, self._frames.put)
        self._serving = False

    def serve(self, stopping: Stopping) -> None:
        """Run the MLLP server.

        :raises OSError: when the port cannot be opened
        """
        asyncio.run(self._serve(stopping))

    async def _serve(self, stopping: Stopping) -> None:
        await self.server.start()
        self._serving = True
        log.info("HL7 orders: listening on %s:%d", self.server.host, self.server.port)
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
        received = [Received(frame.raw, frame.connection.peer, now, frame.broken) for frame in frames]
        try:
            with self._unit_of_work():
                return receive(received, self._apply)
        except Exception:  # whatever happens here, senders must not wait for ever, and must not believe it is stored
            log.exception("HL7 orders: %d messages not stored", len(frames))
            return [not_stored(message) for message in received]

    def _apply(self, message: Message, actor: Actor) -> None:
        apply_order_message(message, actor, self._zone)

    def _waiting_frames(self) -> list[Frame]:
        """What has come in; waits a little for the first."""
        frames: list[Frame] = []
        with contextlib.suppress(Empty):
            frames.append(self._frames.get(timeout=_POLL_SECONDS))
            while len(frames) < _MOST_IN_ONE_COMMIT:
                frames.append(self._frames.get_nowait())
        return frames
