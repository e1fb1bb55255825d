"""Exams that several readers read: the rules, what was decided for each exam, and the readers' opinions."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.second_readings.rules import FEWEST_READINGS, MOST_READINGS


class ReadingRule(models.Model):
    """Exams of a modality or service are read by several; an empty condition always holds."""

    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    readings = models.PositiveSmallIntegerField()
    blinded = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["modality", "service_code"], name="reading_rule_unique"),
            models.CheckConstraint(
                condition=models.Q(readings__gte=FEWEST_READINGS, readings__lte=MOST_READINGS),
                name="reading_rule_count",
            ),
        ]


class ReadingPlan(models.Model):
    """How an exam is read, decided when its first reader opens it: a rule changed later does not change it."""

    procedure = models.OneToOneField("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="reading_plan")
    readings = models.PositiveSmallIntegerField()
    blinded = models.BooleanField()
    planned_at = models.DateTimeField(auto_now_add=True)


class DraftKnown(models.Model):
    """Somebody has held a blinded reading that said something already: they read no other one of the exam."""

    reading = models.ForeignKey("reports.Reading", on_delete=models.CASCADE, related_name="known_to")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reading", "user"], name="draft_known_once")]


class Agreement(models.TextChoices):
    """How the final reader judges an earlier opinion."""

    AGREES = "AGREES"
    MINOR = "MINOR"
    """Differs without consequence for the patient."""
    MAJOR = "MAJOR"
    """Differs with consequence for the patient."""


class Opinion(models.Model):
    """What one reader concluded, word for word, kept whatever the final reader writes."""

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="opinions")
    reading = models.OneToOneField("reports.Reading", on_delete=models.PROTECT, related_name="opinion")
    position = models.PositiveSmallIntegerField()
    """1 for who read first."""
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content = models.JSONField()
    """:class:`ris_core.reports.content.Content`."""
    plain_text = models.TextField()
    content_sha256 = models.CharField(max_length=64)
    concluded_at = models.DateTimeField()
    agreement = models.CharField(max_length=8, choices=Agreement, blank=True)
    """Empty: nobody has judged it yet."""
    judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    judged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["procedure", "position"], name="opinion_position_unique"),
            models.UniqueConstraint(fields=["procedure", "reader"], name="opinion_reader_once"),
        ]
        indexes = [models.Index(fields=["concluded_at", "agreement"], name="opinion_by_time")]
