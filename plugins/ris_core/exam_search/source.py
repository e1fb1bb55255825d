"""What of an exam can be searched, and which changes concern it: the one definition, for both databases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Field(StrEnum):
    """Where a word stands; the value names the index's column on SQLite and marks the words on PostgreSQL."""

    NAME = "name"
    BIRTH_YEAR = "birth_year"
    NUMBERS = "numbers"
    """Every number of patient, visit and order, former ones too."""
    SERVICE = "service"
    """Name and code of the service, modality."""
    DEPARTMENT = "department"
    DEVICE = "device"
    """AE title and room."""
    REPORT = "report"
    """Approved text in force, and results from outside; drafts are their writer's."""


_SOURCE: Final = """
SELECT p.id AS procedure_id,
    p.scheduled_at AS scheduled_at,
    person.full_name AS name,
    substr(person.birth_date, 1, 4) AS birth_year,
    r.accession_number || ' ' || r.sent_accession_number || ' ' || p.placer_order_number || ' '
        || p.filler_order_number || ' ' || COALESCE(v.visit_number, '')
        || COALESCE((SELECT {aggregate}(' ' || i.value, ''{in_order_of_i}) FROM patients_patientidentifier i
                     WHERE i.patient_id = p.patient_id), '')
        || COALESCE((SELECT {aggregate}(' ' || f.value, ''{in_order_of_f}) FROM orders_formernumber f
                     WHERE f.request_id = p.request_id), '') AS numbers,
    p.service_name || ' ' || p.service_code || ' ' || p.procedure_name || ' ' || p.modality AS service,
    r.requesting_department || ' ' || COALESCE(v.ward, '') AS department,
    COALESCE((SELECT {aggregate}(s.station_ae_title || ' ' || s.room, ' ') FROM orders_scheduledprocedurestep s
              WHERE s.procedure_id = p.id), '') AS device,
    COALESCE((SELECT {aggregate}(w.plain_text, ' ')
              FROM reports_reading g JOIN reports_reportversion w ON w.reading_id = g.id
              WHERE g.procedure_id = p.id
              AND w.number = (SELECT max(n.number) FROM reports_reportversion n WHERE n.reading_id = g.id)
              AND NOT EXISTS (SELECT 1 FROM reports_reportrecall c WHERE c.version_id = w.id)), '')
        || COALESCE((SELECT {aggregate}(' ' || e.text, '') FROM external_results_externalresult e
                     WHERE e.procedure_id = p.id AND e.replaced_at IS NULL), '') AS report
FROM orders_requestedprocedure p
JOIN patients_patient person ON person.id = p.patient_id
JOIN orders_imagingservicerequest r ON r.id = p.request_id
LEFT JOIN orders_visit v ON v.id = r.visit_id
"""
"""One row an exam (:func:`source`); its time, which only PostgreSQL keeps, has a trigger of its own."""


def source(vendor: str) -> str:
    """:data:`_SOURCE` in the words of a database."""
    if vendor == "postgresql":
        return _SOURCE.format(aggregate="string_agg", in_order_of_i=" ORDER BY i.id", in_order_of_f=" ORDER BY f.id")
    return _SOURCE.format(aggregate="group_concat", in_order_of_i="", in_order_of_f="")


@dataclass(frozen=True, slots=True)
class Watched:
    """A table whose rows exams are found by: when one of ``columns`` changes, these exams are indexed anew."""

    table: str
    columns: tuple[str, ...]
    exams: str
    """Query of the exams' keys; ``{row}`` is the row that was or is there."""
    may_begin: bool = True
    """Whether a new row can concern an exam that is there already."""


_PROCEDURES: Final = "SELECT id FROM orders_requestedprocedure WHERE"

WATCHED: Final = (
    Watched(
        "orders_requestedprocedure",
        (
            "request_id", "patient_id", "placer_order_number", "filler_order_number", "service_code", "service_name",
            "procedure_name", "modality",
        ),
        f"{_PROCEDURES} id = {{row}}.id",
    ),
    Watched(
        "orders_imagingservicerequest",
        ("accession_number", "sent_accession_number", "requesting_department", "visit_id"),
        f"{_PROCEDURES} request_id = {{row}}.id",
        may_begin=False,
    ),
    Watched(
        "orders_visit",
        ("visit_number", "ward"),
        f"{_PROCEDURES} request_id IN (SELECT id FROM orders_imagingservicerequest WHERE visit_id = {{row}}.id)",
        may_begin=False,
    ),
    Watched(
        "orders_scheduledprocedurestep",
        ("procedure_id", "station_ae_title", "room"),
        f"{_PROCEDURES} id = {{row}}.procedure_id",
    ),
    Watched("orders_formernumber", ("request_id", "value"), f"{_PROCEDURES} request_id = {{row}}.request_id"),
    Watched(
        "patients_patient", ("full_name", "birth_date"), f"{_PROCEDURES} patient_id = {{row}}.id", may_begin=False
    ),
    Watched("patients_patientidentifier", ("patient_id", "value"), f"{_PROCEDURES} patient_id = {{row}}.patient_id"),
    Watched("reports_reading", ("procedure_id",), f"{_PROCEDURES} id = {{row}}.procedure_id", may_begin=False),
    Watched(
        "reports_reportversion",
        ("reading_id", "number", "plain_text"),
        f"{_PROCEDURES} id IN (SELECT procedure_id FROM reports_reading WHERE id = {{row}}.reading_id)",
    ),
    Watched(
        "reports_reportrecall",
        ("version_id",),
        f"{_PROCEDURES} id IN (SELECT g.procedure_id FROM reports_reading g JOIN reports_reportversion w "
        "ON w.reading_id = g.id WHERE w.id = {row}.version_id)",
    ),
    Watched(
        "external_results_externalresult",
        ("procedure_id", "text", "replaced_at"),
        f"{_PROCEDURES} id = {{row}}.procedure_id",
    ),
)  # fmt: skip
"""Every table that :data:`_SOURCE` reads."""
