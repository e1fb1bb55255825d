"""Durable jobs: everything slow or retried, written in the transaction that wants it done."""

from __future__ import annotations

from django.db import models


class JobState(models.TextChoices):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    DEAD = "DEAD"


class Job(models.Model):
    """One thing to do for one subject; payloads are ids only."""

    kind = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    lane = models.CharField(max_length=96, blank=True)
    """Jobs of one lane run one after the other in the order of their ids, also while one waits to be tried again;
    a dead one is passed over. Empty: no order."""
    channel = models.CharField(max_length=64, blank=True)
    """What the job needs for itself alone while it runs (``receiver:3``): at most one job of a channel runs at a
    time, in any order, so that a peer that hangs holds one thread and nobody else. Empty: needs nothing."""
    state = models.CharField(max_length=8, choices=JobState, default=JobState.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    """Counted when a worker takes the job, so that one that kills its worker also comes to an end."""
    max_attempts = models.PositiveIntegerField(default=12)
    run_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    """A running job whose lease is over belongs to a worker that died; it is run again."""
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id"], condition=models.Q(state="QUEUED"), name="job_queued_once"
            ),
        ]
        # whole, not partial: SQLite cannot tell from a bound parameter that a partial index would do
        indexes = [
            models.Index(fields=["state", "run_at"], name="job_due"),
            models.Index(fields=["kind", "subject_id", "state"], name="job_subject"),
            models.Index(fields=["lane", "state"], name="job_lane"),
            models.Index(fields=["channel", "state"], name="job_channel"),
        ]


class WorkerHeartbeat(models.Model):
    """When each worker, and each other process that has no web address, was last seen alive."""

    class Part(models.TextChoices):
        WORKER = "worker"
        MPPS = "mpps"
        GATE = "gate"
        """Before the engine's DICOM port."""

    name = models.CharField(max_length=128, primary_key=True)
    part = models.CharField(max_length=16, choices=Part, default=Part.WORKER)
    at = models.DateTimeField()
