"""The outbox of results: one row for each report version owed to one receiver."""

from __future__ import annotations

from django.db import models


class Receiver(models.Model):
    """A system that wants results (HIS, EMR) over MLLP."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField()
    application = models.CharField(max_length=64, default="HIS")
    facility = models.CharField(max_length=64, blank=True)
    hl7_version = models.CharField(max_length=8, default="2.5.1")
    source = models.CharField(max_length=128, blank=True)
    """Only results of orders from this sender (``MSH-3|MSH-4``); empty: all."""
    active = models.BooleanField(default=True)


class DeliveryState(models.TextChoices):
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    RETRY = "RETRY"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    DEAD = "DEAD"
    DISMISSED = "DISMISSED"
    SUPERSEDED = "SUPERSEDED"


class Delivery(models.Model):
    """One report version owed to one receiver; per receiver and reading strictly in version order."""

    receiver = models.ForeignKey(Receiver, on_delete=models.PROTECT, related_name="deliveries")
    version = models.ForeignKey("reports.ReportVersion", on_delete=models.PROTECT, related_name="deliveries")
    reading = models.ForeignKey("reports.Reading", on_delete=models.PROTECT, related_name="deliveries")
    sequence = models.PositiveIntegerField()
    """The version's number: what must be acknowledged first has the smaller one."""
    state = models.CharField(max_length=12, choices=DeliveryState, default=DeliveryState.QUEUED)
    control_id = models.CharField(max_length=20, unique=True)
    """MSH-10, the same at every attempt, so that the receiver can tell a repeat."""
    message = models.BinaryField(default=b"")
    """The ORU^R01 as sent, fixed at the first attempt."""
    possibly_seen = models.BooleanField(default=False)
    """Whether an attempt may have reached the receiver; set before the connection is opened, so also after a crash."""
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    last_acknowledgement = models.BinaryField(default=b"")
    queued_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    dismissed_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receiver", "version"], name="delivery_once_per_receiver_and_version"),
        ]
        indexes = [models.Index(fields=["state", "queued_at"], name="delivery_outbox")]
