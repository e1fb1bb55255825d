"""Who receives results, by which rules; the outbox of results; what is held back until it is paid for."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.orders.models import PatientClass
from ris_core.outbox.entries import OutboxEntry, OutboxState

DeliveryState = OutboxState


class ResultFormat(models.TextChoices):
    """How a receiver is written to; :data:`ris_core.delivery.formats.FORMATS` says what each does."""

    ORU = "ORU"
    MDM = "MDM"
    FHIR = "FHIR"
    CALLBACK = "CALLBACK"


class FirstStatus(models.TextChoices):
    """From which status on a receiver gets results. Whoever has a version is owed what corrects or recalls it."""

    PRELIMINARY = "P"
    FINAL = "F"
    CORRECTED = "C"


class Receiver(models.Model):
    """A system that wants results (HIS, EMR)."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    format = models.CharField(max_length=8, choices=ResultFormat, default=ResultFormat.ORU)
    host = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(default=0)
    """Of formats over MLLP."""
    url = models.CharField(max_length=500, blank=True)
    """Of formats over HTTP: the FHIR server's base, or where the callback is posted."""
    key_number = models.PositiveIntegerField(default=1)
    """Which of its secrets signs callbacks; one more makes a new secret."""
    application = models.CharField(max_length=64, default="HIS")
    facility = models.CharField(max_length=64, blank=True)
    hl7_version = models.CharField(max_length=8, default="2.5.1")
    source = models.CharField(max_length=128, blank=True)
    """Only results of orders from this sender (``MSH-3|MSH-4``); empty: all. Launches see no others either."""
    first_status = models.CharField(max_length=1, choices=FirstStatus, default=FirstStatus.PRELIMINARY)
    only_newest = models.BooleanField(default=False)
    """Whether a version that could not be sent before a newer one came is left out."""
    signed_only = models.BooleanField(default=False)
    """Whether final and corrected versions wait until they are digitally signed; implies ``only_newest``."""
    layout = models.JSONField(default=dict, blank=True)
    """:class:`ris_core.delivery.layout.Layout` in JSON: what stands in the message, and where."""
    active = models.BooleanField(default=True)


class ResultRule(models.Model):
    """Which results a receiver wants: those for which every given condition of one of its rules holds; without rules
    all."""

    receiver = models.ForeignKey(Receiver, on_delete=models.CASCADE, related_name="rules")
    source = models.CharField(max_length=128, blank=True)
    requesting_department = models.CharField(max_length=255, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    """A code, or its beginning with ``*``."""


class Delivery(OutboxEntry):
    """One state of a report owed to one receiver; ``sequence`` is :func:`ris_core.delivery.rules.sequence_of`."""

    class Kind(models.TextChoices):
        RESULT = "RESULT"
        RECALL = "RECALL"

    kind = models.CharField(max_length=6, choices=Kind, default=Kind.RESULT)
    receiver = models.ForeignKey(Receiver, on_delete=models.PROTECT, related_name="deliveries")
    version = models.ForeignKey("reports.ReportVersion", on_delete=models.PROTECT, related_name="deliveries")
    """The version that is sent, or that is recalled."""
    reading = models.ForeignKey("reports.Reading", on_delete=models.PROTECT, related_name="deliveries")
    composed_with: int | None = None
    """Not stored: the signature that was in force when this attempt's message was composed."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["receiver", "version", "kind"], name="delivery_once_per_receiver_and_version"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "queued_at"], name="delivery_outbox"),
            # all results go to one HIS: what one reading owes it is not looked for among them
            models.Index(fields=["receiver", "reading", "sequence"], name="delivery_order"),
        ]


class ReceiverLook(models.Model):
    """Viewer tokens that the link of a result, or a launch, has made for a receiver's people: their grant is
    ``look:<id>``.

    Whether it has ended is asked at each reading of ended grants (:mod:`ris_core.delivery.looks`). Kept until none of
    the tokens can live.
    """

    receiver = models.CharField(max_length=64)
    """Its code."""
    key = models.CharField(max_length=64)
    """SHA-256 of receiver, exams and whose these are: opening the same again makes no other row."""
    with_report = models.BooleanField(default=False)
    """Opened as the result: over when the report is recalled."""
    expires_at = models.DateTimeField(db_index=True)
    """Of the token that lives longest."""
    ended_at = models.DateTimeField(null=True, blank=True)
    """Images were taken from one of the exams then, or the report was recalled."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=models.Q(ended_at__isnull=True), name="look_once")
        ]


class LookedExam(models.Model):
    """An exam of which a :class:`ReceiverLook` shows images."""

    look = models.ForeignKey(ReceiverLook, on_delete=models.CASCADE, related_name="exams")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    """Whose the exam was when it was opened: once it is another's, the look is over."""


class PaymentRule(models.Model):
    """Results of which exams are held back until they are paid for: every given condition must hold."""

    name = models.CharField(max_length=255)
    source = models.CharField(max_length=128, blank=True)
    patient_class = models.CharField(max_length=1, choices=PatientClass, blank=True)
    requesting_department = models.CharField(max_length=255, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    """A code, or its beginning with ``*``."""
    unknown_too = models.BooleanField(default=False)
    """Whether an exam is held also when nobody has told whether it is paid for."""
    active = models.BooleanField(default=True)


class ReturnHold(models.Model):
    """An exam's results go to nobody while this is open."""

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="return_holds")
    rule = models.ForeignKey(PaymentRule, null=True, on_delete=models.SET_NULL, related_name="+")
    held_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """None: it was paid for."""
    release_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["procedure"], condition=models.Q(released_at__isnull=True), name="return_held_once"
            )
        ]
        indexes = [
            models.Index(fields=["held_at"], condition=models.Q(released_at__isnull=True), name="open_return_hold")
        ]
