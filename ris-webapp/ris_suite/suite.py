"""One suite, driven from outside: start it, see its state, kill a part of it, stop it.

What ``make up`` does, and what integration tests, reliability tests and benchmarks use::

    suite = Suite.at(tmp_path, http_port=0, dicom_port=0, mllp_port=0, database="postgresql")
    suite.up()
    suite.kill("orthanc")
    suite.wait_healthy("orthanc", timeout_seconds=30)
    suite.down()
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ris_suite import layout, log_files, sandbox
from ris_suite.home_folder import prepare_home
from ris_suite.layout import SuiteHome
from ris_suite.parts import Composition
from ris_suite.ports import choose_ports
from ris_suite.processes import program_of
from ris_suite.running_part import stop_leftovers
from ris_suite.settings import Database, SuiteSettings, process_environment, public_url
from ris_suite.state import PartRecord, SuiteRecord, read_record, supervisor_lives, write_record
from ris_suite.versions import installed_versions

_POLL_SECONDS = 0.1
_DOWN_TIMEOUT_SECONDS = 120.0


class SuiteFailed(Exception):
    """The suite did not come up. ``part`` is the process to blame, ``lines`` the last ones of its log."""

    def __init__(self, part: str, reason: str, lines: list[str], log: Path) -> None:
        super().__init__("\n".join([f"{part}: {reason}", *(f"    {line}" for line in lines), f"  whole log: {log}"]))
        self.part = part
        self.reason = reason
        self.lines = lines


class Suite:
    """A suite with given settings, whether it is running or not."""

    def __init__(self, settings: SuiteSettings) -> None:
        self.settings = settings

    @classmethod
    def at(
        cls,
        home: Path,
        *,
        http_port: int = 0,
        dicom_port: int = 0,
        mllp_port: int = 0,
        mpps_port: int = 0,
        database: Database = "sqlite",
        automation: bool = True,
        demo: bool = False,
        stable_age_seconds: int = 2,
        parts: frozenset[str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Suite:
        """A suite for tests: free ports unless named, quick to call a study stable.

        ``overrides`` are settings as in the environment, such as ``{"QUANG_DELIVERY__MAX_ATTEMPTS": "3"}``.
        """
        inherited = SuiteSettings.from_environment(
            {name: value for name, value in os.environ.items() if not name.startswith("QUANG_")}
        )
        return cls(
            SuiteSettings(
                home=SuiteHome(home.absolute()),
                http_port=http_port,
                dicom_port=dicom_port,
                mllp_port=mllp_port,
                mpps_port=mpps_port,
                database=database,
                automation=automation,
                demo=demo,
                stable_age_seconds=stable_age_seconds,
                parts=parts,
                passed_on={**inherited.passed_on, **(overrides or {})},
            )
        )

    # ---- life ----

    def up(self, timeout_seconds: float = 300, say: Callable[[str], None] = lambda text: None) -> None:
        """Starts the suite and waits until every part is healthy. Nothing happens to a suite that is up.

        Raises:
            SuiteFailed: a part did not come up; all parts have been stopped again.
        """
        if self.is_up() and self.record().state in ("failed", "stopping"):
            self._wait_supervisor_gone()
        if not self.is_up():
            self._start_supervisor()
        self._wait_started(timeout_seconds, say)

    def down(self) -> None:
        """Stops the suite, and whatever an earlier, killed supervisor left behind."""
        supervisor = self.record().supervisor()
        if supervisor is not None and self.is_up():
            supervisor.send(signal.SIGTERM)
            if not supervisor.wait_gone(_DOWN_TIMEOUT_SECONDS):
                supervisor.send(signal.SIGKILL)
                supervisor.wait_gone(5)
        stop_leftovers(self.settings.home)
        if self.record().state not in ("stopped", "failed"):  # its supervisor was killed and could not say so
            write_record(self.settings.home, replace(self.record(), state="stopped"))

    def is_up(self) -> bool:
        """True while a supervisor takes care of this home (its parts may still be starting)."""
        return supervisor_lives(self.settings.home.lock_file)

    # ---- what is seen from outside ----

    def record(self) -> SuiteRecord:
        return read_record(self.settings.home)

    def part(self, name: str) -> PartRecord:
        return self.record().parts[name]

    def pid(self, name: str) -> int:
        """The process id of a part.

        Raises:
            LookupError: it is not running.
        """
        pid = self.part(name).pid
        if pid is None:
            raise LookupError(f"{name} is not running")
        return program_of(pid)

    @property
    def ports(self) -> dict[str, int]:
        """Ports by name (``nginx``, ``dicom``, ``mllp``, ``orthanc``, ``web``, ``events``), known once started."""
        ports: dict[str, int] = self.record().settings["ports"]
        return ports

    @property
    def public_url(self) -> str:
        return public_url(self.settings, self.ports)

    @property
    def orthanc_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['orthanc']}"

    def environment(self) -> dict[str, str]:
        """The environment that the suite's processes have (the contract's ``QUANG_*`` among it)."""
        return process_environment(self.settings, self.ports)

    def secret(self, name: str) -> str:
        return (self.settings.home.secrets / name).read_text().strip()

    def log_lines(self, part: str, count: int = 50) -> list[str]:
        return log_files.last_lines(self.settings.home.log_file(part), count)

    def status(self) -> dict[str, Any]:
        """What ``make status`` prints."""
        record = self.record()
        up = self.is_up()
        state = record.state if up or record.state in ("failed", "stopped") else "supervisor lost"
        parts = {
            name: {
                "state": part.state if up else ("left behind" if _lives(part) else "stopped"),
                "pid": part.pid if _lives(part) else None,
                "restarts": part.restarts,
                "url": part.url,
                "ports": part.ports,
                "detail": part.detail,
                "log": str(self.settings.home.log_file(name)),
            }
            for name, part in record.parts.items()
        }
        return {
            "state": state,
            "healthy": up and state == "running" and all(part["state"] == "running" for part in parts.values()),
            "home": str(self.settings.home.path),
            "settings": str(self.settings.settings_path),
            "public_url": record.settings.get("public_url"),
            "database": record.settings.get("database", self.settings.database),
            "automation": record.settings.get("automation", self.settings.automation),
            "versions": installed_versions(),
            "supervisor": {"pid": record.supervisor_pid if up else None},
            "failure": {"part": record.failed_part, "reason": record.failure} if record.failed_part else None,
            "parts": parts,
        }

    # ---- what tests do to it ----

    def kill(self, part: str, signal_number: int = signal.SIGKILL) -> None:
        """Sends a signal to a part's process; the supervisor will start it again."""
        os.kill(self.pid(part), signal_number)

    def kill_supervisor(self) -> None:
        """Kills the supervisor with SIGKILL; the parts run on without it."""
        supervisor = self.record().supervisor()
        if supervisor is not None:
            supervisor.send(signal.SIGKILL)
            supervisor.wait_gone(5)

    def wait_restarted(self, part: str, restarts_before: int, timeout_seconds: float = 60) -> None:
        """Waits until a part was started again since it had been ``restarts_before`` times, and is healthy.

        Raises:
            TimeoutError: it was not in time.
        """
        self._wait_for(
            lambda record: record.parts[part].restarts > restarts_before and record.parts[part].state == "running",
            f"{part} was not restarted",
            timeout_seconds,
        )

    def wait_healthy(self, *parts: str, timeout_seconds: float = 60) -> None:
        """Waits until the supervisor sees these parts (all, when none is named) healthy.

        Raises:
            TimeoutError: they were not in time.
        """
        self._wait_for(
            lambda record: all(record.parts[name].state == "running" for name in parts or record.parts),
            f"{', '.join(parts) or 'the suite'} is not healthy",
            timeout_seconds,
        )

    def manage(self, *arguments: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs ``manage.py`` with these arguments, as the suite's own user and with its environment."""
        command, environment = self.manage_command(*arguments)
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False, cwd="/"
        )

    def manage_command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """Command and environment of ``manage.py`` with these arguments, as the suite's own user."""
        account = sandbox.service_account()
        prepare_home(self.settings, account)
        ports = self.ports if self.record().settings else choose_ports(self.settings)  # never started: a restore
        return Composition(self.settings, ports, account).manage_command(*arguments)

    # ---- inside ----

    def _start_supervisor(self) -> None:
        home = self.settings.home
        home.run.mkdir(parents=True, exist_ok=True)
        home.logs.mkdir(parents=True, exist_ok=True)
        environment = {
            **{name: os.environ[name] for name in ("PATH", "SUDO_UID", "SUDO_GID") if name in os.environ},
            **self.settings.as_environment(),
            "PYTHONPATH": str(layout.RIS_WEBAPP),
            "PYTHONUNBUFFERED": "1",
        }
        old = self.record().supervisor_pid
        with home.log_file("supervisor").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ris_suite.supervisor"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
            )
        deadline = time.monotonic() + 60
        while self.record().supervisor_pid in (old, None):
            if process.poll() is not None and not self.is_up():
                raise self._failed("supervisor", f"ended at once with exit status {process.returncode}")
            if time.monotonic() > deadline:
                raise self._failed("supervisor", "wrote no state within a minute")
            time.sleep(_POLL_SECONDS)

    def _wait_started(self, timeout_seconds: float, say: Callable[[str], None]) -> None:
        deadline = time.monotonic() + timeout_seconds
        said: dict[str, str] = {}
        while True:
            record = self.record()
            for name, part in record.parts.items():
                if part.state != said.get(name) and part.state in ("starting", "running"):
                    said[name] = part.state
                    say(f"{name}: {'healthy' if part.state == 'running' else 'starting'}")
            if record.state == "running" and self.is_up():
                return
            if record.state == "failed":
                self._wait_supervisor_gone()
                raise self._failed(record.failed_part or "supervisor", record.failure, record.failure_lines)
            if not self.is_up():
                raise self._failed("supervisor", "ended while the suite was starting")
            if time.monotonic() > deadline:
                raise self._failed("supervisor", f"the suite was not up within {timeout_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _wait_supervisor_gone(self) -> None:
        deadline = time.monotonic() + _DOWN_TIMEOUT_SECONDS
        while self.is_up() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _wait_for(self, condition: Callable[[SuiteRecord], bool], otherwise: str, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not condition(self.record()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{otherwise} after {timeout_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def _failed(self, part: str, reason: str, lines: list[str] | None = None) -> SuiteFailed:
        shown = self.log_lines(part, 25) if lines is None else lines
        return SuiteFailed(part, reason, shown, self.settings.home.log_file(part))


def _lives(part: PartRecord) -> bool:
    identity = part.identity()
    return identity is not None and identity.is_alive()
