"""The columns that everything owed to a receiver has, and the states it goes through."""

from __future__ import annotations

from django.db import models

from ris_core.sealing.fields import SealedBinaryField


class OutboxState(models.TextChoices):
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    RETRY = "RETRY"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    DEAD = "DEAD"
    DISMISSED = "DISMISSED"
    SUPERSEDED = "SUPERSEDED"


class OutboxEntry(models.Model):
    """One message owed to one receiver."""

    sequence = models.PositiveIntegerField()
    """Among what must reach the receiver in order: what must be acknowledged first has the smaller one."""
    state = models.CharField(max_length=12, choices=OutboxState, default=OutboxState.QUEUED)
    control_id = models.CharField(max_length=20, unique=True)
    """MSH-10 and the like, the same at every attempt, so that the receiver can tell a repeat."""
    message = SealedBinaryField(default=b"")
    """As sent, fixed at the first attempt."""
    possibly_seen = models.BooleanField(default=False)
    """Whether an attempt may have reached the receiver; set before the connection is opened, so also after a crash."""
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    last_acknowledgement = SealedBinaryField(default=b"")
    queued_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    dismissed_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        abstract = True
