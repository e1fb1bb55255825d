"""Messages of busy senders are committed together; nobody waits for one who is silent."""

from __future__ import annotations

import threading
from typing import cast

from ris_core.hl7.gathering import Gathering, Patience
from ris_core.hl7.mllp_server import Connection, Frame

FOR_EVER = 250.0
"""Longer than a test may take: what waits this long fails it."""
HIS, LIS = (cast(Connection, name) for name in ("HIS", "LIS"))


def gathering(*, for_the_first: float = FOR_EVER) -> Gathering:
    return Gathering(Patience(for_the_first=for_the_first, between_commits=FOR_EVER, busy=FOR_EVER))


def said(frames: list[Frame]) -> list[bytes]:
    return [frame.raw for frame in frames]


def test_nothing_comes() -> None:
    waiting = gathering(for_the_first=0.01)
    assert waiting.take() == []
    assert waiting.empty


def test_a_sender_alone_waits_for_nobody() -> None:
    waiting = gathering()
    for raw in (b"1", b"2", b"3"):
        waiting.add(Frame(HIS, raw))
        assert said(waiting.take()) == [raw]
        waiting.committed()


def test_what_has_come_already_is_taken_together() -> None:
    waiting = gathering()
    for raw in (b"1", b"2"):
        waiting.add(Frame(HIS, raw))
    assert said(waiting.take()) == [b"1", b"2"]


def test_a_message_waits_for_that_of_a_busy_sender() -> None:
    waiting = gathering()
    waiting.add(Frame(HIS, b"1"))
    waiting.add(Frame(LIS, b"2"))
    waiting.take()
    waiting.committed()
    waiting.add(Frame(HIS, b"3"))
    later = threading.Timer(0.05, waiting.add, (Frame(LIS, b"4"),))
    later.start()
    assert said(waiting.take()) == [b"3", b"4"]


def test_nobody_waits_for_one_who_was_busy_long_ago() -> None:
    waiting = Gathering(Patience(between_commits=FOR_EVER, busy=0.0))
    waiting.add(Frame(HIS, b"1"))
    waiting.add(Frame(LIS, b"2"))
    waiting.take()
    waiting.committed()
    waiting.add(Frame(HIS, b"3"))
    assert said(waiting.take()) == [b"3"]


def test_nobody_waits_long_after_the_last_commit() -> None:
    waiting = Gathering(Patience(between_commits=0.0, busy=FOR_EVER))
    waiting.add(Frame(HIS, b"1"))
    waiting.add(Frame(LIS, b"2"))
    waiting.take()
    waiting.committed()
    waiting.add(Frame(HIS, b"3"))
    assert said(waiting.take()) == [b"3"]


def test_a_commit_is_bounded() -> None:
    waiting = gathering()
    for number in range(Gathering.MOST + 1):
        waiting.add(Frame(HIS, b"%d" % number))
    assert len(waiting.take()) == Gathering.MOST
    assert not waiting.empty
