"""One association that the gate has taken: the node's connection, and the engine's on its behalf."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from ris_core.devices.admission import Caller, Reason, Service
from ris_core.devices.queries import NodeOperation
from ris_core.errors import InvalidValue
from ris_core.hl7.mllp_tls import names_of
from ris_plugins.dicom_gate import codec

if TYPE_CHECKING:
    from ris_plugins.dicom_gate.service.gate import Gate

log = logging.getLogger(__name__)

_LOOPBACK: Final = "127.0.0.1"
_TAKES_NOTHING_SECONDS: Final = 120
"""A node that takes nothing of what it is sent for so long is gone: it would keep its place for ever."""
_TITLE_UNKNOWN, _CALLED_UNKNOWN, _CONGESTION = 3, 7, 1
_NO_PLACE: Final = codec.rejection(reason=_CONGESTION, transient=True, source=3)
_TURNED_AWAY_SECONDS: Final = 5.0
"""For whom there is no place may send its request for so long: answered before, it would see a reset connection, for
what it sends then arrives at nobody."""


class Side(asyncio.Protocol):
    """A connection, and what its other side may ask of it at any time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio gives to a stream's protocol
        self._transport = transport

    def eof_received(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        """Send what is left, then close."""
        if self._transport is not None:
            self._transport.close()


class Association(Side):
    """The node's side."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate
        self._engine: EngineSide | None = None
        self._head = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._taken = False
        self._carried: bytes | None = None
        """By which the carrier knows it, once it has it."""
        self.watch: codec.Watch | None = None
        self.caller = Caller("", "")
        self.request: codec.AssociationRequest | None = None
        self.refused: frozenset[Service] = frozenset()
        self.behind = ""

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        address = str((transport.get_extra_info("peername") or ("?",))[0])
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TAKES_NOTHING_SECONDS * 1000)
        tls = transport.get_extra_info("ssl_object")
        self.caller = Caller("", address.removeprefix("::ffff:"), names_of(tls) if tls else None)
        self._taken = self._gate.takes(self)
        seconds, last_words = self._gate.settings.request_timeout_seconds, codec.abort()
        if not self._taken:
            log.warning("DICOM: %s has too many associations, or all have", self.caller.address)
            if not self._gate.turns_away(self):
                self._leave(_NO_PLACE)
                return
            seconds, last_words = min(seconds, _TURNED_AWAY_SECONDS), _NO_PLACE
        self._timer = asyncio.get_running_loop().call_later(seconds, self._leave, last_words)

    def data_received(self, data: bytes) -> None:
        if self._engine is not None:
            if self.watch is None or self._watched(self.watch.from_node, data):
                self._engine.write(data)
            return
        self._head += data
        if self.request is None:
            self._read_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._carried is not None:
            return
        self._stop_timer()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._taken:
            self._gate.forget(self)
        else:
            self._gate.has_left(self)
        if self._engine is not None:
            self._engine.close()
        if self.watch is not None:
            for operation in self.watch.unfinished():
                self._done(operation)

    def pause_writing(self) -> None:
        if self._engine is not None:
            self._engine.pause()

    def resume_writing(self) -> None:
        if self._engine is not None:
            self._engine.resume()

    # what the other side calls

    def from_engine(self, data: bytes) -> None:
        """Pass on what the engine says."""
        self.write(data)
        if self.watch is not None:
            self._watched(self._see_answers, data)

    def end(self) -> None:
        """At once: neither side is asked."""
        if self._carried is not None:
            self._gate.carrier.end(self._carried)
        elif self._transport is not None:
            self._transport.abort()

    # what happens between the connection and the engine

    def _read_request(self) -> None:
        head = self._head
        if len(head) < codec.HEADER_BYTES:
            return
        length = codec.HEADER_BYTES + int.from_bytes(head[2:6], "big")
        if head[0] != codec.ASSOCIATE_REQUEST or length > codec.MOST_REQUEST_BYTES:
            self._leave(codec.abort())
            return
        if len(head) < length:
            return
        self._stop_timer()
        if not self._taken:
            self._leave(_NO_PLACE)
            return
        pdu = bytes(head[:length])
        try:
            request = codec.read_request(pdu)
        except InvalidValue as error:
            log.warning("DICOM: %s: %s", self.caller.address, error.detail)
            self._leave(codec.abort())
            return
        self.request = request
        self.caller = Caller(request.calling, self.caller.address, self.caller.certificate)
        try:
            reason = self._gate.verdict(request, self.caller)
        except LookupError:
            self._leave(_NO_PLACE)
            return
        if reason is not None:
            log.warning("DICOM: an association from %s is refused: %s", self.caller.address, reason)
            self._gate.note(self.caller, Service.ASSOCIATION, reason)
            self._leave(codec.rejection(reason=_CALLED_UNKNOWN if reason is Reason.CALLED else _TITLE_UNKNOWN))
            return
        self.refused = self._gate.refused_services(request, request.calling)
        for service in self.refused:
            self._gate.note(self.caller, service, Reason.NOT_ALLOWED)
        if request.services - self.refused - {Service.COMMITMENT}:
            self.watch = codec.Watch()
        head[:length] = codec.without(pdu, request, self.refused)
        self.pause()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        settings = self._gate.settings
        self.behind = self._gate.place(self)
        loop = asyncio.get_running_loop()
        connection = socket.socket()
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(settings.engine_timeout_seconds):
                connection.bind((self.behind, 0))
                await loop.sock_connect(connection, (_LOOPBACK, settings.engine_port))
                if self._can_be_carried():
                    await loop.sock_sendall(connection, bytes(self._head))
                    self._hand_over(connection)
                    return
                _, engine = await loop.create_connection(lambda: EngineSide(self), sock=connection)
        except (OSError, TimeoutError):
            connection.close()
            log.exception("DICOM: the engine cannot be reached")
            self._leave(_NO_PLACE)
            return
        except asyncio.CancelledError:  # the node has left
            connection.close()
            raise
        self._connecting = None
        self._engine = engine
        if self._transport is None:
            engine.close()
            return
        first, self._head = bytes(self._head), bytearray()
        if self.watch is not None and not self._watched(self.watch.from_node, first):
            return
        engine.write(first)
        self.resume()

    def _can_be_carried(self) -> bool:
        """Nothing in it is to be read, and nothing deciphered."""
        return self.watch is None and self.caller.certificate is None and self._gate.carrier.can

    def _hand_over(self, engine: socket.socket) -> None:
        """Give both connections to the carrier; what has come from the node is with the engine.

        :raises OSError: it does not take them
        """
        if self._transport is None:
            engine.close()
            return
        node = socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno()))
        self._connecting = None
        self._carried = self._gate.carrier.carry(node, engine, lambda: self._gate.forget(self))
        self._transport.abort()  # this end of the connection: the carrier has its own

    def _watched(self, read: Callable[[bytes], object], data: bytes) -> bool:
        """Whether ``data`` could be followed; if not, the association is ended: its queries would be in no audit
        trail."""
        try:
            read(data)
        except InvalidValue as error:
            log.warning("DICOM: an association of %s is ended: %s", self.caller.ae_title, error.detail)
            self.end()
            return False
        return True

    def _see_answers(self, data: bytes) -> None:
        if self.watch is not None:
            for operation in self.watch.from_engine(data):
                self._done(operation)

    def _done(self, operation: codec.Operation) -> None:
        self._gate.operations.append(
            NodeOperation(
                ae_title=self.caller.ae_title,
                address=self.caller.address,
                at=timezone.now(),
                service=operation.kind,
                level=operation.level,
                study_uids=operation.study_uids,
                destination=operation.destination,
                answers=operation.answers,
                failed=operation.failed,
                status=operation.status,
            )
        )

    def _leave(self, last_words: bytes) -> None:
        if self._transport is not None:
            self._transport.write(last_words)
            self._transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class EngineSide(Side):
    """The connection to the engine on behalf of one node."""

    def __init__(self, node: Association) -> None:
        super().__init__()
        self._node = node

    def data_received(self, data: bytes) -> None:
        self._node.from_engine(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._node.close()

    def pause_writing(self) -> None:
        self._node.pause()

    def resume_writing(self) -> None:
        self._node.resume()
