"""The gate: takes the devices' associations, asks the registry, and passes what is let in on to the engine.

One asyncio loop on a thread inside the engine. It reads the association request and, of nodes that may query or
retrieve, the commands; everything else is passed on as it comes, in both directions, as fast as the other side takes
it. Where nothing is to be read or deciphered any more, a process of its own passes on
(:mod:`ris_plugins.dicom_gate.carrier`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from django.utils import timezone

from ris_core.devices.admission import Caller, Node, Reason, Service, why_refused
from ris_core.devices.queries import NodeOperation
from ris_core.devices.refusals import RefusalsToNote
from ris_core.devices.services import Refusal
from ris_core.errors import InvalidValue
from ris_core.hl7.mllp_tls import names_of
from ris_plugins.dicom_gate import codec
from ris_plugins.dicom_gate.carrier import Carrier
from ris_plugins.dicom_gate.settings import GateSettings

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.1
_LEAVE_SECONDS: Final = 3.0
"""At the stop, what devices are sending is let finish for so long; what is cut off was not acknowledged."""
_BACKLOG: Final = 128
_MOST_UNWRITTEN: Final = 10_000
_LOOPBACK: Final = "127.0.0.1"
_TITLE_UNKNOWN, _CALLED_UNKNOWN, _CONGESTION = 3, 7, 1


class Stopping(Protocol):
    def is_set(self) -> bool: ...


class Gate:
    """The listening side, from :meth:`serve` to its end; :meth:`use` tells it what the registry says."""

    def __init__(self, settings: GateSettings) -> None:
        self.settings = settings
        self.carrier = Carrier()
        self.refusals = RefusalsToNote()
        self.operations: deque[NodeOperation] = deque(maxlen=_MOST_UNWRITTEN)
        self._nodes: Mapping[str, Node] | None = None
        self._open: dict[str, _Association] = {}
        """By the loopback address from which each is connected to the engine."""
        self._waiting: set[_Association] = set()
        self._per_address: Counter[str] = Counter()
        self._next = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ports: tuple[int, ...] = ()
        """Where it listens."""

    # ---- called by other threads ----

    def use(self, nodes: Mapping[str, Node]) -> None:
        """From now on decide by ``nodes``; associations of whom it no longer lets in are ended."""
        self._nodes = nodes
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._look_again)

    def address_behind(self, address: str) -> str:
        """The node's address for the one that the engine sees."""
        association = self._open.get(address)
        return association.caller.address if association else address

    def serve(self, stopping: Stopping) -> None:
        """Listen until stopping, then let what is under way finish.

        :raises OSError: an address cannot be listened on
        """
        asyncio.run(self._serve(stopping))

    # ---- on the loop ----

    async def _serve(self, stopping: Stopping) -> None:
        self._loop = asyncio.get_running_loop()
        wanted = self.settings
        listeners: list[tuple[str, int, ssl.SSLContext | None]] = []
        if wanted.port:
            listeners.append((wanted.host, wanted.port, None))
        if wanted.tls:
            listeners.append((wanted.tls_host, wanted.tls_port, wanted.tls))
        servers = [
            await self._loop.create_server(
                lambda: _Association(self),
                host,
                port,
                ssl=tls,
                backlog=_BACKLOG,
                ssl_handshake_timeout=wanted.request_timeout_seconds if tls else None,
            )
            for host, port, tls in listeners
        ]
        self.ports = tuple(server.sockets[0].getsockname()[1] for server in servers)
        log.info("DICOM: nodes are let in at %s", ", ".join(map(str, self.ports)) or "no port")
        try:
            while not stopping.is_set():
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            for server in servers:
                server.close()
            for _ in range(int(_LEAVE_SECONDS / _POLL_SECONDS)):
                if not self._open:
                    break
                await asyncio.sleep(_POLL_SECONDS)
            for association in [*self._open.values(), *self._waiting]:
                association.end()
            await asyncio.sleep(0)
            self.carrier.close()
            self._loop = None

    def verdict(self, request: codec.AssociationRequest, caller: Caller) -> Reason | None:
        """Why an association is refused; none when it may be.

        :raises LookupError: the registry has not been read yet
        """
        if request.called != self.settings.ae_title:
            return Reason.CALLED
        if not self.settings.registered_only:
            return None
        if self._nodes is None:
            raise LookupError("the registry of devices has not been read")
        return why_refused(self._nodes.get(caller.ae_title), caller, check_addresses=self.settings.check_addresses)

    def refused_services(self, request: codec.AssociationRequest, ae_title: str) -> frozenset[Service]:
        """Of the services that the request asks for, those that the node is not registered for."""
        node = (self._nodes or {}).get(ae_title)
        return request.services - node.services if node and self.settings.registered_only else frozenset()

    def note(self, caller: Caller, service: Service, reason: Reason) -> None:
        self.refusals.add(Refusal(caller.ae_title, service, caller.address, timezone.now(), reason))

    def takes(self, association: _Association) -> bool:
        """Whether there is room for one more from its address."""
        address = association.caller.address
        if (
            len(self._open) + len(self._waiting) >= self.settings.max_associations
            or self._per_address[address] >= self.settings.max_associations_per_address
        ):
            return False
        self._waiting.add(association)
        self._per_address[address] += 1
        return True

    def place(self, association: _Association) -> str:
        """A loopback address of its own: by it the engine's callbacks find who stands behind."""
        self._waiting.discard(association)
        while True:
            self._next = self._next % 65_000 + 1
            address = f"127.65.{self._next >> 8}.{self._next & 255}"
            if address not in self._open:
                self._open[address] = association
                return address

    def forget(self, association: _Association) -> None:
        address = association.caller.address
        self._per_address[address] -= 1
        if self._per_address[address] <= 0:
            del self._per_address[address]
        self._waiting.discard(association)
        if self._open.get(association.behind) is association:
            del self._open[association.behind]

    def _look_again(self) -> None:
        for association in list(self._open.values()):
            request = association.request
            if request is None:
                continue
            reason = self.verdict(request, association.caller)
            more = self.refused_services(request, association.caller.ae_title) - association.refused
            if reason or more:
                log.info("DICOM: an association of %s is ended: its rights have changed", association.caller.ae_title)
                association.end()


class _Association(asyncio.Protocol):
    """The node's side."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._transport: asyncio.Transport | None = None
        self._engine: _EngineSide | None = None
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
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio gives to a stream's protocol
        self._transport = transport
        address = str((transport.get_extra_info("peername") or ("?",))[0])
        tls = transport.get_extra_info("ssl_object")
        self.caller = Caller("", address.removeprefix("::ffff:"), names_of(tls) if tls else None)
        self._taken = self._gate.takes(self)
        if not self._taken:
            log.warning("DICOM: %s has too many associations, or all have", self.caller.address)
            self._leave(codec.rejection(reason=_CONGESTION, transient=True, source=3))
            return
        self._timer = asyncio.get_running_loop().call_later(
            self._gate.settings.request_timeout_seconds, self._leave, codec.abort()
        )

    def data_received(self, data: bytes) -> None:
        if self._engine is not None:
            if self.watch is not None:
                self._watched(self.watch.from_node, data)
            self._engine.write(data)
            return
        self._head += data
        if self.request is None and self._taken:
            self._read_request()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._carried is not None:
            return
        self._stop_timer()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._taken:
            self._gate.forget(self)
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

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def from_engine(self, data: bytes) -> None:
        """Pass on what the engine says."""
        self.write(data)
        if self.watch is not None:
            self._watched(self._see_answers, data)

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
            self._leave(codec.rejection(reason=_CONGESTION, transient=True, source=3))
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
                _, engine = await loop.create_connection(lambda: _EngineSide(self), sock=connection)
        except (OSError, TimeoutError):
            connection.close()
            log.exception("DICOM: the engine cannot be reached")
            self._leave(codec.rejection(reason=_CONGESTION, transient=True, source=3))
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
        if self.watch is not None:
            self._watched(self.watch.from_node, first)
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

    def _watched(self, read: Callable[[bytes], object], data: bytes) -> None:
        try:
            read(data)
        except InvalidValue as error:  # the engine decides what becomes of it
            log.warning("DICOM: queries of %s are no longer followed: %s", self.caller.ae_title, error.detail)
            self.watch = None

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


class _EngineSide(asyncio.Protocol):
    """The connection to the engine on behalf of one node."""

    def __init__(self, node: _Association) -> None:
        self._node = node
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio gives to a stream's protocol
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._node.from_engine(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._node.close()

    def pause_writing(self) -> None:
        self._node.pause()

    def resume_writing(self) -> None:
        self._node.resume()

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
        if self._transport is not None:
            self._transport.close()
