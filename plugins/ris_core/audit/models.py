"""Who did what to whose data, when, from where, why, and whether it was done; rows are only ever added (ADR 30)."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ActorKind(models.TextChoices):
    """What acted."""

    USER = "USER"
    """Somebody who has logged in."""
    API_KEY = "API_KEY"
    """A program, by its key."""
    SENDER = "SENDER"
    """A system that sends HL7."""
    RECEIVER = "RECEIVER"
    """Whoever a receiver of results vouches for, or showed a link to."""
    DEVICE = "DEVICE"
    """A DICOM node, by its AE title."""
    SERVICE = "SERVICE"
    """A part of the suite itself."""
    ANYBODY = "ANYBODY"
    """Nobody known: before login, or with a key or link that is not ours."""


class AuditEvent(models.Model):
    """One event. What is written in the transaction of its cause is sealed within seconds: it then has its place in
    the chain (``sequence``, ``previous``, ``hash``) and the database refuses every change of it."""

    at = models.DateTimeField(db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=ActorKind, default=ActorKind.SERVICE)
    actor = models.CharField(max_length=128)
    """User name, or the system that acted: ``HIS|BVX``, ``modality:CT1``, ``worker``."""
    role = models.CharField(max_length=32, blank=True)
    """The user's role at that moment."""
    action = models.CharField(max_length=48)
    """A verb of the domain: ``order.placed``, ``study.linked``, ``report.approved``, ``viewer.opened``."""
    subject = models.CharField(max_length=96, blank=True)
    """``kind:id`` of what was acted on."""
    patient = models.ForeignKey("patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=64, blank=True)
    success = models.BooleanField(default=True)
    reason = models.CharField(max_length=255, blank=True)
    """Why, as who acted has said; or why it was refused."""
    details = models.JSONField(default=dict)
    sequence = models.BigIntegerField(null=True, blank=True, unique=True)
    """Place in the chain: 1, 2, 3 … without gaps; none until it is sealed."""
    previous = models.CharField(max_length=64, blank=True)
    """``hash`` of the event before; 64 zeros for the first."""
    hash = models.CharField(max_length=64, blank=True)
    """SHA-256 of the event's line without this (:mod:`ris_core.audit.verify`), hexadecimal."""

    class Meta:
        indexes = [
            models.Index(fields=["patient", "at"], name="audit_by_patient"),
            models.Index(fields=["subject", "at"], name="audit_by_subject"),
            models.Index(fields=["actor", "at"], name="audit_by_actor"),
            models.Index(fields=["action", "at"], name="audit_by_action"),
            models.Index(fields=["address", "at"], name="audit_by_address"),
            models.Index(fields=["id"], name="audit_unsealed", condition=models.Q(sequence__isnull=True)),
        ]
