"""What modalities can find: one row for each scheduled step that is on the worklist now."""

from __future__ import annotations

from django.db import models

from ris_core.sealing.fields import SealedBinaryField


class WorklistEntry(models.Model):
    """A scheduled procedure step on the worklist, with its answer already encoded.

    The row is written in the transaction that schedules or changes the step, and deleted in the one that takes it
    off, so the table holds only what may be answered. The columns are the matching keys that can be indexed; a
    query's other keys are matched on ``answer``.
    """

    step = models.OneToOneField(
        "orders.ScheduledProcedureStep", on_delete=models.CASCADE, primary_key=True, related_name="worklist_entry"
    )
    station_ae_title = models.CharField(max_length=16, blank=True)
    modality = models.CharField(max_length=16)
    start_date = models.CharField(max_length=8)
    """Scheduled Procedure Step Start Date, ``YYYYMMDD`` in the site's time zone."""
    start_time = models.CharField(max_length=6)
    patient_id = models.CharField(max_length=64)
    patient_name = models.CharField(max_length=255)
    """PN folded for matching (:func:`ris_core.names.folded`)."""
    accession_number = models.CharField(max_length=16)
    requested_procedure_id = models.CharField(max_length=16)
    room = models.CharField(max_length=64, blank=True)
    """Folded (:func:`ris_core.names.folded`), as the requesting department is."""
    department = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=16, default="SCHEDULED")
    plain_identifiers = models.PositiveSmallIntegerField(default=1)
    """1 when every character set can write the identifiers, else 0: they are sent as they are or not at all."""
    priority_rank = models.PositiveSmallIntegerField(default=2)
    answer = SealedBinaryField()
    """The whole answer as a DICOM dataset (Part 10, Explicit VR Little Endian, ISO_IR 192)."""

    class Meta:
        # each ends in the order of the answers, so that a query for one day stops at the most answers it may give;
        # pattern operator classes let PostgreSQL use them for wildcards (SQLite ignores them)
        indexes = [
            models.Index(
                fields=["station_ae_title", "start_date", "priority_rank", "start_time", "step"],
                name="worklist_by_station",
            ),
            models.Index(
                fields=["modality", "start_date", "priority_rank", "start_time", "step"], name="worklist_by_modality"
            ),
            models.Index(fields=["start_date", "priority_rank", "start_time", "step"], name="worklist_by_date"),
            models.Index(fields=["priority_rank", "start_date", "start_time", "step"], name="worklist_in_order"),
            models.Index(fields=["patient_id"], name="worklist_by_patient_id", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["accession_number"], name="worklist_by_accession", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["requested_procedure_id"], name="worklist_by_procedure_id"),
            models.Index(fields=["patient_name"], name="worklist_by_patient_name", opclasses=["varchar_pattern_ops"]),
        ]


class WorklistQuery(models.Model):
    """What a device has asked, each query once with how often and when last; the newest of each device are kept."""

    ae_title = models.CharField(max_length=16)
    fingerprint = models.CharField(max_length=32)
    """Of ``keys``."""
    address = models.CharField(max_length=64, blank=True)
    keys = models.JSONField(default=dict)
    """Values by keyword, those of the scheduled step among them; null for a person's name, which is not kept."""
    answers = models.PositiveIntegerField(default=0)
    """How many steps it was answered with, last time."""
    complete = models.BooleanField(default=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ae_title", "fingerprint"], name="worklist_query_unique")]
        indexes = [models.Index(fields=["ae_title", "-last_at"], name="worklist_query_by_device")]


class WorklistFetch(models.Model):
    """Which device has fetched which step, first and last when."""

    step = models.ForeignKey("orders.ScheduledProcedureStep", on_delete=models.CASCADE, related_name="fetches")
    ae_title = models.CharField(max_length=16)
    address = models.CharField(max_length=64, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "ae_title"], name="worklist_fetch_unique")]
        # without the time, which changes at every query
        indexes = [models.Index(fields=["ae_title"], name="worklist_fetch_by_device")]
