"""The suite as processes of this machine, under the supervisor of ``ris_suite``."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from ris_suite.suite import Suite, SuiteFailed
from ris_testing import warm_shell
from ris_testing.backends import Address, Database, Part, RunningSuite, SuiteProblem
from ris_testing.migrated import begin_migrated
from ris_testing.warm_shell import WarmShell

_LOOPBACK = "127.0.0.1"


class ProcessSuite(RunningSuite):
    """A suite that ``make up``, ``make demo`` or :func:`start_processes` has started."""

    backend = "processes"
    listen_host = _LOOPBACK
    reachable_host = _LOOPBACK

    def __init__(self, suite: Suite) -> None:
        self.native = suite
        """The suite itself, for what only processes have (process ids, folders)."""
        self.database = suite.settings.database
        self.public_url = suite.public_url
        self.orthanc_url = suite.orthanc_url
        self.dicom = Address(_LOOPBACK, suite.ports["dicom"])
        self.mllp = Address(_LOOPBACK, suite.ports["mllp"])
        self.mpps = Address(_LOOPBACK, suite.ports["mpps"])
        self._shell: WarmShell | None = None
        self._shell_is_of: tuple[object, ...] = ()

    def secret(self, name: str) -> str:
        return self.native.secret(name)

    def read_home(self, path: str) -> str:
        return (self.native.settings.home.path / path).read_text()

    def run_manage(self, *arguments: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        return self.native.manage(*arguments, timeout_seconds=timeout_seconds)

    def run_python(self, code: str, timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        command, environment = self.native.manage_command(*warm_shell.ARGUMENTS)
        settings_path = self.native.settings.settings_path
        changed_at = settings_path.stat().st_mtime_ns if settings_path.exists() else 0
        wanted = (command, environment, changed_at)
        if self._shell is None or self._shell_is_of != wanted:
            self._end_shell()
            self._shell, self._shell_is_of = WarmShell(command, environment), wanted
        try:
            return self._shell.run(code, timeout_seconds)
        except (subprocess.TimeoutExpired, ConnectionError):
            self._shell = None
            raise

    def kill(self, part: Part) -> None:
        self.native.kill(part)

    def pause(self, part: Part) -> None:
        self._signal_all(part, signal.SIGSTOP)

    def resume(self, part: Part) -> None:
        self._signal_all(part, signal.SIGCONT)

    def restart(self, part: Part) -> None:
        before = self.restarts(part)
        self.native.kill(part, signal.SIGTERM)
        self.wait_restarted(part, before)

    def restarts(self, part: Part) -> int:
        return self.native.part(part).restarts

    def wait_restarted(self, part: Part, restarts_before: int, timeout_seconds: float = 60) -> None:
        self.native.wait_restarted(part, restarts_before, timeout_seconds)

    def wait_healthy(self, *parts: Part, timeout_seconds: float = 60) -> None:
        self.native.wait_healthy(*parts, timeout_seconds=timeout_seconds)

    def logs(self, part: Part, lines: int = 100) -> list[str]:
        return self.native.log_lines(part, lines)

    def down(self) -> None:
        self._end_shell()
        self.native.down()

    def _end_shell(self) -> None:
        if self._shell is not None:
            self._shell.end()
        self._shell = None

    def _signal_all(self, part: Part, number: signal.Signals) -> None:
        """To the part's process and all below it: a server's workers go on when only their parent is frozen."""
        main = psutil.Process(self.native.pid(part))
        for process in (main, *main.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def start_processes(
    home: Path, database: Database, overrides: Mapping[str, str], *, demo: bool, parts: frozenset[str] | None = None
) -> ProcessSuite:
    """Starts a suite in ``home`` on free ports.

    :param parts: those that are started; none given: all
    :raises SuiteProblem: when a part did not come up
    """
    suite = Suite.at(home, database=database, demo=demo, parts=parts, overrides=overrides)
    begin_migrated(suite.settings.home, database, demo=demo)
    try:
        suite.up()
    except SuiteFailed as failure:
        raise SuiteProblem(str(failure)) from failure
    return ProcessSuite(suite)
