"""What devices say they did: performed procedure steps (PS3.3 C.4.13 to C.4.17), and what of it has arrived."""

from __future__ import annotations

from django.db import models

from ris_core.performed.rules import Readiness
from ris_core.sealing.fields import SealedBinaryField


class PerformedStatus(models.TextChoices):
    """Performed Procedure Step Status (0040,0252)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


FINAL_STATUSES = (PerformedStatus.COMPLETED, PerformedStatus.DISCONTINUED)


class PerformedProcedureStep(models.Model):
    """One performed procedure step, as its device has reported it so far."""

    sop_instance_uid = models.CharField(max_length=64, unique=True)
    ae_title = models.CharField(max_length=16)
    """Who reported: the calling AE title."""
    status = models.CharField(max_length=12, choices=PerformedStatus, default=PerformedStatus.IN_PROGRESS)
    modality = models.CharField(max_length=16, blank=True)
    study_instance_uid = models.CharField(max_length=64, db_index=True)
    """Of the first item of Scheduled Step Attributes Sequence; all are in ``attributes``."""
    attributes = models.JSONField(default=dict)
    """What N-CREATE and all N-SETs together say: DICOM JSON model (PS3.18 F)."""
    series = models.JSONField(default=list)
    """:meth:`ris_core.performed.rules.PerformedSeries.as_json` of each series."""
    warnings = models.JSONField(default=list)
    """What is odd about it: codes of :class:`ris_core.performed.rules.Oddity`."""
    created_at = models.DateTimeField()
    """When N-CREATE was received; what the device's own clock says is in ``attributes``."""
    finished_at = models.DateTimeField(null=True, blank=True)
    """When it was received that the step is over."""
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["status", "created_at"], name="performed_by_status")]


class PerformedFor(models.Model):
    """A performed step fulfils a procedure: several steps may (append), and one may fulfil several (group case)."""

    performed = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, related_name="performed_for")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="performed_for")
    step = models.ForeignKey(
        "orders.ScheduledProcedureStep", null=True, blank=True, on_delete=models.PROTECT, related_name="performed_for"
    )
    """The scheduled step; none when only the procedure is known."""
    was_withdrawn = models.BooleanField(default=False)
    """The step was CANCELLED (its order, or its appointment) when the device began: what was performed counts."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["performed", "procedure", "step"],
                condition=models.Q(step__isnull=False),
                name="performed_for_step",
            ),
            models.UniqueConstraint(
                fields=["performed", "procedure"], condition=models.Q(step__isnull=True), name="performed_for_procedure"
            ),
        ]


class PerformedStepMessage(models.Model):
    """One N-CREATE or N-SET as it came over the wire; kept whole, forwarded as it is."""

    class Operation(models.TextChoices):
        CREATE = "N-CREATE"
        SET = "N-SET"

    performed = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, related_name="messages")
    operation = models.CharField(max_length=8, choices=Operation)
    dataset = SealedBinaryField()
    """Attribute List or Modification List, encoded as received."""
    transfer_syntax_uid = models.CharField(max_length=64)
    address = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()


class ImageCheck(models.Model):
    """What devices say they made for a procedure against what has arrived: the last comparison."""

    procedure = models.OneToOneField(
        "orders.RequestedProcedure", primary_key=True, on_delete=models.CASCADE, related_name="image_check"
    )
    readiness = models.CharField(max_length=16, choices=[(readiness, readiness) for readiness in Readiness])
    missing = models.JSONField(default=list)
    """:meth:`ris_core.performed.rules.MissingSeries.as_json` of each series that is not here as a whole."""
    checked_at = models.DateTimeField()
