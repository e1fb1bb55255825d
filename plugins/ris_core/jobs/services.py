"""Enqueue durable jobs. The worker that runs them is :mod:`ris_core.jobs.runner`."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from ris_core.jobs.models import Job, JobState


def enqueue(
    kind: str, subject_id: object, *, lane: str = "", run_at: datetime | None = None, max_attempts: int = 12
) -> None:
    """Ask for ``kind`` to be done for ``subject_id``, in the caller's transaction.

    Asking again while the same job still waits changes nothing; asking while it runs queues one more run.
    """
    Job.objects.bulk_create(
        [
            Job(
                kind=kind,
                subject_id=str(subject_id),
                lane=lane,
                state=JobState.QUEUED,
                run_at=run_at or timezone.now(),
                max_attempts=max_attempts,
            )
        ],
        ignore_conflicts=True,
    )
