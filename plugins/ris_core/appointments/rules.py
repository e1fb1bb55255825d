"""What a scheduling system says of an appointment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris_core.identifiers import PatientIdentifier


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentNotice:
    """One appointment as one message tells of it; empty where it says nothing."""

    source: str
    number: str
    """Filler appointment id, else the placer's."""
    status: str
    """:class:`~ris_core.appointments.models.AppointmentStatus`."""
    placer_order_number: str = ""
    filler_order_number: str = ""
    accession_number: str = ""
    patient_identifiers: tuple[PatientIdentifier, ...] = ()
    service_code: str = ""
    starts_at: datetime | None = None
    """None only in a cancellation."""
    minutes: int = 0
    station_ae_title: str = ""
    room: str = ""
    reason: str = ""
