"""Taking jobs from the queue and giving them back: the only place that changes a job's state while it is worked on.

A job is *leased*: whoever takes it renews the lease while it works, and a job whose lease is over is taken again by
anybody. ``attempts`` is the fence: it grows with each taking, and only the taker with the present number may finish
the job, so a worker that was frozen and comes back cannot overwrite what another has done since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from ris_core.changes.services import announce
from ris_core.jobs.models import Job, JobState
from ris_core.statements import Param, Select

_CLAIM_LOCK = 0x5155_414E_4701
"""Key of the PostgreSQL advisory lock under which jobs are taken: two workers that take at the same moment would not
see each other's lanes and channels. SQLite has one writer anyway."""

MOST_LOOKED_AT = 500
MOST_CLAIMED = 32
"""Looked through at once for jobs whose lanes and channels differ."""


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job in this worker's hands; ``attempt`` is 1 at the first try."""

    id: int
    kind: str
    subject_id: str
    lane: str
    channel: str
    attempt: int
    max_attempts: int


def waiting(now: datetime) -> dict[int, str]:
    """Key and kind of the jobs at which a closer look is worth it; of very many :data:`MOST_LOOKED_AT`.

    What a worker asks all the time, so as cheap as can be.
    """
    return dict(_WAITING.rows(now=now))


def take(kinds: Collection[str], limit: int, lease: timedelta, *, now: datetime | None = None) -> list[TakenJob]:
    """Take up to ``limit`` jobs of ``kinds`` that may run at ``now``, at most one of each lane and channel, those that
    have waited longest first."""
    return _take(_OfKinds(tuple(kinds)), limit, lease, now or timezone.now())


def take_unknown(kinds: Collection[str], limit: int, lease: timedelta) -> list[TakenJob]:
    """The same, of jobs of every other kind."""
    return _take(_OfKinds(tuple(kinds), others=True), limit, lease, timezone.now())


@dataclass(frozen=True, slots=True)
class _OfKinds:
    kinds: tuple[str, ...]
    others: bool = False


def _take(which: _OfKinds, limit: int, lease: timedelta, now: datetime) -> list[TakenJob]:
    taken: list[TakenJob] = []
    look, claim = _statements(which)
    # asked without a lock first: an idle worker must not stand in the way of those who write
    if limit <= 0 or not look.rows(now=now):
        return taken
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
        held: set[str] = set()
        for key, kind, subject_id, lane, channel, attempts, max_attempts in claim.rows(now=now):
            needs = {f"lane {lane}" if lane else "", f"channel {channel}" if channel else ""} - {""}
            if held & needs:
                continue
            held |= needs
            taken.append(TakenJob(key, kind, subject_id, lane, channel, attempts + 1, max_attempts))
            if len(taken) == limit:
                break
        Job.objects.filter(pk__in=[job.id for job in taken]).update(
            state=JobState.RUNNING, attempts=F("attempts") + 1, leased_until=timezone.now() + lease
        )
    return taken


@cache
def _statements(which: _OfKinds) -> tuple[Select, Select]:
    """Whether there are any that may be taken, and those, locked."""
    others = Job.objects.exclude(pk=OuterRef("pk"))
    waits_in_lane = others.filter(
        Q(state=JobState.RUNNING) | Q(state=JobState.QUEUED, pk__lt=OuterRef("pk")), lane=OuterRef("lane")
    )
    channel_taken = others.filter(state=JobState.RUNNING, channel=OuterRef("channel"))
    of_kind = Q(kind__in=which.kinds)
    takeable = (
        Job.objects.filter(_waiting_or_lost())
        .filter(~of_kind if which.others else of_kind)
        .filter(Q(lane="") | ~Exists(waits_in_lane))
        .filter(Q(channel="") | ~Exists(channel_taken))
        .order_by("run_at", "id")
    )
    columns = ("id", "kind", "subject_id", "lane", "channel", "attempts", "max_attempts")
    return (
        Select(takeable.values_list("id")[:1], planned_anew=True),
        Select(takeable.values_list(*columns)[:MOST_CLAIMED], locking=Job, skip_locked=True, planned_anew=True),
    )


def renew(jobs: Iterable[TakenJob], lease: timedelta) -> None:
    """Keep ``jobs`` for another ``lease``; those that somebody else has taken since are left alone."""
    for job in jobs:
        _mine(job).update(leased_until=timezone.now() + lease)


def give_back(jobs: Iterable[TakenJob]) -> None:
    """End the leases of ``jobs`` now, so that another worker need not wait for them."""
    for job in jobs:
        _mine(job).update(leased_until=timezone.now())


def finish(job: TakenJob) -> None:
    """The job is done."""
    _mine(job).update(state=JobState.DONE, leased_until=None, finished_at=timezone.now(), last_error="")


@transaction.atomic
def fail(job: TakenJob, error: str, run_at: datetime | None) -> bool:
    """The job failed with ``error``: it is tried again at ``run_at``, or is dead when that is none.

    :returns: whether the job is dead now
    """
    if run_at is not None:
        # the same thing asked for while it ran: that job takes over, there is one waiting job for one thing
        twin = Job.objects.filter(kind=job.kind, subject_id=job.subject_id, state=JobState.QUEUED)
        if twin.exists():
            _mine(job).update(state=JobState.DONE, leased_until=None, finished_at=timezone.now(), last_error=error)
        else:
            _mine(job).update(state=JobState.QUEUED, leased_until=None, run_at=run_at, last_error=error)
        return False
    changed = _mine(job).update(state=JobState.DEAD, leased_until=None, finished_at=timezone.now(), last_error=error)
    if changed:
        announce("job", job.id)
    return bool(changed)


def _waiting_or_lost() -> Q:
    now = Param("now")
    return Q(state=JobState.QUEUED, run_at__lte=now) | Q(state=JobState.RUNNING, leased_until__lt=now)


def _mine(job: TakenJob) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.id, state=JobState.RUNNING, attempts=job.attempt)


_WAITING = Select(Job.objects.filter(_waiting_or_lost()).values_list("id", "kind")[:MOST_LOOKED_AT], planned_anew=True)
