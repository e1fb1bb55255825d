"""Addresses of other systems' programs that are told of events by HTTP."""

from __future__ import annotations

from django.db import models


class Webhook(models.Model):
    """Where events are posted. Its secret is not kept: :func:`ris_core.webhooks.services.secret_of` derives it."""

    url = models.CharField(max_length=500)
    key_number = models.PositiveIntegerField(default=1)
    """Which of its secrets is in use; one more makes a new secret."""
    with_names = models.BooleanField(default=False)
    """Whether the patient's name is told, beside numbers and status."""
    created_at = models.DateTimeField(auto_now_add=True)
