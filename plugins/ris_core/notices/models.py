"""What users must know of a patient, an exam or a study because it changed under their hands (P6)."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """One thing to know, until somebody says that they do."""

    kind = models.CharField(max_length=48)
    """``patient.updated``, ``patient.merged``, ``visit.moved`` …: screens have a sentence for each."""
    patient = models.ForeignKey(
        "patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    procedure = models.ForeignKey(
        "orders.RequestedProcedure", null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    study = models.ForeignKey("studies.Study", null=True, blank=True, on_delete=models.PROTECT, related_name="notices")
    params = models.JSONField(default=dict)
    """What the sentence needs: keys and names of fields, no patient data."""
    at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(patient__isnull=False)
                | models.Q(procedure__isnull=False)
                | models.Q(study__isnull=False),
                name="notice_about_something",
            ),
        ]
        indexes = [
            models.Index(
                fields=["patient"], condition=models.Q(acknowledged_at__isnull=True), name="notice_of_patient"
            ),
            models.Index(
                fields=["procedure"], condition=models.Q(acknowledged_at__isnull=True), name="notice_of_procedure"
            ),
            models.Index(fields=["study"], condition=models.Q(acknowledged_at__isnull=True), name="notice_of_study"),
        ]
