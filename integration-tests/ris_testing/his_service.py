"""The simulated HIS as a process of its own: it outlives the demo and keeps what it received as files.

``python -m ris_testing.his_service FOLDER PID`` listens on a free port, writes that to ``FOLDER/port``, and stops when
the process ``PID`` (the suite's supervisor) is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]

from ris_testing.his import Behaviour, ReceivedMessage, SimulatedHis

_START_SECONDS = 15.0


@dataclass(frozen=True)
class FollowedHis:
    """What the process has received, read from its folder."""

    folder: Path
    port: int

    @classmethod
    def start_beside(cls, home: Path, supervisor_pid: int) -> Self:
        """The HIS beside the suite in ``home``: the one that runs, or a new one.

        :raises TimeoutError: it did not start
        """
        folder = home / "demo-his"
        folder.mkdir(parents=True, exist_ok=True)
        running = folder / "running"
        if running.exists():
            pid, port = (int(part) for part in running.read_text().split())
            if psutil.pid_exists(pid) and "ris_testing.his_service" in psutil.Process(pid).cmdline():
                return cls(folder, port)
            running.unlink()
        with (folder / "log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "ris_testing.his_service", str(folder), str(supervisor_pid)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not running.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the simulated HIS did not start; see {folder / 'log'}")
            time.sleep(0.05)
        return cls(folder, int(running.read_text().split()[1]))

    def accepted(self) -> dict[str, ReceivedMessage]:
        """The messages accepted so far, by control id."""
        messages = (
            ReceivedMessage(path.read_bytes(), Behaviour.AA, path.stat().st_mtime)
            for path in sorted(self.folder.glob("*.hl7"))
        )
        return {message.control_id: message for message in messages}


def serve(folder: Path, supervisor_pid: int) -> None:
    """Receive until the supervisor is gone."""
    written = 0
    with SimulatedHis() as his:
        partial = folder / "running.new"
        partial.write_text(f"{os.getpid()} {his.port}")
        partial.replace(folder / "running")
        while psutil.pid_exists(supervisor_pid):
            for message in his.received[written:]:
                written += 1
                name = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{written:05d}"
                name.with_suffix(".new").write_bytes(message.raw)
                name.with_suffix(".new").rename(name.with_suffix(".hl7"))
            time.sleep(0.1)
    (folder / "running").unlink(missing_ok=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
