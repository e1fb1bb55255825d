"""Results that another system has made: kept beside our exam, never in the place of our report."""

from __future__ import annotations

from django.db import models

MOST_TEXT_CHARACTERS = 100_000
MOST_DOCUMENT_BYTES = 3 * 1024 * 1024
"""Of one document; a message is at most ``hl7.max_message_bytes``."""


class ExternalResult(models.Model):
    """One result (ORU^R01) of one exam as one sender has stated it last; an earlier statement stays as history."""

    procedure = models.ForeignKey(
        "orders.RequestedProcedure", on_delete=models.PROTECT, related_name="external_results"
    )
    source = models.CharField(max_length=128)
    """``MSH-3|MSH-4``."""
    result_number = models.CharField(max_length=128)
    """The sender's number for it (OBR-3), else the order number."""
    status = models.CharField(max_length=1)
    """OBR-25, HL7 table 0123: P preliminary, F final, C corrected, X cannot be had …"""
    observed_at = models.DateTimeField(null=True, blank=True)
    interpreter = models.CharField(max_length=255, blank=True)
    text = models.TextField(blank=True)
    digest = models.CharField(max_length=64)
    """SHA-256 of what was stated: the same again adds nothing."""
    received_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)
    """Since when the sender states something else."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["procedure", "source", "result_number"],
                condition=models.Q(replaced_at__isnull=True),
                name="external_result_in_force",
            ),
        ]


class ExternalDocument(models.Model):
    """A document that came with a result, byte for byte."""

    result = models.ForeignKey(ExternalResult, on_delete=models.PROTECT, related_name="documents")
    title = models.CharField(max_length=255, blank=True)
    media_type = models.CharField(max_length=64)
    content = models.BinaryField()
