"""Findings that somebody must know now, until somebody answers for knowing them."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Urgency(models.TextChoices):
    """How soon a finding must be known (ACR Actionable Reporting: minutes, hours, days)."""

    RED = "RED"
    ORANGE = "ORANGE"
    YELLOW = "YELLOW"


class CriticalResult(models.Model):
    """One finding of one exam, flagged by a reader."""

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="criticals")
    urgency = models.CharField(max_length=8, choices=Urgency)
    finding = models.CharField(max_length=500)
    flagged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    flagged_at = models.DateTimeField()
    level = models.PositiveSmallIntegerField(default=0)
    """How often it has been escalated."""
    due_at = models.DateTimeField()
    """When it is escalated (again) unless somebody acknowledges it."""
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    received_by = models.CharField(max_length=128, blank=True)
    """Who was told by telephone or in person, where that is not who acknowledges."""

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(acknowledged_at__isnull=True), name="critical_open")
        ]
