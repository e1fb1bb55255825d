"""The supervisor, with small real processes instead of Orthanc and the web app."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ris_suite import running_part
from ris_suite import supervisor as supervision
from ris_suite.health import heartbeat_probe, http_probe
from ris_suite.layout import SuiteHome
from ris_suite.parts import Composition, Part, Task
from ris_suite.ports import free_port
from ris_suite.running_part import stop_leftovers
from ris_suite.sandbox import ServiceAccount
from ris_suite.settings import SuiteSettings
from ris_suite.state import SuiteRecord, read_record
from ris_suite.supervisor import Supervisor

ENVIRONMENT = {"PATH": os.defpath}
SERVER = "import http.server, sys; print('serving'); http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), type('H', (http.server.BaseHTTPRequestHandler,), {'do_GET': lambda h: (h.send_response(200), h.end_headers()), 'log_message': lambda *a: None})).serve_forever()"  # noqa: E501


class SmallComposition(Composition):
    """Parts and tasks as the test gives them."""

    given_parts: tuple[Part, ...] = ()
    given_tasks: tuple[Task, ...] = ()

    def parts(self) -> list[Part]:
        return list(self.given_parts)

    def tasks(self) -> list[Task]:
        return list(self.given_tasks)

    def prepare(self) -> None:
        return


def a_server(name: str = "server", needs: tuple[str, ...] = ()) -> Part:
    port = free_port()
    return Part(
        name=name,
        command=(sys.executable, "-c", SERVER, str(port)),
        environment=ENVIRONMENT,
        probe=http_probe(port, "/"),
        needs=needs,
        stop_timeout_seconds=5,
        start_timeout_seconds=10,
    )


def a_failing_part() -> Part:
    return Part(
        name="broken",
        command=(sys.executable, "-c", "import sys; print('the disk is full'); sys.exit(3)"),
        environment=ENVIRONMENT,
        probe=http_probe(free_port(), "/"),
    )


class RunningSupervisor:
    """A supervisor in a thread of the test."""

    def __init__(self, home: SuiteHome, parts: tuple[Part, ...], tasks: tuple[Task, ...] = ()) -> None:
        self.home = home

        def compose(
            settings: SuiteSettings, ports: Mapping[str, int], account: ServiceAccount | None
        ) -> SmallComposition:
            composition = SmallComposition(settings, ports, account)
            composition.given_parts, composition.given_tasks = parts, tasks
            return composition

        settings = SuiteSettings(home=home, http_port=0, dicom_port=0, mllp_port=0, mpps_port=0)
        self.supervisor = Supervisor(settings, compose)
        self.thread = threading.Thread(target=self.supervisor.run)

    def start(self) -> None:
        self.home.run.mkdir(parents=True, exist_ok=True)
        self.thread.start()

    def wait(self, condition: Callable[[SuiteRecord], bool]) -> SuiteRecord:
        for _ in range(200):
            record = read_record(self.home)
            if condition(record):
                return record
            time.sleep(0.05)
        raise AssertionError(f"not reached: {read_record(self.home)}")

    def stop(self) -> SuiteRecord:
        self.supervisor.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()
        return read_record(self.home)


@pytest.fixture
def home(tmp_path: Path) -> SuiteHome:
    return SuiteHome(tmp_path / "home")


@pytest.fixture
def run(home: SuiteHome) -> Iterator[Callable[..., RunningSupervisor]]:
    started: list[RunningSupervisor] = []

    def start(*parts: Part, tasks: tuple[Task, ...] = ()) -> RunningSupervisor:
        running = RunningSupervisor(home, parts, tasks)
        started.append(running)
        running.start()
        return running

    yield start
    for running in started:
        running.stop()


def _alive(pid: int | None) -> bool:
    return pid is not None and Path(f"/proc/{pid}").exists()


def test_all_parts_run_and_all_are_gone_after_the_stop(run: Callable[..., RunningSupervisor]) -> None:
    running = run(a_server("first"), a_server("door", needs=("first",)))
    record = running.wait(lambda record: record.state == "running")
    pids = [part.pid for part in record.parts.values()]
    assert all(_alive(pid) for pid in pids)
    assert running.stop().state == "stopped"
    assert not any(_alive(pid) for pid in pids)


def test_a_killed_part_is_started_again(run: Callable[..., RunningSupervisor]) -> None:
    running = run(a_server("server"))
    before = running.wait(lambda record: record.state == "running").parts["server"].pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    record = running.wait(lambda record: record.parts["server"].restarts == 1)
    record = running.wait(lambda record: record.parts["server"].state == "running")
    assert record.parts["server"].pid != before


def test_a_part_that_does_not_come_up_is_named_with_its_last_words_and_the_others_are_stopped(
    run: Callable[..., RunningSupervisor],
) -> None:
    running = run(a_server("good"), a_failing_part())
    record = running.wait(lambda record: record.state == "failed")
    assert record.failed_part == "broken"
    assert "exit status 3" in record.failure
    assert record.failure_lines == ["the disk is full"]
    running.thread.join(10)
    assert not _alive(read_record(running.home).parts["good"].pid)


def test_a_failed_task_keeps_every_part_from_starting(run: Callable[..., RunningSupervisor], home: SuiteHome) -> None:
    trace = home.path.parent / "started"
    part = Part(
        name="server",
        command=(sys.executable, "-c", f"open({str(trace)!r}, 'w')"),
        environment=ENVIRONMENT,
        probe=heartbeat_probe(trace),
    )
    migration = Task("migrate", (sys.executable, "-c", "raise SystemExit('no such column')"), ENVIRONMENT)
    record = run(part, tasks=(migration,)).wait(lambda record: record.state == "failed")
    assert record.failed_part == "migrate"
    assert record.failure_lines == ["no such column"]
    assert not trace.exists()


def test_a_part_that_stops_answering_is_killed_and_started_again(
    run: Callable[..., RunningSupervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_part, "RUNNING_PROBE_SECONDS", 0.05)
    monkeypatch.setattr(supervision, "SILENT_PROBES_BEFORE_RESTART", 2)
    hanging = a_server("server")
    port = int(hanging.command[-1])
    part = Part(
        name="server",
        command=hanging.command,
        environment=ENVIRONMENT,
        probe=http_probe(port, "/", timeout_seconds=0.3),
    )
    running = run(part)
    pid = running.wait(lambda record: record.state == "running").parts["server"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    record = running.wait(lambda record: record.parts["server"].restarts == 1)
    assert record.parts["server"].pid != pid


def test_what_a_killed_supervisor_left_behind_is_stopped(
    run: Callable[..., RunningSupervisor], home: SuiteHome
) -> None:
    running = run(a_server("server"))
    pid = running.wait(lambda record: record.state == "running").parts["server"].pid
    stop_leftovers(home)  # as the next supervisor does; this one plays the dead
    assert not _alive(pid) or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
