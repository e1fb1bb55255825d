"""Every message as it was received, what became of it and what was answered."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.sealing.fields import SealedBinaryField


class MessageState(models.TextChoices):
    RECEIVED = "RECEIVED"
    APPLIED = "APPLIED"
    REFUSED = "REFUSED"
    HELD = "HELD"


WAITING_STATES = (MessageState.REFUSED, MessageState.HELD)
"""States of a message that has had no effect: it waits for a person until it is resolved."""


class Resolution(models.TextChoices):
    """Why a message that was refused or held needs nobody any more."""

    SENT_AGAIN = "SENT_AGAIN"
    """The sender's next message of the same identity was applied."""
    REPLAYED = "REPLAYED"
    """A person had it applied, as it came or corrected."""
    DISMISSED = "DISMISSED"
    """A person has decided that it shall have no effect."""
    ANSWERED = "ANSWERED"
    """A program that called over HTTP was told at once what is wrong; it has to send the request again."""


class Protocol(models.TextChoices):
    """By which a message came."""

    HL7 = "HL7"
    REST = "REST"
    FHIR = "FHIR"
    SCIM = "SCIM"
    """Accounts and groups of an identity system (RFC 7644)."""
    MPPS = "MPPS"
    """Reports of devices that were refused (:mod:`ris_core.performed.refused`); those that were not are no messages."""


class InboundMessage(models.Model):
    """One message from one sender; its identity is protocol, sender and MSH-10 (or Idempotency-Key).

    A replay is a row of its own (``replay_of``): what came stays as it came.
    """

    protocol = models.CharField(max_length=4, choices=Protocol, default=Protocol.HL7)
    sender = models.CharField(max_length=128)
    """``MSH-3|MSH-4``, or the calling AE title."""
    control_id = models.CharField(max_length=199, blank=True)
    """MSH-10, the Idempotency-Key of a request, or the SOP Instance UID of a performed step; empty when there is none
    or it could not be read that far."""
    digest = models.CharField(max_length=64)
    """SHA-256 of MSH-9 and everything after the MSH segment: tells a resend from a control id used twice."""
    message_type = models.CharField(max_length=32, blank=True)
    raw = SealedBinaryField()
    """The bytes between the MLLP frame's start and end block, the request's line and body, or a DICOM file of the
    dataset, untouched."""
    peer = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=MessageState, default=MessageState.RECEIVED)
    acknowledgement = SealedBinaryField(default=b"")
    acknowledgement_code = models.CharField(max_length=4, blank=True)
    """MSA-1 (AA, AE or AR), the HTTP status, or the DIMSE status (PS3.7 C)."""
    error_code = models.CharField(max_length=16, blank=True)
    error_location = models.CharField(max_length=64, blank=True)
    """ERR-2, for example ``OBR^1^4``."""
    error_detail = models.TextField(blank=True)
    effects = models.JSONField(default=list)
    """What it did, from the audit trail: ``{"action": "order.placed", "subject": "procedure:12"}`` each."""
    patient = models.ForeignKey("patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """Whom the first of its effects was about."""
    search_text = models.CharField(max_length=255, blank=True)
    """Folded: patient identifiers (for national ones what :func:`~ris_core.patients.numbers_sought.sought` makes of
    them), name, order and accession numbers, whether it was applied or not."""
    replay_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replays")
    replayed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=10, choices=Resolution, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_reason = models.CharField(max_length=255, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["protocol", "sender", "control_id"],
                condition=models.Q(state="APPLIED") & ~models.Q(control_id=""),
                name="message_applied_once",
            ),
        ]
        indexes = [
            models.Index(fields=["sender", "control_id"], name="message_identity"),
            models.Index(fields=["state", "resolved_at", "received_at"], name="message_inbox"),
            models.Index(fields=["received_at"], name="message_by_time"),
        ]
