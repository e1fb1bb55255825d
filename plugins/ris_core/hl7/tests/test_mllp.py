"""Frames in streams, and the client against servers that behave and that do not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.hl7.mllp import FrameReader, FrameTooLong, FramingError, MllpClient, MllpFailure, framed


@given(
    st.lists(st.binary(max_size=50).map(lambda b: b.replace(b"\x1c", b"").replace(b"\x0b", b"")), max_size=6),
    st.lists(st.integers(1, 20), min_size=1, max_size=10),
)
def test_frames_come_out_however_the_stream_is_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(framed, messages))
    reader = FrameReader(1000)
    found: list[bytes] = []
    position = turn = 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        found += reader.feed(stream[position : position + size])
        position += size
        turn += 1
    assert found == messages
    assert not reader.within_frame


def test_what_is_between_frames_is_skipped() -> None:
    reader = FrameReader(1000)
    assert list(reader.feed(b"GET / HTTP/1.1\r\n\r\n\x0bone\x1c\r\nJUNK\x0btwo\x1c\x0bthree\x1c")) == [
        b"one",
        b"two",
        b"three",
    ]


def test_a_frame_beyond_the_limit_ends_the_stream_after_those_before_it() -> None:
    reader = FrameReader(10)
    frames = reader.feed(b"\x0bshort\x1c\r\x0b" + b"x" * 11)
    assert next(frames) == b"short"
    with pytest.raises(FrameTooLong) as caught:
        next(frames)
    assert caught.value.beginning == b"x" * 10


def test_garbage_without_end_ends_the_stream() -> None:
    reader = FrameReader(1000)
    assert not any(list(reader.feed(b"y" * 1000)) for _ in range(65))
    with pytest.raises(FramingError):
        list(reader.feed(b"y" * 1000))


@contextmanager
def server(behave: Callable[[socket.socket, int], None]) -> Iterator[int]:
    """A server on a free port; ``behave`` gets each connection and its number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            number = 0
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):  # the client may leave at any time
                    behave(connection, number)
                number += 1

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_the_client_gets_an_answer_that_comes_in_pieces() -> None:
    def behave(connection: socket.socket, number: int) -> None:
        while connection.recv(1000):
            for byte in framed(b"MSA|AA"):
                connection.send(bytes([byte]))

    with server(behave) as port, MllpClient("127.0.0.1", port, timeout_seconds=5) as client:
        assert client.send(b"one") == b"MSA|AA"
        assert client.send(b"two") == b"MSA|AA"


def test_the_client_keeps_a_connection_whose_last_byte_came_late() -> None:
    """The carriage return after an answer's end block arrives when the answer was read already: nothing is lost."""
    answered = threading.Event()
    ended = threading.Event()
    numbers: list[int] = []

    def behave(connection: socket.socket, number: int) -> None:
        numbers.append(number)
        while connection.recv(1000):
            connection.sendall(framed(b"MSA|AA")[:-1])
            assert answered.wait(5)
            connection.sendall(framed(b"MSA|AA")[-1:])
            ended.set()

    with server(behave) as port, MllpClient("127.0.0.1", port, timeout_seconds=5) as client:
        assert client.send(b"one") == b"MSA|AA"
        answered.set()
        assert ended.wait(5)
        assert client.send(b"two") == b"MSA|AA"
    assert numbers == [0]


def test_the_client_opens_another_connection_when_the_idle_one_was_closed() -> None:
    closed = threading.Event()

    def behave(connection: socket.socket, number: int) -> None:
        connection.recv(1000)
        connection.sendall(framed(b"answer %d" % number))
        connection.close()
        closed.set()

    with server(behave) as port, MllpClient("127.0.0.1", port, timeout_seconds=5) as client:
        assert client.send(b"one") == b"answer 0"
        assert closed.wait(5)
        assert client.send(b"two") == b"answer 1"


@pytest.mark.parametrize("answer", [b"", b"\x0bhalf", b"z" * 70000, b"\x0b" + b"z" * 70000])
def test_no_whole_answer_is_a_failure(answer: bytes) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        connection.recv(1000)
        connection.sendall(answer)

    with server(behave) as port, MllpClient("127.0.0.1", port, timeout_seconds=5) as client, pytest.raises(MllpFailure):
        client.send(b"one")


def test_a_silent_receiver_is_a_failure_in_time() -> None:
    released = threading.Event()

    def behave(connection: socket.socket, number: int) -> None:
        released.wait(10)

    with server(behave) as port, MllpClient("127.0.0.1", port, timeout_seconds=0.2) as client:
        with pytest.raises(MllpFailure):
            client.send(b"one")
        released.set()


def test_nobody_listening_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with MllpClient("127.0.0.1", port, timeout_seconds=1) as client, pytest.raises(MllpFailure, match=str(port)):
        client.send(b"one")
