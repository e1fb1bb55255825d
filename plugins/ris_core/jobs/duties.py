"""What the worker keeps tidy by itself, periodically."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ris_core.changes.models import Change
from ris_core.jobs.models import Job, JobState, WorkerHeartbeat
from ris_core.reports.drafts import forget_old_states
from ris_core.reports.holding import release_idle

CHANGES_KEPT = timedelta(hours=1)
DONE_JOBS_KEPT = timedelta(hours=24)
SILENT_WORKERS_KEPT = timedelta(hours=24)
_ROWS_AT_ONCE = 5_000
"""A long delete would hold SQLite's only writer; the rest goes with the next batch."""


def purge_changes(_subject_id: str) -> None:
    """Delete what live screens have long seen."""
    old = Change.objects.filter(at__lt=timezone.now() - CHANGES_KEPT).order_by("pk")
    while keys := list(old.values_list("pk", flat=True)[:_ROWS_AT_ONCE]):
        Change.objects.filter(pk__in=keys).delete()


def purge_done_jobs(_subject_id: str) -> None:
    """Delete jobs done since a day, and workers not heard of since a day. Dead jobs stay for a person to decide."""
    old = Job.objects.filter(state=JobState.DONE, finished_at__lt=timezone.now() - DONE_JOBS_KEPT).order_by("pk")
    while keys := list(old.values_list("pk", flat=True)[:_ROWS_AT_ONCE]):
        Job.objects.filter(pk__in=keys).delete()
    WorkerHeartbeat.objects.filter(at__lt=timezone.now() - SILENT_WORKERS_KEPT).delete()


def release_idle_readings(_subject_id: str) -> None:
    """Give back exams that nobody has worked on for the time that the setting tells."""
    release_idle(settings.QUANG.reading.release_after_minutes)


def forget_draft_states(_subject_id: str) -> None:
    """Delete earlier states of drafts that have been kept for the time that the setting tells."""
    forget_old_states(settings.QUANG.reading.draft_states_days)
