"""MLLP server: many peers on one asyncio loop, bounded in every direction.

It knows frames, not HL7: complete messages go to ``submit``, answers come back by :meth:`Connection.answer` from any
thread, and leave in the order in which the messages came. A peer that breaks a bound is told why when that is
possible, and is cut off with a line in the log that names the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from ris_core.hl7.mllp import FrameReader, FrameTooLong, FramingError, framed
from ris_core.hl7.mllp_tls import names_of

log = logging.getLogger(__name__)

_BACKLOG = 128
_HANDSHAKE_SECONDS = 10.0
_MOST_UNANSWERED = 32
"""Messages of one peer that wait for their answers; more are left in its socket."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may do."""

    max_message_bytes: int = 4 * 1024 * 1024
    max_connections: int = 64
    max_connections_per_peer: int = 32
    """From one address."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """From where connections are taken; none: from anywhere."""
    idle_timeout_seconds: float = 600.0
    """Longest time without a message, and longest time a peer may take to read an answer."""
    frame_timeout_seconds: float = 30.0
    """Longest time from a frame's first to its last byte."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it came."""

    connection: Connection
    raw: bytes
    broken: FrameTooLong | None = None
    """Why this is only the beginning of a message; the connection is closed after the answer."""


Submit = Callable[[Frame], None]


class Connection(asyncio.Protocol):
    """One peer."""

    def __init__(self, server: MllpServer) -> None:
        self._server = server
        self._limits = server.limits
        self._reader = FrameReader(server.limits.max_message_bytes)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unanswered = 0
        self._last = False
        """Nothing more is read; the connection is closed when everything is answered."""
        self._refused = False
        self._tls: ssl.SSLObject | None = None
        self.peer = ""
        self.host = ""
        self.certificate: tuple[str, ...] = ()
        """Names of the certificate that the peer showed; empty without TLS."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio gives to a stream's protocol
        self._transport = transport
        self.host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self.peer = f"{self.host}:{port}"
        self._tls = transport.get_extra_info("ssl_object")
        self.certificate = names_of(self._tls)
        if reason := self._server.refuses(self.host):
            self._refused = True
            self._cut_off(reason)
            return
        self._server.connections.add(self)
        self._set_timer(self._limits.idle_timeout_seconds, "idle for too long")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._stop_timer()
        self._transport = None
        if self._reader.within_frame and not self._last:
            log.warning("MLLP %s: closed by the peer within a frame", self.peer)

    def data_received(self, data: bytes) -> None:
        if self._last or self._refused:
            return
        was_within = self._reader.within_frame
        completed = False
        try:
            for raw in self._reader.feed(data):
                completed = True
                self._submit(Frame(self, raw))
        except FrameTooLong as error:
            log.warning("MLLP %s: %s; connection closed", self.peer, error.detail)
            self._last = True
            self._submit(Frame(self, error.beginning, error))
        except FramingError as error:
            self._cut_off(error.detail)
            return
        if self._last:
            self._set_timer(self._limits.idle_timeout_seconds, "answer not read in time")
        elif self._reader.within_frame and (completed or not was_within):
            self._set_timer(self._limits.frame_timeout_seconds, "frame not ended in time")
        elif completed:
            self._set_timer(self._limits.idle_timeout_seconds, "idle for too long")

    def eof_received(self) -> bool:
        self._last = True
        return self._unanswered > 0 and self._tls is None  # half closed: the answers can still be read; not so in TLS

    def pause_writing(self) -> None:
        if self._transport:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport and self._unanswered < _MOST_UNANSWERED:
            self._transport.resume_reading()

    def answer(self, message: bytes) -> None:
        """Send the answer to the oldest message without one. Runs on the loop's thread."""
        self._unanswered -= 1
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(framed(message))
        if self._last and self._unanswered == 0:
            self._transport.close()
        elif self._unanswered == _MOST_UNANSWERED - 1:
            self._transport.resume_reading()

    def finish(self) -> None:
        """Read nothing more; close when everything that was read is answered."""
        self._last = True
        if self._transport and self._unanswered == 0:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.abort()

    def _submit(self, frame: Frame) -> None:
        self._unanswered += 1
        if self._unanswered >= _MOST_UNANSWERED and self._transport:
            self._transport.pause_reading()
        self._server.submit(frame)

    def _set_timer(self, seconds: float, reason: str) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._timed_out, reason)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _timed_out(self, reason: str) -> None:
        if self._unanswered and not self._reader.within_frame and not self._last:
            self._set_timer(self._limits.idle_timeout_seconds, reason)  # it waits for us
            return
        self._cut_off(reason)

    def _cut_off(self, reason: str) -> None:
        log.warning("MLLP %s: %s; connection closed", self.peer, reason)
        self._last = True
        if self._transport:
            self._transport.abort()


@dataclass(slots=True)
class TlsListener:
    """A further address, for TLS connections."""

    host: str
    port: int
    """0: a free one, known after :meth:`MllpServer.start`."""
    context: ssl.SSLContext


class MllpServer:
    """Listens on ``host:port``, and on ``tls`` if given; every method but :meth:`deliver` is for the loop's thread."""

    def __init__(self, host: str, port: int, limits: Limits, submit: Submit, tls: TlsListener | None = None) -> None:
        self.host = host
        self.port = port
        """0: a free one, known after :meth:`start`."""
        self.limits = limits
        self.submit = submit
        self.connections: set[Connection] = set()
        self.tls = tls
        self._servers: list[asyncio.Server] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Listen.

        :raises OSError: when the port is taken or forbidden
        """
        self._loop = asyncio.get_running_loop()
        server = await self._loop.create_server(
            lambda: Connection(self), self.host, self.port, backlog=_BACKLOG, reuse_address=True
        )
        self._servers.append(server)
        self.port = server.sockets[0].getsockname()[1]
        if self.tls is None:
            return
        server = await self._loop.create_server(
            lambda: Connection(self), self.tls.host, self.tls.port, backlog=_BACKLOG, reuse_address=True,
            ssl=self.tls.context, ssl_handshake_timeout=_HANDSHAKE_SECONDS,
        )  # fmt: skip
        self._servers.append(server)
        self.tls.port = server.sockets[0].getsockname()[1]

    def refuses(self, host: str) -> str:
        """Why a connection from ``host`` is not taken; empty when it is."""
        limits = self.limits
        if limits.networks and not _is_within(host, limits.networks):
            return "connections from this address are not allowed"
        if len(self.connections) >= limits.max_connections:
            return f"more than {limits.max_connections} connections"
        if sum(connection.host == host for connection in self.connections) >= limits.max_connections_per_peer:
            return f"more than {limits.max_connections_per_peer} connections from this address"
        return ""

    def deliver(self, answers: list[tuple[Connection, bytes]]) -> None:
        """Send answers, one for each frame that was submitted, in their order. May be called from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: everybody has been disconnected
                self._loop.call_soon_threadsafe(_answer_all, answers)

    def stop_listening(self) -> None:
        """Take no more connections and read nothing more from those there are."""
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.finish()

    def close(self) -> None:
        """Drop what is still connected."""
        for connection in list(self.connections):
            connection.abort()


def _is_within(host: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Whether ``host`` is in one of ``networks``; IPv4 within IPv6 counts as IPv4."""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    address = getattr(found, "ipv4_mapped", None) or found
    return any(address in network for network in networks)


def _answer_all(answers: list[tuple[Connection, bytes]]) -> None:
    for connection, message in answers:
        connection.answer(message)
