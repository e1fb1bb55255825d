"""Departments, rooms and staff of the hospital, as its systems name them. Entries are never deleted, only withdrawn."""

from __future__ import annotations

from django.db import models


class CatalogueEntry(models.Model):
    """What every entry has: the hospital's code for it, and who said so."""

    code = models.CharField(max_length=64)
    coding_system = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    active = models.BooleanField(default=True)
    source = models.CharField(max_length=128, default="RIS")
    """``MSH-3|MSH-4`` of the sender that keeps it up to date, or ``RIS``."""
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Department(CatalogueEntry):
    """A department or ward: who requests, where a room or a device belongs."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "coding_system"], name="department_unique")]


class Room(CatalogueEntry):
    """A room in which exams are made."""

    department_code = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "coding_system"], name="room_unique")]


class Staff(CatalogueEntry):
    """A person who requests, performs or reads exams; not a login."""

    class Kind(models.TextChoices):
        PHYSICIAN = "PHYSICIAN"
        TECHNOLOGIST = "TECHNOLOGIST"
        NURSE = "NURSE"
        OTHER = "OTHER"

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PHYSICIAN)
    title = models.CharField(max_length=64, blank=True)
    department_code = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "coding_system"], name="staff_unique")]
