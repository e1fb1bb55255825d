"""Every message as it was received, what became of it and what was answered."""

from __future__ import annotations

from django.db import models


class MessageState(models.TextChoices):
    RECEIVED = "RECEIVED"
    APPLIED = "APPLIED"
    REFUSED = "REFUSED"
    HELD = "HELD"


class InboundMessage(models.Model):
    """One message from one sender; its identity is sender and MSH-10."""

    sender = models.CharField(max_length=128)
    """``MSH-3|MSH-4``."""
    control_id = models.CharField(max_length=199, blank=True)
    """MSH-10; empty when the message has none or could not be read that far."""
    digest = models.CharField(max_length=64)
    """SHA-256 of everything after the MSH segment: tells a resend from a control id used twice."""
    message_type = models.CharField(max_length=32, blank=True)
    raw = models.BinaryField()
    """The bytes between the MLLP frame's start and end block, untouched."""
    peer = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=MessageState, default=MessageState.RECEIVED)
    acknowledgement = models.BinaryField(default=b"")
    acknowledgement_code = models.CharField(max_length=2, blank=True)
    """MSA-1: AA, AE or AR."""
    error_code = models.CharField(max_length=16, blank=True)
    error_location = models.CharField(max_length=64, blank=True)
    """ERR-2, for example ``OBR^1^4``."""
    error_detail = models.TextField(blank=True)
    replay_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replays")
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "control_id"],
                condition=models.Q(replay_of__isnull=True) & models.Q(state="APPLIED") & ~models.Q(control_id=""),
                name="message_applied_once",
            ),
        ]
        indexes = [
            models.Index(fields=["sender", "control_id"], name="message_identity"),
            models.Index(fields=["state", "received_at"], name="message_inbox"),
        ]
