"""The hanging rules in their versions."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class HangingVersion(models.Model):
    """One version of all hanging rules (:class:`ris_core.hanging.rules.HangingRules`); the newest is in force."""

    number = models.PositiveIntegerField(unique=True)
    content = models.JSONField()
    note = models.CharField(max_length=255, blank=True)
    """Why it was changed, in the words of who did."""
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
