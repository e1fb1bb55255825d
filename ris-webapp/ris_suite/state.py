"""What the supervisor writes down for everybody else: ``$QUANG_HOME/run/suite.json``."""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ris_suite.layout import SuiteHome
from ris_suite.processes import ProcessIdentity

SuiteState = Literal["starting", "running", "stopping", "stopped", "failed"]
PartState = Literal["waiting", "starting", "running", "unhealthy", "restarting", "stopped", "failed"]


@dataclass
class PartRecord:
    """One part as the supervisor last saw it."""

    state: PartState = "waiting"
    pid: int | None = None
    start_ticks: int = 0
    restarts: int = 0
    detail: str = ""
    url: str | None = None
    ports: dict[str, int] = field(default_factory=dict)

    def identity(self) -> ProcessIdentity | None:
        return None if self.pid is None else ProcessIdentity(self.pid, self.start_ticks)


@dataclass
class SuiteRecord:
    """The suite as the supervisor last saw it."""

    state: SuiteState = "stopped"
    supervisor_pid: int | None = None
    supervisor_start_ticks: int = 0
    failed_part: str | None = None
    failure: str = ""
    failure_lines: list[str] = field(default_factory=list)
    parts: dict[str, PartRecord] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def supervisor(self) -> ProcessIdentity | None:
        if self.supervisor_pid is None:
            return None
        return ProcessIdentity(self.supervisor_pid, self.supervisor_start_ticks)


def read_record(home: SuiteHome) -> SuiteRecord:
    """The last record; an empty one when the suite never ran."""
    try:
        content = json.loads(home.state_file.read_text())
    except FileNotFoundError:
        return SuiteRecord()
    parts = {name: PartRecord(**part) for name, part in content.pop("parts").items()}
    return SuiteRecord(**content, parts=parts)


def write_record(home: SuiteHome, record: SuiteRecord) -> None:
    """Replaces the record in one step, so that a reader never sees half of one."""
    partial = home.state_file.with_name(home.state_file.name + ".new")
    partial.write_text(json.dumps(asdict(record), indent=2) + "\n")
    partial.replace(home.state_file)


def supervisor_lives(lock_file: Path) -> bool:
    """True while a supervisor holds the lock; the kernel lets go of it when the supervisor dies, however it dies."""
    if not lock_file.exists():
        return False
    with lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
