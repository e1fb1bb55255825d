"""When a patient is to come for an exam, as the scheduling system says."""

from __future__ import annotations

from django.db import models

from ris_core.sealing.fields import SealedJSONField


class AppointmentStatus(models.TextChoices):
    """Filler status (SCH-25, HL7 table 0278) as far as it matters here."""

    BOOKED = "BOOKED"
    ARRIVED = "ARRIVED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


class Appointment(models.Model):
    """One appointment of one sender; with a procedure once its order is here, until then it waits for the order."""

    source = models.CharField(max_length=128)
    """``MSH-3|MSH-4``."""
    number = models.CharField(max_length=128)
    """The scheduling system's own number: filler appointment id (SCH-2), else the placer's (SCH-1)."""
    procedure = models.ForeignKey(
        "orders.RequestedProcedure", null=True, blank=True, on_delete=models.PROTECT, related_name="appointments"
    )
    placer_order_number = models.CharField(max_length=128, blank=True)
    accession_number = models.CharField(max_length=128, blank=True)
    patient_identifiers = SealedJSONField(default=list)
    """``[value, issuer]`` of each identifier that was sent; an order of nobody of them is not this appointment's."""
    service_code = models.CharField(max_length=64, blank=True)
    starts_at = models.DateTimeField()
    minutes = models.PositiveIntegerField(default=0)
    """0: not told."""
    station_ae_title = models.CharField(max_length=16, blank=True)
    room = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=9, choices=AppointmentStatus, default=AppointmentStatus.BOOKED)
    reason = models.CharField(max_length=255, blank=True)
    """Why it was changed or cancelled (SCH-6, SCH-7)."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="appointment_unique")]
        indexes = [
            models.Index(
                fields=["source", "placer_order_number"],
                condition=models.Q(procedure__isnull=True),
                name="appointment_waiting",
            ),
            models.Index(
                fields=["accession_number"],
                condition=models.Q(procedure__isnull=True),
                name="appointment_waiting_accession",
            ),
        ]
