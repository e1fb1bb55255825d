"""Doctors outside: whose number in orders an account has, which results they have opened, what mail they are owed."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.outbox.entries import OutboxEntry


class PractitionerLink(models.Model):
    """An administrator says that an account is the doctor with this number; ended ones stay."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="practitioner_links")
    identifier = models.CharField(max_length=64)
    issuer = models.CharField(max_length=128)
    """Who gave the number, as orders name it."""
    linked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    linked_at = models.DateTimeField()
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identifier", "issuer"],
                condition=models.Q(ended_at__isnull=True),
                name="practitioner_is_one_account",
            ),
        ]


class OpenedResult(models.Model):
    """That a doctor has opened a version of a report; another version is new to them again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey("reports.ReportVersion", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "version"], name="result_opened_once")]


class ReferrerLetter(OutboxEntry):
    """A mail that says that results are there, and nothing of whose."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "sequence"], name="referrer_letter_in_order")]
        indexes = [models.Index(fields=["user", "state"], name="referrer_letter_waiting")]
