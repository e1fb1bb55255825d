"""One part while it runs: its process, its health, and how it is stopped."""

from __future__ import annotations

import signal
import subprocess
import time

from ris_suite.health import Finding, Health
from ris_suite.layout import SuiteHome
from ris_suite.parts import Part
from ris_suite.processes import ProcessIdentity
from ris_suite.state import PartRecord, read_record

STARTING_PROBE_SECONDS = 0.2
RUNNING_PROBE_SECONDS = 5.0
FIRST_BACKOFF_SECONDS = 0.5


class RunningPart:
    """A part, its process, and what is known about its health."""

    def __init__(self, part: Part, record: PartRecord) -> None:
        self.part = part
        self.record = record
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.next_probe = 0.0
        self.silent_probes = 0
        self.backoff_seconds = FIRST_BACKOFF_SECONDS
        self.restart_at: float | None = None
        self.was_healthy = False

    def start(self, log_path: str) -> None:
        """Begins a process; its output goes to the end of the log."""
        for trace in self.part.silent_files:
            trace.unlink(missing_ok=True)
        self.process = spawn(self.part.command, dict(self.part.environment), log_path)
        identity = ProcessIdentity.of(self.process.pid)
        self.record.pid = self.process.pid
        self.record.start_ticks = identity.start_ticks if identity else 0
        self.record.state = "starting"
        self.record.detail = ""
        self.started_at = time.monotonic()
        self.next_probe = 0.0
        self.silent_probes = 0
        self.restart_at = None
        self.was_healthy = False

    def exit_status(self) -> int | None:
        """How the process ended; None while it runs, or when there is none."""
        return None if self.process is None else self.process.poll()

    def probe_if_due(self) -> Finding | None:
        """Its health, when it is time to look; None otherwise."""
        now = time.monotonic()
        if now < self.next_probe:
            return None
        finding = self.part.probe()
        self.next_probe = time.monotonic() + (RUNNING_PROBE_SECONDS if self.was_healthy else STARTING_PROBE_SECONDS)
        if finding.health is Health.HEALTHY:
            self.was_healthy = True
            self.silent_probes = 0
            self.record.state = "running"
        elif self.was_healthy:
            self.silent_probes = self.silent_probes + 1 if finding.health is Health.SILENT else 0
            self.record.state = "unhealthy"
        self.record.detail = finding.detail
        return finding


def stop_leftovers(home: SuiteHome) -> None:
    """Stops the parts of a supervisor that was killed, as its record names them."""
    record = read_record(home)
    parts = [identity for part in record.parts.values() if (identity := part.identity()) is not None]
    for identity in parts:
        if identity.is_alive():
            say(f"stopping process {identity.pid}, left behind by an earlier supervisor")
            identity.send(signal.SIGTERM)
    for identity in parts:
        if not identity.wait_gone(timeout_seconds=30):
            identity.send(signal.SIGKILL)
            identity.wait_gone(timeout_seconds=5)
        identity.kill_group()


def stop_group(group: list[RunningPart]) -> None:
    """Asks all of them to stop, and kills those that do not in time."""
    for running in group:
        if running.process is not None:
            # SIGINT is PostgreSQL's fast shutdown; its SIGTERM waits for clients to leave
            number = signal.SIGINT if running.part.name == "postgres" else signal.SIGTERM
            identity = running.record.identity()
            if identity is not None:
                identity.send(number)
    for running in group:
        if running.process is None:
            continue
        try:
            running.process.wait(running.part.stop_timeout_seconds)
        except subprocess.TimeoutExpired:
            say(f"{running.part.name} did not stop within {running.part.stop_timeout_seconds:.0f} s: killed")
            kill(running)
        identity = running.record.identity()
        if identity is not None:
            identity.kill_group()


def kill(running: RunningPart) -> None:
    """Ends it at once, and waits until it is gone."""
    if running.process is not None:
        running.process.kill()
        running.process.wait()


def spawn(command: tuple[str, ...], environment: dict[str, str], log_path: str) -> subprocess.Popen[bytes]:
    """A process in a session of its own that writes to its own log."""
    with open(log_path, "ab") as log:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )


def exit_words(status: int) -> str:
    """How a process ended: ``signal SIGKILL``, ``exit status 1``."""
    if status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"exit status {status}"


def say(text: str) -> None:
    """A line of the supervisor's own log."""
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)
