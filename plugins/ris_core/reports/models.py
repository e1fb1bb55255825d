"""Readings, immutable report versions, templates, and documents made from versions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ris_core.errors import TransitionRefused


class ReadingState(models.TextChoices):
    UNREAD = "UNREAD"
    CLAIMED = "CLAIMED"
    DRAFT = "DRAFT"
    PRELIMINARY = "PRELIMINARY"
    FINAL = "FINAL"
    AMENDED = "AMENDED"
    RECALLED = "RECALLED"


class ReportTemplate(models.Model):
    """Suggested text for a kind of exam (mẫu kết quả)."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    technique = models.TextField(blank=True)
    findings = models.TextField(blank=True)
    conclusion = models.TextField(blank=True)
    recommendation = models.TextField(blank=True)
    active = models.BooleanField(default=True)


class Reading(models.Model):
    """The reading of a requested procedure by one reader (``ordinal`` 1, 2, …), with the draft being typed."""

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="readings")
    ordinal = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=16, choices=ReadingState, default=ReadingState.UNREAD)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="claimed_readings"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    template = models.ForeignKey(ReportTemplate, null=True, blank=True, on_delete=models.SET_NULL)
    technique = models.TextField(blank=True)
    findings = models.TextField(blank=True)
    conclusion = models.TextField(blank=True)
    recommendation = models.TextField(blank=True)
    draft_revision = models.PositiveIntegerField(default=0)
    """Grows at every save; a save that names another revision is an edit conflict."""
    draft_saved_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["procedure", "ordinal"], name="reading_ordinal_unique")]
        indexes = [models.Index(fields=["claimed_by", "state"], name="reading_by_reader")]


class VersionStatus(models.TextChoices):
    """OBR-25 and OBX-11 follow from it (HL7 table 0123)."""

    PRELIMINARY = "P"
    FINAL = "F"
    CORRECTED = "C"


class ReportVersion(models.Model):
    """What was approved, word for word; never changed (invariant 6)."""

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=1, choices=VersionStatus)
    technique = models.TextField(blank=True)
    findings = models.TextField(blank=True)
    conclusion = models.TextField(blank=True)
    recommendation = models.TextField(blank=True)
    content_sha256 = models.CharField(max_length=64)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reading", "number"], name="report_version_unique")]

    def save(self, *arguments: Any, **options: Any) -> None:
        """Write a new version; one that is written is never changed (:mod:`ris_core.reports.immutability`)."""
        if self.pk is not None:
            raise TransitionRefused("a report version is never changed: approve a corrected one", field="version")
        super().save(*arguments, **options)


class ReportRecall(models.Model):
    """That a version counts no more (thu hồi): for good, the next version corrects it."""

    version = models.OneToOneField(ReportVersion, on_delete=models.PROTECT, related_name="recall")
    reason = models.CharField(max_length=255)
    recalled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recalled_at = models.DateTimeField()


class Document(models.Model):
    """A file made from a report version, kept with its hash."""

    class Kind(models.TextChoices):
        PDF = "PDF"

    version = models.ForeignKey(ReportVersion, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=8, choices=Kind)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    orthanc_instance_id = models.CharField(max_length=44, blank=True)
    """Where the document is stored as Encapsulated PDF; empty until it is."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "kind"], name="document_unique")]
