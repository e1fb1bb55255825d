"""Key images: what a reader chose to show with the report, and what of it went with each approved version."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ris_core.errors import TransitionRefused


class KeyImage(models.Model):
    """One image of an exam as its reader saw it, with the picture made of it then, which never changes."""

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="key_images")
    study_instance_uid = models.CharField(max_length=64)
    series_instance_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64)
    sop_class_uid = models.CharField(max_length=64)
    frame = models.PositiveIntegerField(default=1)
    frame_count = models.PositiveIntegerField(default=1)
    window_center = models.FloatField(null=True, blank=True)
    """Empty, with the width: as the image itself says."""
    window_width = models.FloatField(null=True, blank=True)
    inverted = models.BooleanField(default=False)
    view = models.JSONField(null=True, blank=True)
    """Corners and size of what filled the viewport (:class:`ris_core.key_images.rules.View`); empty: all of it."""
    caption = models.CharField(max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    picture = models.BinaryField()
    """JPEG, as it is printed and returned."""
    sha256 = models.CharField(max_length=64)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["procedure", "sop_instance_uid", "frame", "sha256", "chosen_by"], name="key_image_chosen_once"
            )
        ]
        indexes = [models.Index(fields=["procedure", "position"], name="key_images_of_exam")]


class VersionKeyImage(models.Model):
    """A key image as it went with an approved version of the report; never changed (invariant 6)."""

    version = models.ForeignKey("reports.ReportVersion", on_delete=models.PROTECT, related_name="key_images")
    key_image = models.ForeignKey(KeyImage, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    caption = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "position"], name="version_key_image_position")]

    def save(self, *arguments: Any, **options: Any) -> None:
        if self.pk is not None:
            raise TransitionRefused("the images of a report version are never changed", field="version")
        super().save(*arguments, **options)


class KeyObject(models.Model):
    """The Key Object Selection that names a version's key images, once it is stored in the engine."""

    version = models.OneToOneField("reports.ReportVersion", on_delete=models.PROTECT, related_name="key_object")
    sop_instance_uid = models.CharField(max_length=64)
    orthanc_instance_id = models.CharField(max_length=44)
    stored_at = models.DateTimeField()
