"""Reports that colleagues review, and what they say; nothing of it changes a report."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.peer_reviews.rules import Score


class PeerReviewRule(models.Model):
    """A share of the final reports of a modality or service is reviewed; an empty condition always holds."""

    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    percent = models.PositiveSmallIntegerField()
    blinded = models.BooleanField(default=True)
    told_to_reader = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["modality", "service_code"], name="peer_review_rule_unique"),
            models.CheckConstraint(
                condition=models.Q(percent__gte=1, percent__lte=100), name="peer_review_rule_percent"
            ),
        ]


class PeerReview(models.Model):
    """One final report drawn for review, and its score once somebody has given one."""

    version = models.OneToOneField("reports.ReportVersion", on_delete=models.PROTECT, related_name="peer_review")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    """Whose report it is."""
    blinded = models.BooleanField()
    told_to_reader = models.BooleanField()
    drawn_at = models.DateTimeField()
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    score = models.CharField(max_length=2, blank=True, choices=[(score, score) for score in Score])
    """Empty: nobody has reviewed it yet."""
    reason = models.TextField(blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reviewer__isnull=True) | ~models.Q(reviewer=models.F("reader")),
                name="peer_review_never_ones_own",
            )
        ]
        indexes = [
            models.Index(fields=["reviewed_at", "reader"], name="peer_review_by_time"),
            models.Index(fields=["drawn_at"], condition=models.Q(reviewed_at__isnull=True), name="peer_review_waiting"),
        ]
