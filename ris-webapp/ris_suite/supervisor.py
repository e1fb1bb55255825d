"""The process that starts the parts of one suite, watches them, restarts what crashes, and stops them.

It runs in the background for as long as the suite does (``python3 -m ris_suite.supervisor``, started by
:class:`ris_suite.suite.Suite`). The parts are its children but would survive it: each is in a session of its own and
writes to its own log. When the supervisor was killed, the next one stops what is left before it starts anything.
"""

from __future__ import annotations

import copy
import fcntl
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping

from ris_suite import log_files, postgresql, sandbox
from ris_suite.engine import EngineProblem
from ris_suite.health import Health
from ris_suite.home_folder import prepare_home
from ris_suite.orthanc_config import ConfigurationProblem
from ris_suite.parts import Composition, Task
from ris_suite.ports import choose_ports, taken_ports
from ris_suite.processes import ProcessIdentity
from ris_suite.running_part import (
    FIRST_BACKOFF_SECONDS,
    RunningPart,
    exit_words,
    kill,
    say,
    spawn,
    stop_group,
    stop_leftovers,
)
from ris_suite.settings import SuiteSettings, process_environment
from ris_suite.state import PartRecord, SuiteRecord, write_record

TICK_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 30.0
CALM_SECONDS = 60.0
"""A part that ran this long without trouble begins again with the shortest backoff."""
SILENT_PROBES_BEFORE_RESTART = 12
"""A part that has answered and now does not, for a minute, hangs: it is killed and started again."""
LOG_ROTATION_SECONDS = 30.0
SHOWN_LINES = 25


Compose = Callable[[SuiteSettings, Mapping[str, int], "sandbox.ServiceAccount | None"], Composition]


class StartFailed(Exception):
    """A part or a task did not come up; the record says which and shows its last lines."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class Stopped(Exception):
    """The supervisor was told to stop while it was starting the suite."""


class Supervisor:
    """Starts the parts in order, then keeps them running until it is told to stop."""

    def __init__(self, settings: SuiteSettings, compose: Compose = Composition) -> None:
        self._settings = settings
        self._compose = compose
        self._home = settings.home
        self._account = sandbox.service_account()
        self._told_to_stop = False
        self._running: list[RunningPart] = []
        self._written: SuiteRecord | None = None
        self._record = SuiteRecord(state="starting")
        self._logs_began: dict[str, int] = {}

    def run(self) -> int:
        """The whole life of a suite. Returns the exit status of the process."""
        identity = ProcessIdentity.of(os.getpid())
        self._record.supervisor_pid = os.getpid()
        self._record.supervisor_start_ticks = identity.start_ticks if identity else 0
        try:
            stop_leftovers(self._home)
            self._write()
            self._start()
            self._record.state = "running"
            self._write()
            self._watch()
        except Stopped:
            pass
        except StartFailed as failure:
            self._fail(failure.name, failure.reason)
        except (
            ConfigurationProblem,
            EngineProblem,
            postgresql.PostgresqlProblem,
            sandbox.NoServiceAccount,
            OSError,
        ) as problem:
            traceback.print_exc()
            self._fail("configuration", str(problem))
        finally:
            self._stop_parts()
        if self._record.state != "failed":
            self._record.state = "stopped"
        self._write()
        return 1 if self._record.state == "failed" else 0

    def stop(self) -> None:
        """Makes :meth:`run` stop the parts and return; may be called from a signal handler or another thread."""
        self._told_to_stop = True

    def _start(self) -> None:
        ports = choose_ports(self._settings)
        prepare_home(self._settings, self._account)
        for name, port in taken_ports(self._settings, ports).items():
            raise StartFailed(
                name, f"port {port} is taken by another program; choose another (QUANG_{name.upper()}_PORT)"
            )
        composition = self._compose(self._settings, ports, self._account)
        composition.prepare()
        if self._settings.database == "postgresql":
            postgresql.ensure_cluster(self._home, self._account)
        prepare_home(self._settings, self._account)
        self._record.settings = {
            "database": self._settings.database,
            "automation": self._settings.automation,
            "ports": ports,
            "public_url": process_environment(self._settings, ports)["QUANG_PUBLIC_URL"],
        }
        for part in composition.parts():
            record = PartRecord(url=part.url, ports=dict(part.ports))
            self._record.parts[part.name] = record
            self._running.append(RunningPart(part, record))
        self._write()
        if self._settings.database == "postgresql":
            self._start_and_wait([running for running in self._running if running.part.name == "postgres"])
        for task in composition.tasks():
            self._run_task(task)
        others = [running for running in self._running if running.part.name != "postgres"]
        self._start_and_wait([running for running in others if not running.part.needs])
        self._start_and_wait([running for running in others if running.part.needs])

    def _run_task(self, task: Task) -> None:
        process = spawn(task.command, dict(task.environment), self._begin_log(task.name))
        while process.poll() is None:
            if self._told_to_stop:
                process.kill()
                raise Stopped
            time.sleep(TICK_SECONDS)
        if process.returncode != 0:
            raise StartFailed(task.name, f"ended with {exit_words(process.returncode)}")

    def _start_and_wait(self, group: list[RunningPart]) -> None:
        for running in group:
            running.start(self._begin_log(running.part.name))
        self._write()
        waiting = list(group)
        while waiting:
            if self._told_to_stop:
                raise Stopped
            for running in list(waiting):
                status = running.exit_status()
                if status is not None:
                    raise StartFailed(running.part.name, f"ended while starting, with {exit_words(status)}")
                finding = running.probe_if_due()
                if finding is not None and finding.health is Health.HEALTHY:
                    waiting.remove(running)
                    self._write()
                elif time.monotonic() - running.started_at > running.part.start_timeout_seconds:
                    why = finding.detail if finding else running.record.detail
                    seconds = running.part.start_timeout_seconds
                    raise StartFailed(running.part.name, f"was not healthy after {seconds:.0f} s ({why})")
            time.sleep(TICK_SECONDS)

    def _watch(self) -> None:
        rotate_at = time.monotonic() + LOG_ROTATION_SECONDS
        while not self._told_to_stop:
            for running in self._running:
                self._look_after(running)
            self._write()
            if time.monotonic() >= rotate_at:
                for log in self._home.logs.glob("*.log"):
                    log_files.rotate(log)
                rotate_at = time.monotonic() + LOG_ROTATION_SECONDS
            time.sleep(TICK_SECONDS)

    def _look_after(self, running: RunningPart) -> None:
        now = time.monotonic()
        name = running.part.name
        if running.restart_at is not None:
            if now >= running.restart_at:
                running.record.restarts += 1
                running.start(self._begin_log(name))
            return
        status = running.exit_status()
        if status is None:
            running.probe_if_due()
            hung = running.was_healthy and running.silent_probes >= SILENT_PROBES_BEFORE_RESTART
            never_up = not running.was_healthy and now - running.started_at > running.part.start_timeout_seconds
            if not hung and not never_up:
                return
            say(f"{name} does not answer ({running.record.detail}): killed")
            kill(running)
            status = -signal.SIGKILL
        identity = running.record.identity()
        if identity is not None:
            identity.kill_group()
        if now - running.started_at > CALM_SECONDS:
            running.backoff_seconds = FIRST_BACKOFF_SECONDS
        running.restart_at = now + running.backoff_seconds
        running.record.state = "restarting"
        running.record.pid = None
        running.record.detail = f"ended with {exit_words(status)}"
        say(f"{name} ended with {exit_words(status)}; starting it again in {running.backoff_seconds:.1f} s")
        running.backoff_seconds = min(running.backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)

    def _fail(self, name: str, reason: str) -> None:
        say(f"{name}: {reason}")
        self._record.state = "failed"
        self._record.failed_part = name
        self._record.failure = reason
        self._record.failure_lines = log_files.last_lines(
            self._home.log_file(name), SHOWN_LINES, self._logs_began.get(name, 0)
        )
        if name in self._record.parts:
            self._record.parts[name].state = "failed"
        self._write()

    def _begin_log(self, name: str) -> str:
        path = self._home.log_file(name)
        self._logs_began[name] = log_files.size(path)
        return str(path)

    def _stop_parts(self) -> None:
        """In the reverse order of starting, so that nobody is served by half a suite."""
        if self._record.state != "failed":
            self._record.state = "stopping"
            self._write()
        alive = [running for running in self._running if running.exit_status() is None and running.process is not None]
        for group in (
            [running for running in alive if running.part.needs],
            [running for running in alive if not running.part.needs and running.part.name != "postgres"],
            [running for running in alive if running.part.name == "postgres"],
        ):
            stop_group(group)
        for running in self._running:
            if running.record.state != "failed":
                running.record.state = "stopped"
            running.record.pid = None

    def _write(self) -> None:
        """Writes the record when it changed."""
        if self._record != self._written:
            write_record(self._home, self._record)
            self._written = copy.deepcopy(self._record)


def main() -> int:
    """Runs in the background, started by ``make up``; the settings come with the environment."""
    settings = SuiteSettings.from_environment()
    settings.home.run.mkdir(parents=True, exist_ok=True)
    with settings.home.lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another supervisor has this home")
            return 1
        supervisor = Supervisor(settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: supervisor.stop())
        return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
