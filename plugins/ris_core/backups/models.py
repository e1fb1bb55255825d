"""What became of each backup."""

from __future__ import annotations

from django.db import models


class BackupRun(models.Model):
    """One attempt to make a backup."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    """None: it is under way, or what made it was killed."""
    file = models.CharField(max_length=255, blank=True)
    """Its name in the folder; empty: it failed."""
    size = models.BigIntegerField(default=0)
    """Bytes."""
    images = models.BigIntegerField(default=0)
    """Files of the image archive in it."""
    error = models.CharField(max_length=255, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-started_at"], name="backup_run_by_time")]
