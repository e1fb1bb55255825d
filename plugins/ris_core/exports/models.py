"""Exams given out as files: what was asked for, how far it is, what was made."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Form(models.TextChoices):
    """What an export is made as."""

    DICOM = "DICOM"
    """ZIP of the DICOM files as stored, with DICOMDIR."""
    DISC = "DISC"
    """ISO images of discs (PS3.12 F), with a viewer that runs from them."""
    JPEG = "JPEG"
    PNG = "PNG"
    VIDEO = "VIDEO"
    """Each series with several pictures as MP4."""
    SHEET = "SHEET"
    """PDF of small pictures."""
    TEACHING = "TEACHING"
    """ZIP of a teaching case: a page, pictures, and the anonymous DICOM if wanted. Of a case, and not of exams."""


EXAM_FORMS = tuple(form for form in Form if form is not Form.TEACHING)


class ExportState(models.TextChoices):
    WAITING = "WAITING"
    MAKING = "MAKING"
    READY = "READY"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    OVER = "OVER"
    """Its time is over, the files are deleted."""


class Missing(models.TextChoices):
    """Why something of the exams is not in an export, or not in all of its parts."""

    NOT_GIVEN = "NOT_GIVEN"
    """The engine could not give the file: damaged, or its disk is."""
    GONE = "GONE"
    """Taken out of the archive while the export was made."""
    UNREADABLE = "UNREADABLE"
    NOT_RENDERED = "NOT_RENDERED"
    """No pictures could be made of it, or not of all of its frames."""
    ONLY_AS_FILE = "ONLY_AS_FILE"
    """The same on a disc: among its DICOM files, and not in its viewer."""
    NO_PICTURE = "NO_PICTURE"
    """It has none, and this form has only pictures."""


UNDER_WAY = (ExportState.WAITING, ExportState.MAKING)


class Export(models.Model):
    """One request for files. Whoever asked alone sees and takes them."""

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_index=True)
    form = models.CharField(max_length=8, choices=Form)
    with_report = models.BooleanField(default=False)
    disc_bytes = models.PositiveBigIntegerField(default=0)
    """How much one disc takes; 0: everything in one file."""
    teaching_case = models.ForeignKey(
        "teaching.TeachingCase", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    case_version = models.PositiveIntegerField(default=0)
    """Of the teaching case, as it is in the files."""
    with_dicom = models.BooleanField(default=False)
    """The anonymous DICOM files of a teaching case too."""
    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.WAITING)
    expected_bytes = models.PositiveBigIntegerField()
    """What it was thought to become when it was asked for."""
    step_count = models.PositiveIntegerField(default=0)
    """Images; 0 while they have not been counted."""
    steps_done = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    """Objects that this form cannot carry, or whose files cannot be read."""
    incomplete = models.BooleanField(default=False)
    """Something is missing that should be there: making it again may bring it."""
    missing = models.JSONField(default=list)
    """Of the first that are missing or not everywhere: :class:`Missing`, SOPInstanceUID, what it is called."""
    problem = models.CharField(max_length=64, blank=True)
    """Code of the error for which it was given up."""
    made_from = models.DateTimeField(null=True, blank=True)
    """When the images were read: what was changed since is not in it."""
    ready_at = models.DateTimeField(null=True, blank=True)
    kept_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "kept_until"], name="export_by_state")]


class ExportedExam(models.Model):
    """An exam that is in an export, and what of it is."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="exams")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    study_ids = models.JSONField(default=list)
    """Rows of :class:`ris_core.studies.models.Study`."""
    report_version_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "procedure"], name="exam_exported_once")]


class ExportFile(models.Model):
    """A file that was made; it lies in the export's folder under its number."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=64)
    """As it is downloaded: tells nothing of the patient."""
    byte_count = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    download_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="export_file_number")]
