"""``manage.py shell`` that is set up once and then forks for each piece of code: each finds everything as a new process
would, without the two seconds of processor time in which Django and the suite are read."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Final

_SERVER: Final = """
import json, os, sys, traceback
from django.core.management.commands import shell
from django.db import connections

def answer(code):
    printed, said = os.memfd_create("stdout"), os.memfd_create("stderr")
    child = os.fork()
    if child == 0:
        status = 1
        os.dup2(printed, 1), os.dup2(said, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            exec(code, dict(vars(shell)))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            connections.close_all()
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    texts = []
    for file in printed, said:
        with os.fdopen(file, "rb") as content:
            content.seek(0)
            texts.append(content.read().decode(errors="replace"))
    return os.waitstatus_to_exitcode(status), *texts

while line := sys.stdin.readline():
    print(json.dumps(answer(json.loads(line))), flush=True)
"""
ARGUMENTS: Final = ("shell", "--no-imports", "-c", _SERVER)
"""Of ``manage.py``."""


class WarmShell:
    """One such process; it ends with whoever has started it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd="/",
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def run(self, code: str, timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        """:raises subprocess.TimeoutExpired: it was not done in time, and was ended
        :raises ConnectionError: the process has ended
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock, selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(code) + "\n")
                self._process.stdin.flush()
            if not ready.select(timeout_seconds):
                self.end()
                raise subprocess.TimeoutExpired("manage.py shell", timeout_seconds)
            line = self._process.stdout.readline()
        if not line:
            self.end()
            raise ConnectionError("manage.py shell has ended")
        status, printed, said = json.loads(line)
        return subprocess.CompletedProcess(["manage.py", "shell"], status, printed, said)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
