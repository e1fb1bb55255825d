"""Enqueue durable jobs, and what a person may do with dead ones. The worker is :mod:`ris_core.jobs.runner`."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.jobs.models import Job, JobState


def enqueue(
    kind: str,
    subject_id: object,
    *,
    lane: str = "",
    channel: str = "",
    run_at: datetime | None = None,
    max_attempts: int = 12,
) -> None:
    """Ask for ``kind`` to be done for ``subject_id``, in the caller's transaction if there is one.

    Asking again while the same job still waits at most brings it forward to ``run_at``; asking while it runs queues
    one more run.
    """
    due = run_at or timezone.now()
    job = Job(
        kind=kind,
        subject_id=str(subject_id),
        lane=lane,
        channel=channel,
        state=JobState.QUEUED,
        run_at=due,
        max_attempts=max_attempts,
    )
    waiting = Job.objects.filter(kind=kind, subject_id=str(subject_id), state=JobState.QUEUED)
    # The update also locks the job that waits already: were it taken and run before the caller's transaction ends, it
    # would not see what this one asks it for. One that was taken just before runs now: a further one is queued.
    with transaction.atomic(savepoint=False):  # of callers without a transaction nothing is taken between the two
        while True:
            Job.objects.bulk_create([job], ignore_conflicts=True)
            if waiting.update(run_at=Least(F("run_at"), due)):
                return


def is_under_way(kind: str, subject_id: object) -> bool:
    """Whether such a job waits or runs."""
    return Job.objects.filter(
        kind=kind, subject_id=str(subject_id), state__in=(JobState.QUEUED, JobState.RUNNING)
    ).exists()


@transaction.atomic
def replay_job(job_id: int, actor: Actor) -> None:
    """A person has a dead job tried again, its attempts counted anew.

    :raises NotFound: no such job
    :raises TransitionRefused: it is not dead
    """
    job = _dead(job_id)
    # the same thing may have been asked for again since it died; then that job runs and this one is history
    if is_under_way(job.kind, job.subject_id):
        Job.objects.filter(pk=job.pk).update(state=JobState.DONE)
    else:
        Job.objects.filter(pk=job.pk).update(
            state=JobState.QUEUED, attempts=0, run_at=timezone.now(), leased_until=None, finished_at=None
        )
    record(actor, "job.replayed", subject=f"job:{job.pk}", kind=job.kind, subject_id=job.subject_id)
    announce("job", job.pk)


@transaction.atomic
def dismiss_job(job_id: int, reason: str, actor: Actor) -> None:
    """A person decides that a dead job need not be done.

    :raises InvalidValue: no reason given
    :raises NotFound: no such job
    :raises TransitionRefused: it is not dead
    """
    if not reason.strip():
        raise InvalidValue("say why the job is dismissed", field="reason")
    job = _dead(job_id)
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, finished_at=timezone.now())
    record(
        actor, "job.dismissed", subject=f"job:{job.pk}", kind=job.kind, subject_id=job.subject_id, reason=reason[:255]
    )
    announce("job", job.pk)


def _dead(job_id: int) -> Job:
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise NotFound("there is no such job", field="job")
    if job.state != JobState.DEAD:
        raise TransitionRefused(f"the job is {job.state}, not DEAD", field="state")
    return job
