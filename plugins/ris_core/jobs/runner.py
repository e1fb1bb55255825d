"""The worker: takes due jobs, runs them in threads by pool, renews their leases, records what became of them.

One process has one scheduling loop (the caller's thread) and a few threads for each pool. Any number of such processes
may work on one database. Killing one at any moment loses nothing: its leases run out and its jobs are run again, which
their handlers must bear.
"""

from __future__ import annotations

import logging
import os
import queue
import random
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.utils import timezone

from ris_core.errors import QuangError
from ris_core.jobs import processors
from ris_core.jobs import queue as job_queue
from ris_core.jobs.models import WorkerHeartbeat
from ris_core.jobs.queue import TakenJob
from ris_core.jobs.registry import (
    LONGEST_REST_SECONDS,
    NICENESS,
    POOL_NICENESS,
    POOL_REST,
    POOL_THREADS,
    SESSION_NICENESS,
    JobKind,
    Pool,
)
from ris_core.jobs.rules import NotWorthRepeating, TimeLimitExceeded, UnknownJobKind, retry_delay_seconds
from ris_core.jobs.services import enqueue
from ris_core.settings import Settings

log = logging.getLogger(__name__)

DUTY_SUBJECT = "site"
"""Subject of periodic jobs, which have none of their own."""
_LAST_ERROR_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How the loop keeps time, in seconds."""

    poll_seconds: float = 0.1
    """Between two looks at an idle queue: one indexed read."""
    lease_seconds: float = 20.0
    """After the death of a worker its jobs wait this long at most."""
    heartbeat_seconds: float = 5.0
    unknown_seconds: float = 10.0
    """Between two looks for jobs of a kind that nobody knows."""
    grace_seconds: float = 20.0
    """How long a worker that is told to stop waits for its running jobs."""
    vain_seconds: float = 1.0
    """Until what waits for its lane or channel, or for a thread, is looked at again though nothing has ended here."""
    database_pause_seconds: float = 1.0
    """Between two tries while the database cannot be reached."""


@dataclass(slots=True)
class _Running:
    job: TakenJob
    kind: JobKind
    started: float
    """On the monotonic clock."""
    ended: bool = False
    """The handler has returned or failed; what remains is to record it."""


@dataclass(frozen=True, slots=True)
class _Vain:
    """A look at which nothing could be taken: what was there, and how many jobs had ended here by then."""

    waiting: frozenset[int]
    ended: int


class Worker:
    """One worker process.

    :param heartbeat_file: written at every heartbeat, for health checks that have no database
    """

    def __init__(
        self,
        kinds: Sequence[JobKind],
        settings: Settings,
        heartbeat_file: Path,
        pace: Pace = Pace(),
        threads: dict[Pool, int] = POOL_THREADS,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._kinds = {kind.name: kind for kind in kinds}
        self._settings = settings
        self._heartbeat_file = heartbeat_file
        self._pace = pace
        self._threads = threads
        self._kinds_of = {pool: tuple(kind.name for kind in kinds if kind.pool is pool) for pool in threads}
        self._lease = timedelta(seconds=pace.lease_seconds)
        self._inbox: dict[Pool, queue.SimpleQueue[_Running | None]] = {pool: queue.SimpleQueue() for pool in threads}
        self._pool_threads: list[threading.Thread] = []
        self._running: dict[int, _Running] = {}
        """By its own identity: a job that failed may be tried again while the thread that tried it still rests."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._database_gone = False
        self._ended = 0
        self._vain, self._vain_until = _Vain(frozenset(), 0), 0.0

    def stop(self) -> None:
        """Take no more jobs; :meth:`run` returns when those that run are done. May be called from a signal handler."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Work until :meth:`stop`.

        :raises TimeLimitExceeded: a job ran longer than its kind may. A thread cannot be stopped from outside, so the
            process has to end and be started again; the job's attempt is counted and recorded.
        """
        processors.stand_back(NICENESS)
        processors.session_stands_back(SESSION_NICENESS)
        for pool, count in self._threads.items():
            for number in range(count):
                # daemons: a handler that never returns must not keep a stopped process alive
                thread = threading.Thread(target=self._work, args=(pool,), name=f"{pool}-{number}", daemon=True)
                self._pool_threads.append(thread)
                thread.start()
        self._with_database(self._start_duties)
        beat_at = renew_at = unknown_at = 0.0
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                now = time.monotonic()
                if now >= beat_at:
                    self._with_database(self._beat)
                    beat_at = now + self._pace.heartbeat_seconds
                if now >= renew_at and self._with_database(self._renew):
                    renew_at = now + self._pace.lease_seconds / 4
                if now >= unknown_at:
                    self._with_database(self._refuse_unknown)
                    unknown_at = now + self._pace.unknown_seconds
                self._check_time_limits(now)
                # more may wait behind what was taken: look again at once, else when something ends or a moment later
                if not self._with_database(self._take):
                    self._wake.wait(
                        self._pace.database_pause_seconds if self._database_gone else self._pace.poll_seconds
                    )
        finally:
            self._drain()

    # the loop's parts, each in the caller's thread

    def _with_database(self, action: Callable[[], object]) -> object:
        """What ``action`` returns; None while the database is gone, which is logged once and once more at the end."""
        try:
            result = action()
        except (DatabaseError, InterfaceError) as error:
            if not self._database_gone:
                log.error("database cannot be used, the worker waits for it: %s", _first_line(error))
            self._database_gone = True
            connection.close()
            return None
        if self._database_gone:
            log.warning("database is back, the worker goes on")
            self._database_gone = False
        return result

    def _start_duties(self) -> None:
        for kind in self._kinds.values():
            if kind.every_seconds is not None:
                enqueue(kind.name, DUTY_SUBJECT, lane=f"duty:{kind.name}")

    def _beat(self) -> None:
        self._heartbeat_file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._heartbeat_file.with_suffix(f".{os.getpid()}")
        fresh.write_text(f"{timezone.now().isoformat()} {self.name}\n")
        fresh.replace(self._heartbeat_file)
        WorkerHeartbeat.objects.update_or_create(name=self.name, defaults={"at": timezone.now()})

    def _renew(self) -> bool:
        job_queue.renew([running.job for running in self._snapshot()], self._lease)
        return True

    def _take(self) -> bool:
        """Take what there are free threads for; whether anything was taken."""
        ended = self._ended
        waiting = job_queue.waiting(timezone.now())
        vain = _Vain(frozenset(waiting), ended)
        if not waiting or (vain == self._vain and time.monotonic() < self._vain_until):
            return False
        busy = self._snapshot()
        if self._stopping.is_set():  # asked after looking: a thread freed since then takes nothing new
            return False
        # of very many only some were looked at
        due = set(waiting.values()) if len(waiting) < job_queue.MOST_LOOKED_AT else self._kinds.keys()
        taken = [
            running
            for pool, count in self._threads.items()
            for running in self._take_for(pool, count - sum(one.kind.pool is pool for one in busy), due)
        ]
        if not taken:
            self._vain, self._vain_until = vain, time.monotonic() + self._pace.vain_seconds
        return bool(taken)

    def _take_for(self, pool: Pool, free: int, due: Set[str]) -> list[_Running]:
        if due.isdisjoint(self._kinds_of[pool]):
            return []
        taken: list[_Running] = []
        for job in job_queue.take(self._kinds_of[pool], free, self._lease):
            taken.append(_Running(job, self._kinds[job.kind], time.monotonic()))
            with self._lock:
                self._running[id(taken[-1])] = taken[-1]
            self._inbox[pool].put(taken[-1])
        return taken

    def _refuse_unknown(self) -> None:
        for job in job_queue.take_unknown(self._kinds, 100, self._lease):
            log.error("job %d is of unknown kind %r", job.id, job.kind)
            job_queue.fail(job, _text_of(UnknownJobKind(f"no handler for jobs of kind {job.kind!r}")), None)

    def _check_time_limits(self, now: float) -> None:
        for running in self._snapshot():
            if running.ended or now - running.started <= running.kind.time_limit_seconds:
                continue
            error = TimeLimitExceeded(
                f"job {running.job.id} ({running.kind.name}) ran longer than {running.kind.time_limit_seconds:.0f} s"
            )
            with self._lock:
                self._running.pop(id(running), None)
            self._recorded(running, error)
            raise error

    def _drain(self) -> None:
        """Wait a little for what runs, give back the rest, and let the threads end."""
        until = time.monotonic() + self._pace.grace_seconds
        while self._snapshot() and time.monotonic() < until:
            self._with_database(self._renew)
            time.sleep(0.05)
        left = self._snapshot()
        for pool, count in self._threads.items():
            for _ in range(count):
                self._inbox[pool].put(None)
        if left:
            log.warning("stopping with %d jobs unfinished; they will be run again", len(left))
            self._with_database(lambda: job_queue.give_back([running.job for running in left]))
        self._with_database(lambda: WorkerHeartbeat.objects.filter(name=self.name).delete())
        self._heartbeat_file.unlink(missing_ok=True)
        if not left:
            for thread in self._pool_threads:
                thread.join(timeout=1.0)

    def _snapshot(self) -> list[_Running]:
        with self._lock:
            return list(self._running.values())

    # the threads of the pools

    def _work(self, pool: Pool) -> None:
        processors.stand_back(POOL_NICENESS.get(pool, 0))
        while (running := self._inbox[pool].get()) is not None:
            try:
                outcome = self._attempt(running)
                running.ended = True
                # what became of the job must be recorded, however long the database is away
                if not self._recorded(running, outcome):
                    log.error("outcome of job %d cannot be recorded yet, the database is away", running.job.id)
                    while not self._recorded(running, outcome):
                        time.sleep(self._pace.database_pause_seconds)
                self._rest(pool, running)
            finally:
                with self._lock:
                    self._running.pop(id(running), None)
                    self._ended += 1
                self._wake.set()
        connection.close()

    def _rest(self, pool: Pool, running: _Running) -> None:
        """Before the thread is free for another job."""
        worked = time.monotonic() - running.started
        self._stopping.wait(min(worked * POOL_REST.get(pool, 0.0), LONGEST_REST_SECONDS))

    def _attempt(self, running: _Running) -> Exception | None:
        job = running.job
        if job.attempt > job.max_attempts and running.kind.every_seconds is None:
            return NotWorthRepeating("the worker died each time it tried this job")
        close_old_connections()
        try:
            running.kind.run(job.subject_id)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is recorded with the job and shown
            return error
        return None

    def _recorded(self, running: _Running, error: Exception | None) -> bool:
        try:
            if error is None:
                self._record_success(running)
            else:
                self._record_failure(running, error)
        except (DatabaseError, InterfaceError):
            connection.close()
            return False
        return True

    @transaction.atomic
    def _record_success(self, running: _Running) -> None:
        job_queue.finish(running.job)
        self._enqueue_next_duty(running.kind)

    @transaction.atomic
    def _record_failure(self, running: _Running, error: Exception) -> None:
        job, kind = running.job, running.kind
        periodic = kind.every_seconds is not None
        final = not periodic and (isinstance(error, NotWorthRepeating) or job.attempt >= job.max_attempts)
        delay = retry_delay_seconds(
            job.attempt,
            first_seconds=kind.first_retry_seconds,
            longest_seconds=kind.longest_retry_seconds,
            chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        text = _text_of(error)
        died = job_queue.fail(job, text, None if final else timezone.now() + timedelta(seconds=delay))
        if died and kind.after_death is not None:
            self._tell_of_death(kind.after_death, job, text)
        log.log(
            logging.ERROR if final else logging.WARNING,
            "job %d (%s) failed at attempt %d of %d, %s: %s",
            job.id, kind.name, job.attempt, job.max_attempts,
            "given up" if final else f"again in {delay:.1f} s", _place_of(error),
        )  # fmt: skip

    def _tell_of_death(self, after_death: Callable[[str, str], None], job: TakenJob, text: str) -> None:
        try:
            with transaction.atomic():
                after_death(job.subject_id, text)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - the job is dead all the same, and the thread goes on
            log.error("what follows the death of job %d failed: %s", job.id, _place_of(error))

    def _enqueue_next_duty(self, kind: JobKind) -> None:
        if kind.every_seconds is not None:
            next_at = timezone.now() + timedelta(seconds=kind.every_seconds(self._settings))
            enqueue(kind.name, DUTY_SUBJECT, lane=f"duty:{kind.name}", run_at=next_at)


def _text_of(error: Exception) -> str:
    """What is kept with the job: the suite's own errors with their code, others with their type."""
    if isinstance(error, QuangError):
        return f"{error.code} {error.detail}"[:_LAST_ERROR_CHARACTERS]
    return f"{type(error).__name__}: {error}"[:_LAST_ERROR_CHARACTERS]


def _place_of(error: Exception) -> str:
    """What is logged: never the text of a foreign error, which may quote a patient's data, but where it came from."""
    if isinstance(error, QuangError):
        cause = f" < {_place_of(error.__cause__)}" if isinstance(error.__cause__, Exception) else ""
        return f"{error.code} {error.detail}{cause}"
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return type(error).__name__ + "".join(f" < {Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__} {str(error).splitlines()[0] if str(error) else ''}"
