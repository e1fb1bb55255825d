"""The outbox of results: one row for each report version owed to one receiver."""

from __future__ import annotations

from django.db import models

from ris_core.outbox.entries import OutboxEntry, OutboxState

DeliveryState = OutboxState


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


class Delivery(OutboxEntry):
    """One report version owed to one receiver; ``sequence`` is the version's number, ``message`` the ORU^R01."""

    receiver = models.ForeignKey(Receiver, on_delete=models.PROTECT, related_name="deliveries")
    version = models.ForeignKey("reports.ReportVersion", on_delete=models.PROTECT, related_name="deliveries")
    reading = models.ForeignKey("reports.Reading", on_delete=models.PROTECT, related_name="deliveries")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receiver", "version"], name="delivery_once_per_receiver_and_version"),
        ]
        indexes = [
            models.Index(fields=["state", "queued_at"], name="delivery_outbox"),
            # all results go to one HIS: what one reading owes it is not looked for among them
            models.Index(fields=["receiver", "reading", "sequence"], name="delivery_order"),
        ]
