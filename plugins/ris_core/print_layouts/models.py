"""Print layouts in immutable versions, the pictures on them, the exams they are for, and what reports are bound to."""

from __future__ import annotations

from typing import Any

from django.db import models

from ris_core.errors import TransitionRefused


class LayoutKind(models.TextChoices):
    REPORT = "REPORT"
    LABEL = "LABEL"


class PrintLayout(models.Model):
    """A layout (mẫu in); what it looks like is in its versions."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=8, choices=LayoutKind)
    active = models.BooleanField(default=True)
    is_usual = models.BooleanField(default=False)
    """Taken where no rule of another layout of its kind holds; one of each kind at most."""
    current = models.ForeignKey("PrintLayoutVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """The version in use; none only while the layout is being made."""
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(is_usual=True), name="print_layout_usual_unique"
            )
        ]


class PrintLayoutVersion(models.Model):
    """One state of a layout's design; never changed: reports are bound to it."""

    layout = models.ForeignKey(PrintLayout, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    design = models.JSONField()
    """:class:`ris_core.print_layouts.design.ReportDesign` or ``LabelDesign``."""
    sha256 = models.CharField(max_length=64)
    comment = models.CharField(max_length=255, blank=True)
    made_by = models.CharField(max_length=128)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["layout", "number"], name="print_layout_version_unique")]

    def save(self, *arguments: Any, **options: Any) -> None:
        if self.pk is not None:
            raise TransitionRefused("a version of a layout is never changed: save another", field="version")
        super().save(*arguments, **options)


class LayoutPicture(models.Model):
    """A picture of letterheads, cleaned, by its hash; kept as long as a version may show it."""

    sha256 = models.CharField(max_length=64, unique=True)
    media_type = models.CharField(max_length=32)
    content = models.BinaryField()
    name = models.CharField(max_length=128, blank=True)
    added_by = models.CharField(max_length=128)
    added_at = models.DateTimeField(auto_now_add=True)


class LayoutRule(models.Model):
    """Exams for which a layout is taken: those for which every given condition holds."""

    layout = models.ForeignKey(PrintLayout, on_delete=models.CASCADE, related_name="rules")
    source = models.CharField(max_length=128, blank=True)
    """Who ordered, and so receives the result (``MSH-3|MSH-4``)."""
    requesting_department = models.CharField(max_length=255, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    """A code, or its beginning with ``*``."""


class VersionLayout(models.Model):
    """The layout by which an approved report is printed, bound at its approval."""

    version = models.OneToOneField("reports.ReportVersion", on_delete=models.PROTECT, related_name="print_layout")
    layout_version = models.ForeignKey(PrintLayoutVersion, null=True, on_delete=models.PROTECT, related_name="reports")
    """None: the suite's own, because no layout was made then."""
    fault = models.CharField(max_length=500, blank=True)
    """Why the layout's own template could not be printed: the document was made from its form alone."""
