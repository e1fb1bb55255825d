"""The MLLP server with real sockets: what peers do, and what it does about it."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ris_core.hl7.mllp import MllpClient, framed
from ris_core.hl7.mllp_server import Frame, Limits, MllpServer

WAIT_SECONDS = 10.0


class Harness:
    """A server on its own thread. Frames wait in ``frames`` until :meth:`answer_all`, unless ``echo`` is on."""

    def __init__(self, limits: Limits, *, echo: bool) -> None:
        self.frames: list[Frame] = []
        self._echo = echo
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self.server = MllpServer("127.0.0.1", 0, limits, self._submit)
        self._started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()
        assert self._started.wait(WAIT_SECONDS)

    async def _run(self) -> None:
        await self.server.start()
        self._started.set()
        while not self._stop.is_set():
            await asyncio.sleep(0.01)
        self.server.stop_listening()
        await asyncio.sleep(0.05)
        self.server.close()

    def _submit(self, frame: Frame) -> None:
        with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()
        if self._echo:
            self.server.deliver([(frame.connection, b"answer " + frame.raw)])

    def wait_for_frames(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.frames) >= count, WAIT_SECONDS)

    def answer_all(self) -> None:
        self.server.deliver([(frame.connection, b"answer " + frame.raw[:20]) for frame in self.frames])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=WAIT_SECONDS)

    def stop(self) -> None:
        self._stop.set()
        self.thread.join(WAIT_SECONDS)


Start = Callable[..., Harness]


@pytest.fixture
def start() -> Iterator[Start]:
    made: list[Harness] = []

    def make(*, echo: bool = True, **limits: float) -> Harness:
        made.append(Harness(Limits(**limits), echo=echo))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for harness in made:
        harness.stop()


def received(peer: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = peer.recv(65536)
        if not more:
            break
        data += more
    return data


@contextmanager
def closed_by_server(peer: socket.socket) -> Iterator[None]:
    yield
    try:
        while peer.recv(65536):
            pass
    except ConnectionResetError:
        pass


def test_two_messages_in_one_packet_are_answered_in_their_order(start: Start) -> None:
    expected = framed(b"answer one") + framed(b"answer two")
    with start().connect() as peer:
        peer.sendall(framed(b"one") + framed(b"two"))
        assert received(peer, len(expected)) == expected


def test_a_message_in_three_packets_is_one(start: Start) -> None:
    harness = start()
    with harness.connect() as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in (b"\x0bo", b"n", b"e\x1c\r"):
            peer.sendall(part)
            time.sleep(0.02)
        assert received(peer, len(framed(b"answer one"))) == framed(b"answer one")
    assert [frame.raw for frame in harness.frames] == [b"one"]


def test_answers_keep_the_order_of_each_connection(start: Start) -> None:
    harness = start(echo=False)
    with harness.connect() as first, harness.connect() as second:
        for number in range(5):
            first.sendall(framed(b"a%d" % number))
            second.sendall(framed(b"b%d" % number))
        harness.wait_for_frames(10)
        harness.answer_all()
        for peer, name in ((first, b"a"), (second, b"b")):
            expected = b"".join(framed(b"answer %s%d" % (name, number)) for number in range(5))
            assert received(peer, len(expected)) == expected


def test_a_port_scanner_disturbs_nobody(start: Start) -> None:
    with start().connect() as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n" + framed(b"one"))
        assert received(peer, len(framed(b"answer one"))) == framed(b"answer one")


def test_a_message_without_end_is_answered_and_cut_off(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    harness = start(max_message_bytes=1000)
    with caplog.at_level(logging.WARNING), harness.connect() as peer:
        peer.sendall(framed(b"short") + b"\x0b" + b"x" * 1001)
        answers = received(peer, 100_000)
    assert answers == framed(b"answer short") + framed(b"answer " + b"x" * 1000)
    assert harness.frames[1].broken is not None
    assert "longer than 1000 bytes" in caplog.text


def test_a_peer_that_sends_without_end_outside_frames_is_cut_off(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), start().connect() as peer, closed_by_server(peer):
        try:
            for _ in range(100):
                peer.sendall(b"y" * 65536)
        except ConnectionError:
            pass
    assert "outside MLLP frames" in caplog.text


def test_a_frame_that_does_not_end_in_time_is_cut_off(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), start(frame_timeout_seconds=0.1).connect() as peer, closed_by_server(peer):
        peer.sendall(b"\x0bMSH|")
    assert "frame not ended in time" in caplog.text


def test_a_trickle_does_not_prolong_a_frame(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), start(frame_timeout_seconds=0.2).connect() as peer, closed_by_server(peer):
        try:
            for _ in range(100):
                peer.sendall(b"\x0b" if _ == 0 else b"x")
                time.sleep(0.02)
        except ConnectionError:
            pass
    assert "frame not ended in time" in caplog.text


def test_an_idle_peer_is_cut_off(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    harness = start(idle_timeout_seconds=0.1)
    with caplog.at_level(logging.WARNING), harness.connect() as peer, closed_by_server(peer):
        pass
    assert "idle for too long" in caplog.text


def test_waiting_for_an_answer_is_not_idleness(start: Start) -> None:
    harness = start(echo=False, idle_timeout_seconds=0.1)
    with harness.connect() as peer:
        peer.sendall(framed(b"slow"))
        harness.wait_for_frames(1)
        time.sleep(0.4)
        harness.answer_all()
        assert received(peer, len(framed(b"answer slow"))) == framed(b"answer slow")


def test_one_connection_too_many_is_refused_and_the_others_live(start: Start) -> None:
    harness = start(max_connections=2)
    with harness.connect() as first, harness.connect() as second:
        for peer in (first, second):
            peer.sendall(framed(b"x"))
            assert received(peer, len(framed(b"answer x"))) == framed(b"answer x")
        with harness.connect() as third, closed_by_server(third):
            pass
        first.sendall(framed(b"y"))
        assert received(first, len(framed(b"answer y"))) == framed(b"answer y")


def test_a_flood_of_messages_is_held_back_and_all_are_answered(start: Start) -> None:
    harness = start(echo=False)
    messages = 500
    with harness.connect() as peer:
        sender = threading.Thread(target=peer.sendall, args=(framed(b"m") * messages,), daemon=True)
        sender.start()
        answered = 0
        expected = framed(b"answer m")
        deadline = time.monotonic() + WAIT_SECONDS
        while answered < messages and time.monotonic() < deadline:
            waiting = len(harness.frames) - answered
            if waiting:
                harness.server.deliver(
                    [(f.connection, b"answer m") for f in harness.frames[answered : answered + waiting]]
                )
                assert received(peer, waiting * len(expected)) == expected * waiting
                answered += waiting
        assert answered == messages


def test_a_half_closed_peer_still_gets_its_answers(start: Start) -> None:
    harness = start(echo=False)
    with harness.connect() as peer:
        peer.sendall(framed(b"one"))
        peer.shutdown(socket.SHUT_WR)
        harness.wait_for_frames(1)
        harness.answer_all()
        assert received(peer, 1000) == framed(b"answer one")


def test_an_answer_to_a_peer_that_left_harms_nobody(start: Start) -> None:
    harness = start(echo=False)
    harness.connect().sendall(framed(b"gone"))
    harness.wait_for_frames(1)
    harness.answer_all()

    def answer_the_second() -> None:
        harness.wait_for_frames(2)
        harness.server.deliver([(harness.frames[1].connection, b"here")])

    with MllpClient("127.0.0.1", harness.server.port, timeout_seconds=WAIT_SECONDS) as client:
        answering = threading.Thread(target=answer_the_second)
        answering.start()
        assert client.send(b"still here") == b"here"
        answering.join(WAIT_SECONDS)


def test_the_server_ends_when_it_is_told_to(start: Start) -> None:
    harness = start()
    with harness.connect() as peer, closed_by_server(peer):
        harness.stop()
    assert not harness.thread.is_alive()
    with pytest.raises(OSError):
        harness.connect()
