"""Visits, imaging service requests, requested procedures and scheduled procedure steps (PS3.3 C.4)."""

from __future__ import annotations

from django.db import models


class Priority(models.TextChoices):
    """Requested Procedure Priority (0040,1003)."""

    STAT = "STAT"
    HIGH = "HIGH"
    ROUTINE = "ROUTINE"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


PRIORITY_RANK: dict[str, int] = {"STAT": 0, "HIGH": 1, "ROUTINE": 2, "MEDIUM": 2, "LOW": 3}
"""Order of the worklist: smaller comes first."""


class PatientClass(models.TextChoices):
    """PV1-2, HL7 table 0004."""

    EMERGENCY = "E"
    INPATIENT = "I"
    OUTPATIENT = "O"
    UNKNOWN = ""


class StepStatus(models.TextChoices):
    """Scheduled Procedure Step Status (0040,0020) and what follows it."""

    SCHEDULED = "SCHEDULED"
    ARRIVED = "ARRIVED"
    READY = "READY"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    DISCONTINUED = "DISCONTINUED"


class ExamState(models.TextChoices):
    """Where an exam stands, from ordered to returned: the one word that lists and filters use."""

    ORDERED = "ORDERED"
    IN_PROGRESS = "IN_PROGRESS"
    READY_TO_READ = "READY_TO_READ"
    CLAIMED = "CLAIMED"
    DRAFT = "DRAFT"
    PRELIMINARY = "PRELIMINARY"
    FINAL = "FINAL"
    RETURNED = "RETURNED"
    RECALLED = "RECALLED"
    CANCELLED = "CANCELLED"


class Visit(models.Model):
    """An encounter of a patient (PV1)."""

    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="visits")
    visit_number = models.CharField(max_length=64)
    issuer = models.CharField(max_length=64, blank=True)
    patient_class = models.CharField(max_length=1, choices=PatientClass, blank=True)
    ward = models.CharField(max_length=128, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visit_number", "issuer"], name="visit_unique")]


class ImagingServiceRequest(models.Model):
    """What was ordered, by whom, why, how urgent; identified by its accession number."""

    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="imaging_service_requests")
    visit = models.ForeignKey(Visit, null=True, blank=True, on_delete=models.PROTECT)
    accession_number = models.CharField(max_length=16, unique=True)
    """Ours to send to devices: SH, at most 16 characters, unique."""
    sent_accession_number = models.CharField(max_length=128, blank=True, db_index=True)
    """As the HIS sent it, when it was too long or already taken (invariant 5); empty when it is the same."""
    source = models.CharField(max_length=128)
    """The sender (``MSH-3|MSH-4``), or ``RIS`` for an order made here."""
    requesting_physician = models.CharField(max_length=255, blank=True)
    requesting_department = models.CharField(max_length=255, blank=True)
    clinical_indication = models.TextField(blank=True)
    """Reason for the request (OBR-31, (0040,1002)) with relevant clinical information (OBR-13)."""
    ordered_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class RequestedProcedure(models.Model):
    """One service of a request: what is performed, read, reported and returned (``ca chụp``)."""

    request = models.ForeignKey(ImagingServiceRequest, on_delete=models.PROTECT, related_name="requested_procedures")
    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="requested_procedures")
    """The request's patient, repeated so that lists need no join through the request."""
    source = models.CharField(max_length=128)
    placer_order_number = models.CharField(max_length=128)
    filler_order_number = models.CharField(max_length=128, unique=True)
    requested_procedure_id = models.CharField(max_length=16, unique=True)
    study_instance_uid = models.CharField(max_length=64, unique=True)
    service_code = models.CharField(max_length=64)
    service_coding_system = models.CharField(max_length=64, blank=True)
    service_name = models.CharField(max_length=255)
    modality = models.CharField(max_length=16)
    priority = models.CharField(max_length=8, choices=Priority, default=Priority.ROUTINE)
    priority_rank = models.PositiveSmallIntegerField(default=2)
    scheduled_at = models.DateTimeField()
    exam_state = models.CharField(max_length=16, choices=ExamState, default=ExamState.ORDERED)
    images_arrived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "placer_order_number", "service_code"], name="requested_procedure_placer_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["exam_state", "priority_rank", "scheduled_at", "id"], name="exam_list"),
            models.Index(fields=["scheduled_at", "id"], name="exam_by_time"),
            models.Index(fields=["placer_order_number"], name="exam_by_placer_number"),
        ]


class ScheduledProcedureStep(models.Model):
    """One piece of work for one device."""

    procedure = models.ForeignKey(RequestedProcedure, on_delete=models.PROTECT, related_name="steps")
    scheduled_procedure_step_id = models.CharField(max_length=16, unique=True)
    station_ae_title = models.CharField(max_length=16, blank=True)
    """Scheduled Station AE Title (0040,0001); empty: any device of the modality."""
    room = models.CharField(max_length=64, blank=True)
    modality = models.CharField(max_length=16)
    scheduled_at = models.DateTimeField()
    description = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=16, choices=StepStatus, default=StepStatus.SCHEDULED)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
