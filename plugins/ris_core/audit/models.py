"""Who did what to whose data, when, from where; rows are only ever added."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    at = models.DateTimeField(db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    actor = models.CharField(max_length=128)
    """User name, or the system that acted: ``HIS|BVX``, ``modality:CT1``, ``worker``."""
    action = models.CharField(max_length=48)
    """A verb of the domain: ``order.placed``, ``study.linked``, ``report.approved``, ``viewer.opened``."""
    subject = models.CharField(max_length=96, blank=True)
    """``kind:id`` of what was acted on."""
    patient = models.ForeignKey("patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=64, blank=True)
    success = models.BooleanField(default=True)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["patient", "at"], name="audit_by_patient"),
            models.Index(fields=["subject", "at"], name="audit_by_subject"),
        ]
