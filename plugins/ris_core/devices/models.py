"""Registered devices and the catalogue of imaging services."""

from __future__ import annotations

from django.db import models


class Device(models.Model):
    """A DICOM node we know: its AE title, where it is, and what it may do here."""

    ae_title = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=128)
    modality = models.CharField(max_length=16, blank=True)
    host = models.CharField(max_length=255, default="127.0.0.1")
    port = models.PositiveIntegerField(default=104)
    room = models.CharField(max_length=64, blank=True)
    department = models.CharField(max_length=64, blank=True)
    may_store = models.BooleanField(default=True)
    may_query_worklist = models.BooleanField(default=True)
    may_query_retrieve = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class ImagingService(models.Model):
    """An imaging service that can be ordered (dịch vụ kỹ thuật), in the hospital's own code system."""

    code = models.CharField(max_length=64)
    coding_system = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    modality = models.CharField(max_length=16)
    body_part = models.CharField(max_length=64, blank=True)
    default_device = models.ForeignKey(Device, null=True, blank=True, on_delete=models.SET_NULL)
    minimum_minutes = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "coding_system"], name="imaging_service_unique")]
