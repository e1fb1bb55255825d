"""The feed that live screens follow: one short row for each change worth showing."""

from __future__ import annotations

from django.db import models


class Change(models.Model):
    """Something that screens show has changed. Rows older than an hour are deleted by the worker."""

    topic = models.CharField(max_length=16)
    """``exam``, ``study``, ``delivery``, ``message``, ``job``, ``worklist``."""
    subject_id = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)
