"""Teaching cases: notes that name nobody, pictures of images that nobody is known by, and of which exam they are."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.sealing.fields import SealedBinaryField


class CaseState(models.TextChoices):
    DRAFT = "DRAFT"
    """Pictures are being made, or wait to be looked at; seen by whoever made it and by those who manage cases."""
    OPEN = "OPEN"
    """For everybody who may see teaching cases."""
    WITHDRAWN = "WITHDRAWN"


class TeachingCase(models.Model):
    """One case. Of its exam and patient only those are told who may make or manage cases and see the exam."""

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    """Whose exam it was when the case was made: when it becomes anybody else's the case is closed."""
    secret = SealedBinaryField()
    """Of the pseudonyms in its DICOM files: the same files again at every export."""
    state = models.CharField(max_length=10, choices=CaseState, default=CaseState.DRAFT)
    version = models.PositiveIntegerField(default=1)
    """Grows with every change: an export of an older one is not given out."""
    title = models.CharField(max_length=160)
    history = models.TextField(blank=True)
    findings = models.TextField(blank=True)
    diagnosis = models.TextField()
    discussion = models.TextField(blank=True)
    category = models.CharField(max_length=20)
    body_part = models.CharField(max_length=64, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    tags = models.CharField(max_length=400, blank=True)
    search_text = models.TextField()
    """Folded: all that is searched."""
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    images_from = models.DateTimeField()
    """When its images were last chosen: what was taken from their studies since closes the case."""
    withdrawn_because = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "-changed_at"], name="teaching_by_state")]


class TeachingVersion(models.Model):
    """What the notes were before a change; for those who may change the case."""

    case = models.ForeignKey(TeachingCase, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    notes = models.JSONField()
    """Fields of :class:`ris_core.teaching.rules.Notes`."""
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["case", "number"], name="teaching_version_once")]


class TeachingImage(models.Model):
    """A picture of one frame, made from an anonymous copy of its image."""

    class Result(models.TextChoices):
        WAITING = "WAITING"
        READY = "READY"
        CLEANED = "CLEANED"
        """Ready; text was blacked out."""
        WITHHELD = "WITHHELD"

    case = models.ForeignKey(TeachingCase, on_delete=models.CASCADE, related_name="images")
    position = models.PositiveIntegerField()
    study = models.ForeignKey("studies.Study", on_delete=models.PROTECT, related_name="+")
    series_instance_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64)
    orthanc_id = models.CharField(max_length=44)
    """Of the image in the engine."""
    frame = models.PositiveIntegerField(default=1)
    """From 1; 0: the one in the middle."""
    is_key = models.BooleanField(default=False)
    """Chosen by itself, and not with its series."""
    window_center = models.FloatField(null=True, blank=True)
    window_width = models.FloatField(null=True, blank=True)
    inverted = models.BooleanField(default=False)
    view = models.JSONField(null=True, blank=True)
    """As of :class:`ris_core.key_images.models.KeyImage`."""
    result = models.CharField(max_length=8, choices=Result, default=Result.WAITING)
    reason = models.CharField(max_length=24, blank=True)
    """Why it is withheld: :class:`ris_core.deidentification.kinds.Reason`, or ``NO_PICTURE``, ``GONE``."""
    picture = models.BinaryField(default=b"")
    """JPEG."""
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["case", "position"], name="teaching_image_position")]


READY = (TeachingImage.Result.READY, TeachingImage.Result.CLEANED)
