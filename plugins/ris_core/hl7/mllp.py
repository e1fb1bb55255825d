"""MLLP, the minimal lower layer protocol: a start block, the message, an end block (HL7 2.5.1 Appendix C).

:class:`FrameReader` is shared by the server and the client; it knows bytes only, no sockets and no clock.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Final

from ris_core.errors import QuangError

START_BLOCK: Final = b"\x0b"
END_BLOCK: Final = b"\x1c"
CARRIAGE_RETURN: Final = b"\r"

_MOST_GARBAGE_BYTES = 65536
_READ_BYTES = 65536


class FramingError(QuangError):
    """What a peer sends is no MLLP; the connection cannot be used further."""

    code = "QUANG-7002"


class FrameTooLong(FramingError):
    """A frame grew beyond the limit. ``beginning`` is what had come of it."""

    code = "QUANG-7003"

    def __init__(self, detail: str, beginning: bytes) -> None:
        super().__init__(detail)
        self.beginning = beginning


class MllpFailure(QuangError):
    """A message could not be delivered, or no answer came: send it again."""

    code = "QUANG-7004"


def framed(message: bytes) -> bytes:
    """``message`` in its frame."""
    return START_BLOCK + message + END_BLOCK + CARRIAGE_RETURN


class FrameReader:
    """Finds the frames in a stream that comes in pieces.

    Bytes outside frames are skipped (line ends, the probe of a port scanner), up to 64 KiB in a row. A frame ends at
    its end block; the carriage return after it may be missing.

    :param max_message_bytes: length of the longest message that is taken
    """

    def __init__(self, max_message_bytes: int) -> None:
        self._max = max_message_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._garbage = 0
        self.within_frame = False
        """Whether a start block has come whose end block has not."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that ``data`` completes, in order.

        :raises FrameTooLong: after the messages before it, when a frame is longer than allowed
        :raises FramingError: after the messages before it, when too much comes outside frames
        """
        buffer = self._buffer
        buffer += data
        while buffer and (self.within_frame or self._find_start()):
            end = buffer.find(END_BLOCK, self._searched)
            self._searched = length = end if end >= 0 else len(buffer)
            if length > self._max:
                raise FrameTooLong(f"the message is longer than {self._max} bytes", bytes(buffer[: self._max]))
            if end < 0:
                return
            message = bytes(buffer[:end])
            del buffer[: end + 1]
            self._searched = self._garbage = 0
            self.within_frame = False
            yield message

    def _find_start(self) -> bool:
        start = self._buffer.find(START_BLOCK)
        skipped = start if start >= 0 else len(self._buffer)
        self._garbage += skipped
        if self._garbage > _MOST_GARBAGE_BYTES:
            raise FramingError(f"more than {_MOST_GARBAGE_BYTES} bytes outside MLLP frames")
        del self._buffer[: skipped + 1]
        self.within_frame = start >= 0
        return self.within_frame


class MllpClient:
    """Sends messages to one receiver and waits for each answer; reconnects when the connection was lost.

    :param timeout_seconds: for connecting, and for the whole exchange of one message
    :param max_answer_bytes: a longer answer is a failure
    """

    def __init__(self, host: str, port: int, timeout_seconds: float, max_answer_bytes: int = 65536) -> None:
        self._address = (host, port)
        self._timeout_seconds = timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._socket: socket.socket | None = None

    def send(self, message: bytes) -> bytes:
        """The answer to ``message``.

        :raises MllpFailure: when it could not be sent or no whole answer came in time; the receiver may have it
        """
        deadline = time.monotonic() + self._timeout_seconds
        try:
            if self._socket is None or _closed_by_peer(self._socket):
                self.close()
                self._socket = socket.create_connection(self._address, timeout=self._timeout_seconds)
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._socket.sendall(framed(message))
            return self._answer(self._socket, deadline)
        except (OSError, FramingError) as error:
            self.close()
            reason = error.detail if isinstance(error, FramingError) else str(error) or type(error).__name__
            raise MllpFailure(f"{self._address[0]}:{self._address[1]}: {reason}") from error

    def _answer(self, connection: socket.socket, deadline: float) -> bytes:
        reader = FrameReader(self._max_answer_bytes)
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("no answer in time")
            connection.settimeout(remaining)
            data = connection.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError("the receiver closed the connection without an answer")
            for answer in reader.feed(data):
                return answer

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> MllpClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _closed_by_peer(connection: socket.socket) -> bool:
    """Whether an idle connection is of no use any more: closed by the receiver, or with an answer nobody asked for.

    The carriage return that ends the last answer may come after its end block; it is taken here.
    """
    try:
        connection.setblocking(False)
        while connection.recv(1) == CARRIAGE_RETURN:
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
