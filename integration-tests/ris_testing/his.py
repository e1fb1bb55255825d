"""A simulated HIS: a real MLLP server that receives results and misbehaves on demand, and a client that sends orders.

The framing and the HL7 reading are written by hand on purpose: a test that used the suite's own code could not find
its faults.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from types import TracebackType
from typing import Self

START_BLOCK, END_BLOCK = b"\x0b", b"\x1c\x0d"

_serial = count(1)


class Behaviour(StrEnum):
    """What the receiver does with a message."""

    AA = "aa"
    """Accepts it: MSA-1 AA."""
    CA = "ca"
    """Accepts it in enhanced mode: MSA-1 CA."""
    AE = "ae"
    """Keeps it, answers application error."""
    AR = "ar"
    """Keeps it, rejects it."""
    OTHER_ID = "other_id"
    """Answers AA with another message's control id in MSA-2."""
    GARBAGE = "garbage"
    """Answers bytes that are not HL7, in a proper frame."""
    ENDLESS = "endless"
    """Answers a frame that grows without end until the sender hangs up (bounded here at 4 MB)."""
    HANG = "hang"
    """Takes the message and answers nothing until it is stopped."""
    CLOSE = "close"
    """Takes the message and closes the connection: the acknowledgement is lost."""


@dataclass(frozen=True)
class ReceivedMessage:
    """One message as it came over the wire, and what was answered."""

    raw: bytes
    behaviour: Behaviour
    at: float
    """Seconds since the epoch."""

    @property
    def segments(self) -> list[list[str]]:
        """Fields by segment; ``segments[n][i]`` is field ``i`` (for MSH, ``[9]`` is MSH-9)."""
        rows = []
        for line in self.raw.decode().split("\r"):
            if line:
                fields = line.split("|")
                rows.append(["MSH", "|", *fields[1:]] if line.startswith("MSH") else fields)
        return rows

    def all(self, name: str) -> list[list[str]]:
        """Every segment called ``name``."""
        return [segment for segment in self.segments if segment[0] == name]

    def field(self, name: str, number: int) -> str:
        """Field ``number`` of the first segment ``name``; empty when absent."""
        for segment in self.all(name):
            return segment[number] if number < len(segment) else ""
        return ""

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.field("MSH", 10)

    @property
    def pdf(self) -> bytes | None:
        """The decoded PDF of the first OBX whose value type is ED."""
        for segment in self.all("OBX"):
            if segment[2] == "ED":
                return base64.b64decode(segment[5].split("^")[4], validate=True)
        return None


@dataclass
class SimulatedHis:
    """A receiver of results on ``host:port`` (port 0: a free one, known after :meth:`start`).

    ``behaviour`` is one for every message, or a function of the message's raw bytes and of how often its control id
    has come before (0 at first). :meth:`stop` and :meth:`start` again plays a HIS that is down for a while; what was
    received stays.
    """

    host: str = "127.0.0.1"
    port: int = 0
    behaviour: Behaviour | Callable[[bytes, int], Behaviour] = Behaviour.AA
    received: list[ReceivedMessage] = field(default_factory=list)
    _listener: socket.socket | None = field(default=None, repr=False)
    _connections: set[socket.socket] = field(default_factory=set, repr=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def start(self) -> Self:
        """Listen; the same port again after a stop."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="simulated-his", daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuse connections and drop those that are open."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # closing alone does not end an accept() that waits in another thread: the port would stay open
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._changed:
            connections = list(self._connections)
        for connection in connections:
            _hang_up(connection)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_for(self, messages: int, timeout_seconds: float) -> list[ReceivedMessage]:
        """Wait until ``messages`` different results (by control id) were acknowledged with AA or CA; all received.

        :raises TimeoutError: when they did not come in time
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.accepted()) >= messages, timeout_seconds):
                raise TimeoutError(f"{len(self.accepted())} of {messages} results after {timeout_seconds} s")
            return list(self.received)

    def accepted(self) -> dict[str, ReceivedMessage]:
        """The first acceptance of each control id, in the order of acceptance."""
        found: dict[str, ReceivedMessage] = {}
        for message in list(self.received):
            if message.behaviour in (Behaviour.AA, Behaviour.CA):
                found.setdefault(message.control_id, message)
        return found

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="simulated-his-peer", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = bytearray()
        try:
            while (end := buffer.find(END_BLOCK)) >= 0 or (chunk := connection.recv(65536)):
                if end < 0:
                    buffer += chunk
                    continue
                frame = bytes(buffer[buffer.index(START_BLOCK) + 1 : end])
                del buffer[: end + len(END_BLOCK)]
                if not self._answer(connection, frame):
                    return
        except OSError:
            return
        finally:
            with self._changed:
                self._connections.discard(connection)
            _hang_up(connection)

    def _answer(self, connection: socket.socket, raw: bytes) -> bool:
        """Record and answer; whether the connection is kept."""
        with self._changed:
            control_id = raw.split(b"\r", 1)[0].split(b"|")[9].decode()
            before = sum(1 for message in self.received if message.control_id == control_id)
            behaviour = self.behaviour(raw, before) if callable(self.behaviour) else self.behaviour
        if behaviour is Behaviour.HANG:
            self._record(raw, behaviour)
            connection.recv(1)  # until the other side gives up or stop() hangs up
            return False
        if behaviour is Behaviour.CLOSE:
            self._record(raw, behaviour)
            return False
        if behaviour is Behaviour.GARBAGE:
            self._record(raw, behaviour)
            connection.sendall(START_BLOCK + b"\xff\xfe<html>502 Bad Gateway</html>" + END_BLOCK)
            return True
        if behaviour is Behaviour.ENDLESS:
            self._record(raw, behaviour)
            connection.sendall(START_BLOCK + b"MSH|^~\\&|")
            for _ in range(64):
                connection.sendall(b"A" * 65536)
            return False
        code = "AA" if behaviour is Behaviour.OTHER_ID else behaviour.value.upper()
        answered = "NOT" + control_id if behaviour is Behaviour.OTHER_ID else control_id
        text = "" if code in ("AA", "CA") else "|Không tìm thấy chỉ định"
        now = time.strftime("%Y%m%d%H%M%S")
        with self._changed:
            # the record comes first: a sender that has its acknowledgement can count on it; who waits for the record
            # sees it when the acknowledgement is on its way, also when the connection is dropped then
            self._record(raw, behaviour)
            connection.sendall(
                START_BLOCK
                + f"MSH|^~\\&|HIS|BVQ|QUANG|RIS|{now}||ACK^R01|A{next(_serial)}|P|2.5.1||||||UNICODE UTF-8\r"
                f"MSA|{code}|{answered}{text}\r".encode()
                + END_BLOCK
            )
        return True

    def _record(self, raw: bytes, behaviour: Behaviour) -> None:
        with self._changed:
            self.received.append(ReceivedMessage(raw, behaviour, time.time()))
            self._changed.notify_all()


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side may have closed it first
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class NoAcknowledgement(Exception):
    """The server closed the connection, or did not answer in time."""


def place_order(message: bytes, *, host: str = "127.0.0.1", port: int = 2575, timeout_seconds: float = 10.0) -> str:
    """Send one HL7 message over MLLP as a HIS does, on a connection of its own; the acknowledgement as text.

    :raises NoAcknowledgement: none came
    """
    answer = bytearray()
    with socket.create_connection((host, port), timeout=timeout_seconds) as connection:
        connection.sendall(START_BLOCK + message + END_BLOCK)
        while END_BLOCK not in answer:
            try:
                chunk = connection.recv(65536)
            except TimeoutError as error:
                raise NoAcknowledgement(f"none after {timeout_seconds} s") from error
            if not chunk:
                raise NoAcknowledgement("connection closed before the acknowledgement was complete")
            answer += chunk
    return bytes(answer[answer.index(START_BLOCK) + 1 : answer.index(END_BLOCK)]).decode()


def acknowledgement_code(acknowledgement: str) -> str:
    """MSA-1 of an acknowledgement."""
    for segment in acknowledgement.replace("\n", "\r").split("\r"):
        if segment.startswith("MSA|"):
            return segment.split("|")[1]
    raise NoAcknowledgement("the answer has no MSA segment")
