"""Taking jobs from the queue and giving them back: the only place that changes a job's state while it is worked on.

A job is *leased*: whoever takes it renews the lease while it works, and a job whose lease is over is taken again by
anybody. ``attempts`` is the fence: it grows with each taking, and only the taker with the present number may finish
the job, so a worker that was frozen and comes back cannot overwrite what another has done since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from ris_core.changes.services import announce
from ris_core.jobs.models import Job, JobState

_CLAIM_LOCK = 0x5155_414E_4701
"""Key of the PostgreSQL advisory lock under which jobs are taken: two workers that take at the same moment would not
see each other's lanes and channels. SQLite has one writer anyway."""

_MOST_LOOKED_AT = 500


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


def kinds_due(now: datetime, kinds: Collection[str]) -> Collection[str]:
    """Those of ``kinds`` at which a closer look is worth it; all of them when very many jobs are due.

    What a worker asks all the time, so as cheap as can be: with it a batch of one kind does not cost a look at each.
    """
    waiting = Job.objects.filter(_waiting_or_lost(now)).values_list("kind", flat=True)[:_MOST_LOOKED_AT]
    found = list(waiting)
    return kinds if len(found) == _MOST_LOOKED_AT else set(found).intersection(kinds)


def due(now: datetime, kinds: Collection[str], *, unknown_to: Collection[str] = ()) -> QuerySet[Job]:
    """Jobs of ``kinds`` that may be taken at ``now``, in the order of their times; reads only.

    With ``unknown_to``, jobs of every kind that is not in it instead.
    """
    others = Job.objects.exclude(pk=OuterRef("pk"))
    waits_in_lane = others.filter(
        Q(state=JobState.RUNNING) | Q(state=JobState.QUEUED, pk__lt=OuterRef("pk")), lane=OuterRef("lane")
    )
    channel_taken = others.filter(state=JobState.RUNNING, channel=OuterRef("channel"))
    of_kind = ~Q(kind__in=unknown_to) if unknown_to else Q(kind__in=kinds)
    return (
        Job.objects.filter(_waiting_or_lost(now))
        .filter(of_kind)
        .filter(Q(lane="") | ~Exists(waits_in_lane))
        .filter(Q(channel="") | ~Exists(channel_taken))
        .order_by("run_at", "id")
    )


def take(jobs: QuerySet[Job], limit: int, lease: timedelta) -> list[TakenJob]:
    """Take up to ``limit`` of ``jobs`` (from :func:`due`), at most one of each lane and channel."""
    taken: list[TakenJob] = []
    # asked without a lock first: an idle worker must not stand in the way of those who write
    if limit <= 0 or not jobs.exists():
        return taken
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
        held: set[str] = set()
        for job in jobs.select_for_update(skip_locked=True, of=("self",))[: limit * 4]:
            needs = {f"lane {job.lane}" if job.lane else "", f"channel {job.channel}" if job.channel else ""} - {""}
            if held & needs:
                continue
            held |= needs
            taken.append(
                TakenJob(job.pk, job.kind, job.subject_id, job.lane, job.channel, job.attempts + 1, job.max_attempts)
            )
            if len(taken) == limit:
                break
        Job.objects.filter(pk__in=[job.id for job in taken]).update(
            state=JobState.RUNNING, attempts=F("attempts") + 1, leased_until=timezone.now() + lease
        )
    return taken


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


def _waiting_or_lost(now: datetime) -> Q:
    return Q(state=JobState.QUEUED, run_at__lte=now) | Q(state=JobState.RUNNING, leased_until__lt=now)


def _mine(job: TakenJob) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.id, state=JobState.RUNNING, attempts=job.attempt)
