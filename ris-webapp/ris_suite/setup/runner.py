"""Runs setup steps: in the order of their needs, in parallel where they are independent, showing progress."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ris_suite import layout

_PROGRESS_SECONDS = 10
_SHOWN_LINES = 20


class StepFailed(Exception):
    """A step could not be done; ``str()`` says what to do about it."""


class StepLog:
    """The log file of one step, and the way a step runs commands."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        """Empties the log of the last time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("")

    def write(self, text: str) -> None:
        with self.path.open("a") as log:
            log.write(text.rstrip("\n") + "\n")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        why: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Runs a command with its output in the log.

        Raises:
            StepFailed: the command ended with another status than 0; the message begins with ``why``.
        """
        words = [str(word) for word in command]
        self.write("$ " + " ".join(word if len(word) < 300 else word[:300] + "…" for word in words))
        with self.path.open("a") as log:
            result = subprocess.run(
                words,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=folder,
                check=False,
            )
        if result.returncode != 0:
            raise StepFailed(f"{why} (exit status {result.returncode} of {Path(words[0]).name})")

    def last_lines(self, count: int = _SHOWN_LINES) -> list[str]:
        return self.path.read_text(errors="replace").splitlines()[-count:]


@dataclass(frozen=True)
class Step:
    """One thing that setup makes.

    ``needs`` come first when they have to be made too; ``remade_with`` are those whose making makes this step stale.

    ``inputs`` are hashed into the stamp: files and folders by content, text as it is. ``products`` must exist for the
    stamp to count. ``is_done`` is for what cannot be known from files (packages of the host); it overrides the stamp.
    """

    name: str
    title: str
    action: Callable[[StepLog], None]
    needs: tuple[str, ...] = ()
    remade_with: tuple[str, ...] = ()
    inputs: tuple[Path | str, ...] = ()
    products: tuple[Path, ...] = ()
    is_done: Callable[[], bool] | None = None

    def current(self) -> bool:
        if self.is_done is not None:
            return self.is_done()
        stamp = layout.STAMPS / self.name
        return stamp.exists() and stamp.read_text() == self._digest() and all(path.exists() for path in self.products)

    def run(self) -> None:
        log = StepLog(layout.SETUP_LOGS / f"{self.name}.log")
        log.begin()
        stamp = layout.STAMPS / self.name
        stamp.unlink(missing_ok=True)
        digest = self._digest()
        self.action(log)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(digest)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for item in self.inputs:
            if isinstance(item, str):
                digest.update(item.encode() + b"\0")
                continue
            for path in _files(item):
                digest.update(str(path.relative_to(layout.REPOSITORY)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or the source files below a folder (not what a build or an install put there)."""
    if path.is_file():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if name not in {"node_modules", "dist", "__pycache__", "tests"})
        for name in sorted(files):
            yield Path(folder) / name


@dataclass
class _Progress:
    """Says on the screen what has begun, is under way and is done."""

    began: float = field(default_factory=time.monotonic)
    running: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str) -> None:
        with self.lock:
            print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

    def still_running(self) -> str:
        now = time.monotonic()
        return ", ".join(f"{name} {now - since:.0f} s" for name, since in self.running.items())


def run_steps(steps: Iterable[Step]) -> bool:
    """Runs what is not current. True when all is prepared; says on standard error what failed otherwise."""
    with _one_at_a_time():
        waiting = stale_steps(steps)
        if not waiting:
            return True
        progress = _Progress()
        progress.say("preparing: " + ", ".join(step.title for step in waiting.values()))
        failures: list[tuple[Step, BaseException]] = []
        under_way: dict[Future[None], Step] = {}
        with ThreadPoolExecutor(max_workers=8) as pool:
            while waiting or under_way:
                for step in [] if failures else list(waiting.values()):
                    names_under_way = {other.name for other in under_way.values()}
                    if not any(need in waiting or need in names_under_way for need in step.needs):
                        del waiting[step.name]
                        progress.running[step.name] = time.monotonic()
                        progress.say(f"{step.title} …")
                        under_way[pool.submit(step.run)] = step
                if not under_way:
                    break
                finished, _ = wait(under_way, timeout=_PROGRESS_SECONDS, return_when=FIRST_COMPLETED)
                if not finished:
                    progress.say(f"still at it: {progress.still_running()}")
                for future in finished:
                    step = under_way.pop(future)
                    seconds = time.monotonic() - progress.running.pop(step.name)
                    problem = future.exception()
                    if problem is not None:
                        failures.append((step, problem))
                        progress.say(f"{step.title}: FAILED after {seconds:.0f} s")
                    else:
                        progress.say(f"{step.title}: done in {seconds:.0f} s")
        for step, problem in failures:
            _explain(step, problem)
        return not failures


def stale_steps(steps: Iterable[Step]) -> dict[str, Step]:
    """The steps that have to run, by name, in the given order (a step comes after what it is remade with)."""
    stale: dict[str, Step] = {}
    for step in steps:
        if any(name in stale for name in step.remade_with) or not step.current():
            stale[step.name] = step
    return stale


def _explain(step: Step, problem: BaseException) -> None:
    log = StepLog(layout.SETUP_LOGS / f"{step.name}.log")
    print(f"\n{step.title}: {problem}", file=sys.stderr)
    if not isinstance(problem, StepFailed | OSError):
        raise problem
    for line in log.last_lines():
        print(f"    {line}", file=sys.stderr)
    print(f"  whole log: {log.path}", file=sys.stderr)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    layout.MOUNT_POINT.mkdir(parents=True, exist_ok=True)
    with (layout.ENGINE / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another setup is under way in this folder; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
