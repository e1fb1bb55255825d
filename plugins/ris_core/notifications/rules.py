"""What receivers can be told of, decided without database, clock or network."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Something that has happened to an exam, or that a device has reported."""

    EXAM_SCHEDULED = "exam.scheduled"
    EXAM_CHANGED = "exam.changed"
    EXAM_CANCELLED = "exam.cancelled"
    EXAM_STARTED = "exam.started"
    EXAM_COMPLETED = "exam.completed"
    EXAM_DISCONTINUED = "exam.discontinued"
    EXAM_IMAGES_AVAILABLE = "exam.images_available"
    EXAM_READY_TO_READ = "exam.ready_to_read"
    REPORT_PRELIMINARY = "report.preliminary"
    REPORT_FINAL = "report.final"
    REPORT_CORRECTED = "report.corrected"
    REPORT_RECALLED = "report.recalled"
    REPORT_SIGNED = "report.signed"
    REPORT_SIGNATURE_WITHDRAWN = "report.signature_withdrawn"
    CRITICAL_FLAGGED = "critical.flagged"
    CRITICAL_ESCALATED = "critical.escalated"
    CRITICAL_ACKNOWLEDGED = "critical.acknowledged"
    MPPS_RECEIVED = "mpps.received"
    """A device's own message, forwarded as it is; its subject is the message and not the exam."""


class Transport(StrEnum):
    """How a receiver is told; :data:`ris_core.notifications.transports.TRANSPORTS` says what each does."""

    HL7_STATUS = "HL7_STATUS"
    INSTANCE_AVAILABILITY = "INSTANCE_AVAILABILITY"
    MPPS = "MPPS"
    WEBHOOK = "WEBHOOK"
    EMAIL = "EMAIL"


def wants(rule_modality: str, rule_source: str, modality: str, source: str) -> bool:
    """Whether a rule's filter lets an exam through; an empty part of the filter lets everything through."""
    return rule_modality in ("", modality) and rule_source in ("", source)
