"""Processes by id *and* start time, because an id alone may have been given to another process since."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_START_TIME_FIELD = 22  # proc(5): the start time in clock ticks after boot


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that was seen alive once."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of a running process, or None when there is none or it only waits to be reaped."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()  # the name, in parentheses, may hold spaces
        state, start_ticks = fields[0], int(fields[_START_TIME_FIELD - 3])
        return None if state in "ZX" else cls(pid, start_ticks)

    def is_alive(self) -> bool:
        return ProcessIdentity.of(self.pid) == self

    def send(self, signal_number: int) -> None:
        """Sends a signal to the program; nothing happens when it is gone."""
        if self.is_alive():
            try:
                os.kill(program_of(self.pid), signal_number)
            except ProcessLookupError:
                return

    def kill_group(self) -> None:
        """Kills what the process started in its own group; the process itself may be gone already.

        As long as the group has members its number is given to no new process, so a living process with the number and
        another start time means that the group is gone.
        """
        if Path(f"/proc/{self.pid}").exists() and ProcessIdentity.of(self.pid) not in (self, None):
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def wait_gone(self, timeout_seconds: float) -> bool:
        deadline = time.monotonic() + timeout_seconds
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def program_of(pid: int) -> int:
    """The process that does the work: the child, where ``pid`` is a bwrap that waits for it, else ``pid`` itself.

    (Started by root, a part's program takes the place of the tools that lead to it; bwrap stays as its parent.)
    """
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() != "bwrap":
            return pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return pid
    return program_of(int(children[0])) if children else pid
