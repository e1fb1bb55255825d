"""Tells a HIS how far its order is: ORM^O01 or OMG^O19 with order control SC (HL7 2.5.1 §4.5.1, IHE RAD TF-2 4.3).

Pure: the same message gives the same bytes. ``docs/conformance/hl7.md`` has every field.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ris_core.delivery.segments import (
    ExamMessage,
    components,
    diagnostic_service,
    escaped,
    joined,
    msh,
    pid,
    pv1,
    segment,
)
from ris_core.hl7.timestamps import write_timestamp
from ris_core.notifications.rules import Event

STATUS: Final[dict[str, tuple[str, str]]] = {
    Event.EXAM_SCHEDULED: ("SC", "S"),
    Event.EXAM_CHANGED: ("SC", "S"),
    Event.EXAM_CANCELLED: ("CA", "X"),
    Event.EXAM_STARTED: ("IP", "I"),
    Event.EXAM_COMPLETED: ("IP", "I"),
    Event.EXAM_DISCONTINUED: ("DC", "X"),
    Event.EXAM_IMAGES_AVAILABLE: ("IP", "R"),
    Event.EXAM_READY_TO_READ: ("IP", "R"),
    Event.REPORT_PRELIMINARY: ("IP", "P"),
    Event.REPORT_FINAL: ("CM", "F"),
    Event.REPORT_CORRECTED: ("CM", "C"),
    Event.REPORT_RECALLED: ("IP", "P"),
    Event.CRITICAL_FLAGGED: ("", ""),
    Event.CRITICAL_ESCALATED: ("", ""),
    Event.CRITICAL_ACKNOWLEDGED: ("", ""),
}
"""ORC-5 (HL7 table 0038) and OBR-25 (table 0123) of each event. An order is completed (CM) by its report only; a
critical result changes no status and is told by ORC-16 alone."""

MESSAGE_TYPES: Final = {"ORM": ("ORM^O01", "ORM_O01"), "OMG": ("OMG^O19", "OMG_O19")}


@dataclass(frozen=True, slots=True)
class StatusMessage(ExamMessage):
    """One event of an exam as one HIS gets it."""

    message: str
    """A key of :data:`MESSAGE_TYPES`."""
    event: str
    occurred_at: datetime
    scheduled_at: datetime


def compose(status: StatusMessage) -> bytes:
    """The message in UTF-8, segments ended by CR."""
    segments = [msh(status, *MESSAGE_TYPES[status.message]), pid(status)]
    if status.visit_number:
        segments.append(pv1(status))
    return joined([*segments, _orc(status), _obr(status)])


def _orc(status: StatusMessage) -> str:
    return segment(
        "ORC",
        {
            1: "SC",
            2: escaped(status.placer_order_number),
            3: escaped(status.filler_order_number),
            5: STATUS[status.event][0],
            9: write_timestamp(status.occurred_at),
            16: components(status.event, "", "99QUANG"),
        },
    )


def _obr(status: StatusMessage) -> str:
    return segment(
        "OBR",
        {
            1: "1",
            2: escaped(status.placer_order_number),
            3: escaped(status.filler_order_number),
            4: components(status.service_code, status.service_name, status.service_coding_system),
            16: components("", status.ordering_physician) if status.ordering_physician else "",
            18: escaped(status.accession_number),
            19: escaped(status.requested_procedure_id),
            22: write_timestamp(status.occurred_at),
            24: diagnostic_service(status.modality),
            25: STATUS[status.event][1],
            36: write_timestamp(status.scheduled_at),
        },
    )
