"""What of the archive a user sees beyond what their role may do: limits, confidential patients, grants."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SightLimit(models.Model):
    """Only these exams; a user without a row sees all. What is empty does not limit, what is not is all met."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sight_limit")
    departments = models.JSONField(default=list)
    """Requesting departments, as orders name them."""
    modalities = models.JSONField(default=list)
    rooms = models.JSONField(default=list)
    """Rooms of the exam's steps."""
    physicians = models.JSONField(default=list)
    """Requesting physicians, as orders name them."""
    changed_at = models.DateTimeField(auto_now=True)


class ConfidentialPatient(models.Model):
    """A patient whom only those see who have the function, who read the exam, or who open it in an emergency."""

    patient = models.OneToOneField("patients.Patient", on_delete=models.PROTECT, related_name="+")
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    marked_at = models.DateTimeField(auto_now_add=True)


class SightGrant(models.Model):
    """One exam, or in an emergency one patient, for one user until a time. Ended ones stay."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sight_grants")
    procedure = models.ForeignKey("orders.RequestedProcedure", null=True, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", null=True, on_delete=models.PROTECT, related_name="+")
    whose = models.ForeignKey("patients.Patient", null=True, on_delete=models.PROTECT, related_name="+")
    """Of an exam: whose it was when it was granted. Once it is another's, the grant shows nothing."""
    reason = models.CharField(max_length=255)
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """In an emergency the user."""
    given_at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(procedure__isnull=True) ^ models.Q(patient__isnull=True), name="sight_grant_of_one"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "until"], name="sight_grant_in_force"),
            models.Index(fields=["-given_at"], name="sight_grant_newest"),
        ]
