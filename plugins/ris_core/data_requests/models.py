"""What patients ask about their data (law 91/2025/QH15): who asked, what, until when, what was decided and done."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class RequestKind(models.TextChoices):
    """What is asked."""

    ACCESS = "ACCESS"
    """What is kept of me, who saw it, and a copy (article 4)."""
    CORRECTION = "CORRECTION"
    """Article 13."""
    ERASURE = "ERASURE"
    """Article 14."""
    RESTRICTION = "RESTRICTION"
    """That fewer people see it (article 4)."""
    WITHDRAWAL = "WITHDRAWAL"
    """Of a consent (article 4)."""
    COMPLAINT = "COMPLAINT"


class AskedBy(models.TextChoices):
    """Who asks, to the patient."""

    SELF = "SELF"
    GUARDIAN = "GUARDIAN"
    """Parent or guardian."""
    REPRESENTATIVE = "REPRESENTATIVE"
    """By a power of attorney."""


class Proof(models.TextChoices):
    """How it was known who asks; numbers and pictures of papers are not kept."""

    IDENTITY_CARD = "IDENTITY_CARD"
    VNEID = "VNEID"
    PASSPORT = "PASSPORT"
    BIRTH_CERTIFICATE = "BIRTH_CERTIFICATE"
    POWER_OF_ATTORNEY = "POWER_OF_ATTORNEY"
    KNOWN = "KNOWN"
    """Known to the hospital in person, or by a telephone number that it already had."""


class Decision(models.TextChoices):
    """What the hospital answers."""

    GRANTED = "GRANTED"
    PARTLY = "PARTLY"
    REFUSED = "REFUSED"


class KeptBy(models.TextChoices):
    """The rule by which something is not erased or not shown."""

    RECORD_TERM = "RECORD_TERM"
    """Medical records under their period of storage: law 15/2023/QH15, and the rules made under it."""
    AUDIT_TRAIL = "AUDIT_TRAIL"
    """Who saw what: law 91/2025/QH15 wants it told; a trail that can be emptied tells nothing."""
    LEGAL_CLAIM = "LEGAL_CLAIM"
    """An authority, a court or a dispute needs it."""
    RIGHTS_OF_OTHERS = "RIGHTS_OF_OTHERS"
    """It is also another person's data."""
    NOT_PROVED = "NOT_PROVED"
    """Who asked has not shown to be who may ask."""
    NOT_KEPT = "NOT_KEPT"
    """There is nothing of the kind here."""


class DataRequest(models.Model):
    """One request, from its receipt to its answer. Nothing of it is ever deleted."""

    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="data_requests")
    kind = models.CharField(max_length=12, choices=RequestKind)
    asker = models.CharField(max_length=255)
    """Who asked, by name."""
    asked_by = models.CharField(max_length=16, choices=AskedBy)
    proof = models.CharField(max_length=20, choices=Proof)
    wanted = models.CharField(max_length=2000)
    received_on = models.DateField()
    due_on = models.DateField(db_index=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8, choices=Decision, blank=True)
    kept_by = models.CharField(max_length=16, choices=KeptBy, blank=True)
    """Of a refusal, whole or in part."""
    reason = models.CharField(max_length=1000, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    done = models.CharField(max_length=2000, blank=True)
    """What was done about it."""
    answered_on = models.DateField(null=True, blank=True)
    """When who asked was told."""
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        indexes = [models.Index(fields=["due_on"], name="data_request_open", condition=models.Q(answered_on=None))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(answered_on=None) | ~models.Q(decision=""), name="data_request_decided_then_answered"
            ),
            models.CheckConstraint(
                condition=models.Q(decision__in=("", "GRANTED")) | ~models.Q(kept_by="") & ~models.Q(reason=""),
                name="data_request_refused_by_a_rule",
            ),
        ]
