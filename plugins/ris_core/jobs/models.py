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
    """Jobs of one lane run one after the other in the order of their ids; empty: no order."""
    state = models.CharField(max_length=8, choices=JobState, default=JobState.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
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
        indexes = [
            models.Index(fields=["run_at"], condition=models.Q(state="QUEUED"), name="job_due"),
            models.Index(fields=["lane", "id"], condition=~models.Q(state="DONE"), name="job_lane"),
        ]


class WorkerHeartbeat(models.Model):
    """When each worker was last seen alive."""

    name = models.CharField(max_length=128, primary_key=True)
    at = models.DateTimeField()
