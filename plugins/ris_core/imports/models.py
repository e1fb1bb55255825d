"""Images from outside: what was handed in, whose it says it is, what a person decided, what became of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ImportState(models.TextChoices):
    UPLOADING = "UPLOADING"
    SCANNING = "SCANNING"
    DECIDING = "DECIDING"
    """A person says whose images these are."""
    STORING = "STORING"
    PARTLY = "PARTLY"
    """Something was refused; its files wait for a person to decide otherwise, try again or let it be."""
    DONE = "DONE"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    """Thrown away before anything was stored."""


class Import(models.Model):
    """One hand-in of files. Nothing of it is in the archive before a person has decided."""

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_index=True)
    source = models.CharField(max_length=128, blank=True)
    """Where the images come from, as who hands them in says."""
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.UPLOADING)
    problem = models.CharField(max_length=64, blank=True)
    """Code of the error for which it was given up."""
    passed_over = models.PositiveIntegerField(default=0)
    """Files in it that are no DICOM objects."""
    damaged = models.PositiveIntegerField(default=0)
    """Files, folders and archives in it that cannot be read to their end: images may be missing."""
    finished_at = models.DateTimeField(null=True, blank=True)


class ImportFile(models.Model):
    """A file as it is handed in, piece by piece."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    """As its sender calls it; shown, never used as a path."""
    byte_count = models.PositiveBigIntegerField()
    received_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["of", "number"], name="import_file_number")]


class Decision(models.TextChoices):
    OPEN = "OPEN"
    EXISTING = "EXISTING"
    NEW = "NEW"
    SKIP = "SKIP"
    """Not to be taken in."""


class ImportPatient(models.Model):
    """A patient as the images name them, and who a person says it is."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="patients")
    name = models.CharField(max_length=255, blank=True)
    number = models.CharField(max_length=64, blank=True)
    """PatientID (0010,0020)."""
    issuer = models.CharField(max_length=64, blank=True)
    birth_date = models.CharField(max_length=8, blank=True)
    sex = models.CharField(max_length=16, blank=True)
    decision = models.CharField(max_length=8, choices=Decision, default=Decision.OPEN)
    patient = models.ForeignKey("patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """The chosen one; of a new one once it has been made."""
    new_issuer = models.CharField(max_length=64, blank=True)
    """Who issued the number of a new one: never this hospital."""
    reason = models.CharField(max_length=255, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)


class Fate(models.TextChoices):
    """What becomes of a study."""

    WAITING = "WAITING"
    HERE = "HERE"
    """The archive has a study under its UID: nothing of it is stored."""
    TWO_PATIENTS = "TWO_PATIENTS"
    """Images of two patients stand under its UID: taken in once a person says that one of them is not to be, or that
    both are the same."""
    SKIPPED = "SKIPPED"
    STORED = "STORED"
    REFUSED = "REFUSED"


class ImportStudy(models.Model):
    """A study that was found."""

    patient = models.ForeignKey(ImportPatient, on_delete=models.CASCADE, related_name="studies")
    study_instance_uid = models.CharField(max_length=64)
    study_date = models.CharField(max_length=8, blank=True)
    description = models.CharField(max_length=255, blank=True)
    modalities = models.CharField(max_length=64, blank=True)
    image_count = models.PositiveIntegerField(default=0)
    stored_count = models.PositiveIntegerField(default=0)
    refused_count = models.PositiveIntegerField(default=0)
    fate = models.CharField(max_length=16, choices=Fate, default=Fate.WAITING)
    problem = models.CharField(max_length=64, blank=True)
    """Code of what it, or the last of its images that were, was refused for."""
    procedure = models.ForeignKey(
        "orders.RequestedProcedure", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The exam that was made for it."""


class ImportObject(models.Model):
    """A DICOM object that was found; it lies in the import's folder under its number."""

    study = models.ForeignKey(ImportStudy, on_delete=models.CASCADE, related_name="objects_found")
    number = models.PositiveIntegerField()
    sop_instance_uid = models.CharField(max_length=64)
