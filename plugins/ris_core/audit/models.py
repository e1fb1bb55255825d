"""Who did what to whose data, when, from where, why, and whether it was done; rows are only ever added (ADR 33)."""

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
    PATIENT = "PATIENT"
    """A patient, at the portal."""
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
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    """Nothing is looked for by it; people are found by :attr:`actor`."""
    kind = models.CharField(max_length=12, choices=ActorKind, default=ActorKind.SERVICE)
    actor = models.CharField(max_length=128)
    """User name, or the system that acted: ``HIS|BVX``, ``modality:CT1``, ``worker``."""
    role = models.CharField(max_length=32, blank=True)
    """The user's role at that moment."""
    action = models.CharField(max_length=48)
    """A verb of the domain: ``order.placed``, ``study.linked``, ``report.approved``, ``viewer.opened``."""
    subject = models.CharField(max_length=96, blank=True)
    """``kind:id`` of what was acted on."""
    patient = models.ForeignKey(
        "patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    """Found by the index ``audit_by_patient``."""
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
            models.Index(fields=["at"], name="audit_failed", condition=models.Q(success=False)),
            models.Index(fields=["id"], name="audit_unsealed", condition=models.Q(sequence__isnull=True)),
        ]


class AuditForwarding(models.Model):
    """How far the chain has been sent to a syslog server; the only thing kept of it."""

    target = models.CharField(max_length=300, unique=True)
    """``host:port``; another one is sent everything from the first event."""
    sequence = models.BigIntegerField(default=0)
    """The last event that it has."""
    sent_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=255, blank=True)


class AlertKind(models.TextChoices):
    """What odd use looks like."""

    MANY_PATIENTS = "MANY_PATIENTS"
    """One user opened data of at least so many patients within the time."""
    FAILED_LOGINS = "FAILED_LOGINS"
    """At least so many failed logins of one name, or from one address, within the time."""
    REFUSALS = "REFUSALS"
    """One user was refused at least so often within the time."""
    AT_NIGHT = "AT_NIGHT"
    """One user opened data of at least so many patients between two hours of the night."""
    OWN_NAME = "OWN_NAME"
    """A user opened a patient who has the user's own name."""
    WATCHED_PATIENT = "WATCHED_PATIENT"
    """Anybody opened one of the patients who are named in the rule (well-known people)."""


class AlertRule(models.Model):
    """When access is odd enough that somebody should look."""

    kind = models.CharField(max_length=16, choices=AlertKind)
    threshold = models.PositiveIntegerField(default=1)
    minutes = models.PositiveIntegerField(default=60)
    first_hour = models.PositiveSmallIntegerField(default=22)
    """Of the night, in the site's zone."""
    last_hour = models.PositiveSmallIntegerField(default=5)
    """The night ends when this hour begins."""
    roles = models.CharField(max_length=255, blank=True)
    """Only users in these roles, separated by blanks; empty: all."""
    patients = models.JSONField(default=list)
    """Keys of the patients who are watched."""
    active = models.BooleanField(default=True)


class AccessAlert(models.Model):
    """Something odd that somebody should look at, until they have said what it was."""

    rule = models.ForeignKey(AlertRule, on_delete=models.PROTECT, related_name="alerts")
    actor = models.CharField(max_length=128)
    """Who; for failed logins the name that was tried, or the address."""
    began_at = models.DateTimeField()
    at = models.DateTimeField(db_index=True)
    """Of the last event that counted."""
    count = models.PositiveIntegerField()
    last_event = models.BigIntegerField()
    """``sequence`` of that event."""
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    settled_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "actor"], condition=models.Q(settled_at__isnull=True), name="audit_one_open_alert"
            ),
        ]


class AlertProgress(models.Model):
    """How far the chain has been looked at for alerts: one row."""

    sequence = models.BigIntegerField(default=0)
