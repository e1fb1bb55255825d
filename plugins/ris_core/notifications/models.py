"""Who is told of what happens to exams, and the outbox of what they are owed."""

from __future__ import annotations

from django.db import models

from ris_core.notifications.rules import Event, Transport
from ris_core.outbox.entries import OutboxEntry


class NotificationReceiver(models.Model):
    """A system that is told, and how; the address is the one that it has in its own registry."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    transport = models.CharField(max_length=24, choices=[(transport, transport) for transport in Transport])
    system = models.ForeignKey("delivery.Receiver", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """Where HL7 messages go: the HIS that gets the results, too."""
    hl7_message = models.CharField(
        max_length=3, choices=[("ORM", "ORM^O01"), ("OMG", "OMG^O19")], default="ORM", blank=True
    )
    """The message that tells an order's status (IHE RAD TF-2 4.3: OMG^O19 for HL7 2.5.1, ORM^O01 before)."""
    device = models.ForeignKey("devices.Device", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """The DICOM node that is notified or forwarded to."""
    webhook = models.OneToOneField(
        "webhooks.Webhook", null=True, blank=True, on_delete=models.PROTECT, related_name="receiver"
    )
    """Where events are posted as JSON."""
    email = models.CharField(max_length=254, blank=True)
    """The mailbox of a person or a group."""
    active = models.BooleanField(default=True)

    @property
    def address(self) -> str:
        """Where it is told, for people."""
        if self.email:
            return self.email
        if self.webhook:
            return self.webhook.url
        if self.device:
            return f"{self.device.ae_title} {self.device.host}:{self.device.port}"
        return f"{self.system.host}:{self.system.port} · HL7 {self.system.hl7_version}" if self.system else ""


class NotificationRule(models.Model):
    """A receiver wants to know of an event, of all exams or of some."""

    receiver = models.ForeignKey(NotificationReceiver, on_delete=models.CASCADE, related_name="rules")
    event = models.CharField(max_length=32, choices=[(event, event) for event in Event])
    modality = models.CharField(max_length=16, blank=True)
    """Only exams of this modality; empty: all."""
    source = models.CharField(max_length=128, blank=True)
    """Only exams ordered by this sender (``MSH-3|MSH-4``); empty: all."""
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["receiver", "event", "modality", "source"], name="notification_rule_unique"
            ),
        ]


class Notification(OutboxEntry):
    """One event that one receiver is owed."""

    receiver = models.ForeignKey(NotificationReceiver, on_delete=models.PROTECT, related_name="notifications")
    event = models.CharField(max_length=32)
    occurred_at = models.DateTimeField()
    procedure = models.ForeignKey(
        "orders.RequestedProcedure", null=True, blank=True, on_delete=models.PROTECT, related_name="notifications"
    )
    """The exam that it is about; none for a device's message about work that nobody ordered."""
    thread = models.CharField(max_length=72)
    """What its ``sequence`` counts in: ``procedure:<key>`` or ``mpps:<SOP Instance UID>``."""
    subject = models.CharField(max_length=96)
    """``kind:key`` of what the message is made from: ``procedure:12``, ``mpps_message:7``."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receiver", "thread", "sequence"], name="notification_order_unique"),
        ]
        indexes = [
            models.Index(fields=["state", "queued_at"], name="notification_outbox"),
            models.Index(fields=["procedure"], name="notification_by_exam"),
        ]
