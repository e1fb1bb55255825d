"""Long registers as files: asked for, made by the worker, kept for a day."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class RegisterExport(models.Model):
    """A register that is too long to be written while somebody waits for the answer."""

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    """They alone see it and take it."""
    asked_at = models.DateTimeField(db_index=True)
    first = models.DateField()
    last = models.DateField()
    department = models.CharField(max_length=255, blank=True)
    modality = models.CharField(max_length=255, blank=True)
    service_code = models.CharField(max_length=255, blank=True)
    wording = models.JSONField()
    """:class:`ris_core.statistics.register_sheet.Wording`, in the language of who asked."""
    line_count = models.PositiveIntegerField()
    """When it was asked for."""
    content = models.BinaryField(null=True)
    """The workbook; none while it is being made."""
    failed = models.BooleanField(default=False)
    """The worker has given up."""
