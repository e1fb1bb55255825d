"""Radiation and material used in an exam, and times that were put right; what was counted first is kept."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.doses.amounts import Amounts


class DoseSource(models.TextChoices):
    """Who says it, the more trustworthy first."""

    REPORT = "REPORT"
    """A dose report stored with the images."""
    MPPS = "MPPS"
    IMAGES = "IMAGES"
    """Attributes of the images themselves."""


class ExamDose(models.Model):
    """The radiation used in one exam, as its best source says; read anew when images come."""

    procedure = models.OneToOneField(
        "orders.RequestedProcedure", primary_key=True, on_delete=models.CASCADE, related_name="dose"
    )
    source = models.CharField(max_length=8, choices=DoseSource)
    dlp_mgy_cm = models.FloatField(null=True)
    ctdivol_mgy = models.FloatField(null=True)
    dap_gy_cm2 = models.FloatField(null=True)
    reference_point_mgy = models.FloatField(null=True)
    glandular_mgy = models.FloatField(null=True)
    fluoroscopy_seconds = models.FloatField(null=True)
    exposures = models.PositiveIntegerField(null=True)
    """The columns are those of :class:`ris_core.doses.amounts.Amounts`."""
    counted_dlp_mgy_cm = models.FloatField(null=True)
    counted_dap_gy_cm2 = models.FloatField(null=True)
    """Of it what sums over exams count with this one: a study that several exams share counts once
    (:mod:`ris_core.studies.sharing`)."""
    read_at = models.DateTimeField()

    @property
    def amounts(self) -> Amounts:
        return Amounts(**{name: getattr(self, name) for name in Amounts.__dataclass_fields__})


class ExamCount(models.Model):
    """Films and exposures of one exam as a person has counted them."""

    procedure = models.OneToOneField(
        "orders.RequestedProcedure", primary_key=True, on_delete=models.CASCADE, related_name="counted"
    )
    films = models.PositiveIntegerField()
    exposures = models.PositiveIntegerField()
    counted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    counted_at = models.DateTimeField()


class Moment(models.TextChoices):
    """Which time of an exam."""

    ACQUIRED = "ACQUIRED"
    """When it was performed: instead of when its first image came."""
    READ = "READ"
    """When it was read: instead of when its first version was approved."""


class TimeCorrection(models.Model):
    """A person says that a time was another one. Rows are only ever added; the newest counts in statistics, the time as
    recorded stays where it is."""

    procedure = models.ForeignKey(
        "orders.RequestedProcedure", on_delete=models.PROTECT, related_name="time_corrections"
    )
    moment = models.CharField(max_length=8, choices=Moment)
    recorded_at = models.DateTimeField()
    """As the suite had recorded it."""
    corrected_to = models.DateTimeField()
    reason = models.CharField(max_length=255)
    corrected_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    corrected_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["procedure", "moment", "-corrected_at"], name="time_correction_newest")]
