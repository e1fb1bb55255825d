"""Background threads: they end with the engine, and come back after an error."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue

import pytest

from orthanc_host import background
from orthanc_host.fakes import FakeHost
from orthanc_host.host import Stopping


def test_a_thread_runs_from_start_to_stop() -> None:
    host = FakeHost(threads=True)
    running, ended = threading.Event(), threading.Event()

    def run(stopping: Stopping) -> None:
        running.set()
        stopping.wait()
        ended.set()

    host.in_background("clock", run)
    assert not running.is_set()
    host.started()
    assert running.wait(5)
    host.stopped()
    assert ended.is_set(), "stopped() returns when the thread has ended"


@pytest.mark.parametrize(("after_images", "more"), [(True, background.NICENESS), (False, 0)])
def test_what_can_wait_runs_after_the_engines_own_threads(after_images: bool, more: int) -> None:
    host = FakeHost(threads=True)
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    of_the_thread: SimpleQueue[int] = SimpleQueue()
    host.in_background(
        "clock",
        lambda _stopping: of_the_thread.put(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())),
        after_images=after_images,
    )
    host.started()
    assert of_the_thread.get(timeout=60) == min(mine + more, 19)
    host.stopped()
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_a_thread_that_fails_is_logged_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTART_SECONDS", 0.01)
    host = FakeHost(threads=True)
    again = threading.Event()
    runs: list[int] = []

    def run(stopping: Stopping) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("first time")
        again.set()

    host.in_background("clock", run)
    host.started()
    assert again.wait(5)
    host.stopped()
    assert any("background thread failed" in line for level, line in host.log.lines if level == "error")


def test_a_thread_that_does_not_end_is_named_and_does_not_hold_up_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "JOIN_SECONDS", 0.05)
    host = FakeHost(threads=True)
    release = threading.Event()

    def run(stopping: Stopping) -> None:
        release.wait(30)

    host.in_background("deaf", run)
    host.started()
    host.stopped()
    release.set()
    assert any("deaf" in line for level, line in host.log.lines if level == "warning")
