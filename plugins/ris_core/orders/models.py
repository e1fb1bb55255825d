"""Visits, imaging service requests, requested procedures and scheduled procedure steps (PS3.3 C.4); what became of
their numbers, and which orders are not taken."""

from __future__ import annotations

from django.conf import settings
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


class PregnancyStatus(models.IntegerChoices):
    """Pregnancy Status (0010,21C0)."""

    NOT_PREGNANT = 1
    POSSIBLY = 2
    DEFINITELY = 3
    UNKNOWN = 4


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


FINISHED: tuple[str, ...] = (ExamState.FINAL, ExamState.RETURNED, ExamState.CANCELLED)
"""Nobody waits for these: they come after all others."""


class Urgency(models.IntegerChoices):
    """Where an exam stands in the list: smaller comes first, and within one the exam that is due first."""

    EMERGENCY = 0
    PRIORITY = 1
    """Ordered with priority, or of a patient in the emergency department."""
    INPATIENT = 2
    ROUTINE = 3
    LOW = 4
    FINISHED = 9
    """In one of the states :data:`FINISHED`."""


class VisitState(models.TextChoices):
    """How far a visit is, as the HIS tells by ADT; nothing for one that is known from an order only."""

    UNKNOWN = ""
    PRE_ADMITTED = "PRE_ADMITTED"
    ADMITTED = "ADMITTED"
    REGISTERED = "REGISTERED"
    DISCHARGED = "DISCHARGED"
    CANCELLED = "CANCELLED"


class PaymentState(models.TextChoices):
    """Whether an exam or a whole visit is paid for, as the HIS tells."""

    UNKNOWN = ""
    UNPAID = "UNPAID"
    PAID = "PAID"
    COVERED = "COVERED"
    """Nobody has to pay first: insured in full, billed at discharge, free."""


class Visit(models.Model):
    """An encounter of a patient (PV1)."""

    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="visits")
    visit_number = models.CharField(max_length=64)
    issuer = models.CharField(max_length=64, blank=True)
    patient_class = models.CharField(max_length=1, choices=PatientClass, blank=True)
    ward = models.CharField(max_length=128, blank=True)
    state = models.CharField(max_length=16, choices=VisitState, blank=True, default=VisitState.UNKNOWN)
    payment_state = models.CharField(max_length=8, choices=PaymentState, blank=True, default=PaymentState.UNKNOWN)
    admitted_at = models.DateTimeField(null=True, blank=True)
    discharged_at = models.DateTimeField(null=True, blank=True)

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
    comments = models.CharField(max_length=1024, blank=True)
    """What the requester says to those who perform the exam (0040,2400)."""
    allergies = models.CharField(max_length=255, blank=True)
    """Allergies (0010,2110) as known when the exam was ordered."""
    pregnancy_status = models.PositiveSmallIntegerField(null=True, blank=True, choices=PregnancyStatus)
    patient_weight_kg = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    patient_state = models.CharField(max_length=64, blank=True)
    """Patient State (0038,0500): comatose, on a ventilator …"""
    isolation = models.CharField(max_length=64, blank=True)
    """Precautions against infection, Special Needs (0038,0050)."""
    transport = models.CharField(max_length=64, blank=True)
    """Patient Transport Arrangements (0040,1004): walking, wheelchair, bed …"""
    payment_state = models.CharField(max_length=8, choices=PaymentState, blank=True, default=PaymentState.UNKNOWN)
    """Of this request alone; nothing: what the visit says."""
    ordered_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["requesting_physician"], name="request_by_physician"),
            models.Index(fields=["requesting_department"], name="request_by_department"),
        ]


class NamedPractitioner(models.Model):
    """A doctor whom a request names by a number: who ordered, who referred the patient, who gets a copy."""

    request = models.ForeignKey(ImagingServiceRequest, on_delete=models.PROTECT, related_name="practitioners")
    named_as = models.CharField(max_length=10)
    """:class:`ris_core.orders.rules.NamedAs`."""
    identifier = models.CharField(max_length=64)
    issuer = models.CharField(max_length=128)
    """Who gave the number (XCN.9); where the sender does not say, the sender's facility (MSH-4)."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "named_as", "identifier", "issuer"], name="practitioner_named_once"
            ),
        ]
        indexes = [models.Index(fields=["identifier", "issuer"], name="practitioner_named")]


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
    procedure_code = models.CharField(max_length=64, blank=True)
    """Requested Procedure Code Sequence (0032,1064) when it is not the service's code (OBR-44)."""
    procedure_coding_system = models.CharField(max_length=64, blank=True)
    procedure_name = models.CharField(max_length=255, blank=True)
    modality = models.CharField(max_length=16)
    priority = models.CharField(max_length=8, choices=Priority, default=Priority.ROUTINE)
    priority_rank = models.PositiveSmallIntegerField(default=2)
    scheduled_at = models.DateTimeField()
    exam_state = models.CharField(max_length=16, choices=ExamState, default=ExamState.ORDERED)
    images_arrived_at = models.DateTimeField(null=True, blank=True)
    urgency = models.PositiveSmallIntegerField(choices=Urgency, default=Urgency.ROUTINE, editable=False)
    """Kept by the database itself from priority, state and class of patient (``exam_search/urgency.py``)."""
    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When its report is wanted: the target's minutes after the images, before them after the scheduled time. Whole
    seconds; kept by the database likewise, never null."""
    ended_reason = models.CharField(max_length=255, blank=True)
    """Why it was cancelled or discontinued, as told by who did it."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "placer_order_number", "service_code"], name="requested_procedure_placer_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["urgency", "due_at", "id", "scheduled_at"], name="exam_list"),
            models.Index(fields=["exam_state", "scheduled_at", "id"], name="exam_by_state"),
            models.Index(fields=["scheduled_at", "id"], name="exam_by_time"),
            models.Index(fields=["placer_order_number"], name="exam_by_placer_number"),
            models.Index(fields=["updated_at"], name="exam_by_change"),
            models.Index(
                fields=["modality", "scheduled_at"],
                condition=models.Q(exam_state__in=["ORDERED", "IN_PROGRESS"]),
                name="open_exam_by_modality",
            ),
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
    protocol_code = models.CharField(max_length=64, blank=True)
    """Scheduled Protocol Code Sequence (0040,0008), its meaning is ``description``; empty: the service's code."""
    protocol_coding_system = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=StepStatus, default=StepStatus.SCHEDULED)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class FormerNumber(models.Model):
    """A number under which an order was known before: it still finds the order, and can be restored (invariant 5)."""

    class Kind(models.TextChoices):
        ACCESSION = "ACCESSION"
        PLACER = "PLACER"

    request = models.ForeignKey(ImagingServiceRequest, on_delete=models.PROTECT, related_name="former_numbers")
    procedure = models.ForeignKey(
        RequestedProcedure, null=True, blank=True, on_delete=models.PROTECT, related_name="former_numbers"
    )
    """Whose placer order number it was; none for an accession number, which is the request's."""
    kind = models.CharField(max_length=9, choices=Kind)
    value = models.CharField(max_length=128)
    replaced_by = models.CharField(max_length=128)
    """The number that took its place."""
    replaced_at = models.DateTimeField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=255)

    class Meta:
        indexes = [models.Index(fields=["value", "kind"], name="former_number")]


class OrderLink(models.Model):
    """An order made here is the HIS's order: the two have changed identities, so that there is one exam.

    What the HIS knows (its placer order number, its service) now stands on ``procedure``, which has the steps, images
    and reports; ``absorbed`` has the identity that the RIS had given, and is cancelled. Undoing changes them back.
    """

    procedure = models.ForeignKey(RequestedProcedure, on_delete=models.PROTECT, related_name="order_links")
    absorbed = models.ForeignKey(RequestedProcedure, on_delete=models.PROTECT, related_name="absorbed_by")
    before = models.JSONField(default=dict)
    """What undoing restores."""
    reason = models.CharField(max_length=255, blank=True)
    linked_at = models.DateTimeField()
    linked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["procedure"], condition=models.Q(undone_at__isnull=True), name="order_linked_once"
            ),
            models.UniqueConstraint(
                fields=["absorbed"], condition=models.Q(undone_at__isnull=True), name="order_absorbed_once"
            ),
        ]


class RefusalRule(models.Model):
    """A kind of order that is not taken here: every given condition must hold; the sender is told ``reason``."""

    reason = models.CharField(max_length=255)
    source = models.CharField(max_length=128, blank=True)
    """``MSH-3|MSH-4`` or ``RIS``."""
    service_code = models.CharField(max_length=64, blank=True)
    """A code, or its beginning with ``*``."""
    modality = models.CharField(max_length=16, blank=True)
    patient_class = models.CharField(max_length=1, choices=PatientClass, blank=True)
    requesting_department = models.CharField(max_length=255, blank=True)
    priority = models.CharField(max_length=8, choices=Priority, blank=True)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(
                    source="", service_code="", modality="", patient_class="", requesting_department="", priority=""
                ),
                name="refusal_rule_has_a_condition",
            ),
        ]
