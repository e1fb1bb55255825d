"""The order of the list: how urgent each exam is and when it is due, kept by the database itself (ADR 20).

Emergencies come first, then what was ordered with priority, then inpatients, then the others; within each of these the
exam that is due first: the time waited is held against the target, and nothing has to be worked out while a million
exams are listed. Both stand in the exam's own row, so that one index has the list's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ris_core.exam_lists.rules import USUAL_MINUTES
from ris_core.exam_search.source import Watched
from ris_core.exam_search.triggers import changed, triggers
from ris_core.orders.models import FINISHED, ExamState, PatientClass, Priority, Urgency

_STATES: Final = ", ".join(f"'{ExamState(state).value}'" for state in FINISHED)
_USUAL: Final = " ".join(f"WHEN '{priority}' THEN {minutes}" for priority, minutes in USUAL_MINUTES.items())

_SOURCE: Final = f"""
SELECT w.id AS procedure_id, {{due_at}} AS due_at,
    CASE WHEN w.exam_state IN ({_STATES}) THEN {Urgency.FINISHED.value}
        WHEN w.priority = '{Priority.STAT.value}' THEN {Urgency.EMERGENCY.value}
        WHEN w.priority = '{Priority.LOW.value}' THEN {Urgency.LOW.value}
        WHEN w.priority = '{Priority.HIGH.value}' OR w.patient_class = '{PatientClass.EMERGENCY.value}'
            THEN {Urgency.PRIORITY.value}
        WHEN w.patient_class = '{PatientClass.INPATIENT.value}' THEN {Urgency.INPATIENT.value}
        ELSE {Urgency.ROUTINE.value} END AS urgency
FROM (
    SELECT p.id, p.exam_state, p.priority, COALESCE(v.patient_class, '') AS patient_class,
        COALESCE(p.images_arrived_at, p.scheduled_at) AS begins_at,
        COALESCE(
            (SELECT t.minutes FROM exam_lists_readingtarget t
             WHERE t.priority IN ('', p.priority) AND t.patient_class IN ('', COALESCE(v.patient_class, ''))
             AND t.modality IN ('', p.modality) AND t.service_code IN ('', p.service_code)
             ORDER BY t.service_code <> '' DESC, t.modality <> '' DESC, t.patient_class <> '' DESC,
                 t.priority <> '' DESC LIMIT 1),
            CASE p.priority {_USUAL} ELSE {USUAL_MINUTES["ROUTINE"]} END
        ) AS minutes
    FROM {{exam}} p
    LEFT JOIN orders_imagingservicerequest r ON r.id = p.request_id
    LEFT JOIN orders_visit v ON v.id = r.visit_id
) w
"""
"""One row an exam. Of the targets that fit, the most particular counts: service before modality before class of patient
before priority."""

_DUE_AT: Final = {
    "postgresql": "date_trunc('second', w.begins_at) + make_interval(mins => w.minutes)",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', w.begins_at, '+' || w.minutes || ' minutes')",
}

_READ: Final = (
    "request_id", "service_code", "modality", "priority", "scheduled_at", "exam_state", "images_arrived_at",
)  # fmt: skip
_EXAM: Final = Watched("orders_requestedprocedure", (*_READ, "urgency", "due_at"), "SELECT {row}.id")
_OTHERS: Final = (
    Watched(
        "orders_imagingservicerequest",
        ("visit_id",),
        "SELECT id FROM orders_requestedprocedure WHERE request_id = {row}.id",
        may_begin=False,
    ),
    Watched(
        "orders_visit",
        ("patient_class",),
        "SELECT id FROM orders_requestedprocedure WHERE request_id IN "
        "(SELECT id FROM orders_imagingservicerequest WHERE visit_id = {row}.id)",
        may_begin=False,
    ),
    Watched(
        "exam_lists_readingtarget",
        ("priority", "patient_class", "modality", "service_code", "minutes"),
        f"SELECT id FROM orders_requestedprocedure WHERE urgency < {Urgency.FINISHED.value}",
    ),
)
WATCHED: Final = (_EXAM, *_OTHERS)
"""Every table that :data:`_SOURCE` reads. A new target leaves finished exams as they were."""

DRIFTED: Final = (
    "(orders_requestedprocedure.urgency <> u.urgency OR orders_requestedprocedure.due_at IS NULL "
    f"OR orders_requestedprocedure.due_at <> u.due_at AND u.urgency < {Urgency.FINISHED.value})"
)
"""Whether an exam stands elsewhere than the view ``exam_search_urgency u`` says."""

REFRESHED: Final = (
    "UPDATE orders_requestedprocedure SET urgency = u.urgency, due_at = u.due_at FROM exam_search_urgency u "
    f"WHERE u.procedure_id = orders_requestedprocedure.id AND {DRIFTED}"
)
"""Puts every such exam where it belongs."""


def statements(vendor: str) -> Iterator[str]:
    """What keeps urgency and due time: a view of what they should be, and triggers."""
    replacing = "OR REPLACE VIEW" if vendor == "postgresql" else "VIEW IF NOT EXISTS"
    whole = _SOURCE.format(due_at=_DUE_AT[vendor], exam="orders_requestedprocedure")
    yield f"CREATE {replacing} exam_search_urgency AS {whole}"
    if vendor == "sqlite":
        for watched in WATCHED:
            yield from triggers(
                watched, vendor, "exam_search_urgency", f"{REFRESHED} AND u.procedure_id IN ({{exams}});"
            )
        return
    yield (
        "CREATE OR REPLACE FUNCTION exam_search_urgency_refresh(exams bigint[]) RETURNS void LANGUAGE plpgsql AS $$ "
        "BEGIN PERFORM 1 FROM orders_requestedprocedure WHERE id = ANY(exams) ORDER BY id FOR NO KEY UPDATE; "
        f"{REFRESHED} AND u.procedure_id = ANY(exams); END $$"
    )
    for watched in _OTHERS:
        yield from triggers(
            watched, vendor, "exam_search_urgency", "PERFORM exam_search_urgency_refresh(ARRAY({exams}));"
        )
    yield from _written_with_the_exam()


def _written_with_the_exam() -> Iterator[str]:
    """PostgreSQL can complete a row before it is written."""
    row = ", ".join(f"NEW.{column} AS {column}" for column in ("id", *_READ))
    found = _SOURCE.format(due_at=_DUE_AT["postgresql"], exam=f"(SELECT {row})")
    yield (
        "CREATE OR REPLACE FUNCTION exam_search_urgency_of_exam() RETURNS trigger LANGUAGE plpgsql AS $$ "
        # with a number of its own before it reads a target, this transaction is seen to be under way
        "BEGIN PERFORM pg_current_xact_id(); "
        f"SELECT u.urgency, u.due_at INTO NEW.urgency, NEW.due_at FROM ({found}) u; RETURN NEW; END $$"
    )
    for name, event, condition in (
        ("added", "INSERT", ""),
        ("updated", f"UPDATE OF {', '.join(_EXAM.columns)}", f"WHEN ({changed(_EXAM, 'postgresql')}) "),
    ):
        yield (
            f"CREATE OR REPLACE TRIGGER exam_search_urgency_{name} BEFORE {event} ON {_EXAM.table} "
            f"FOR EACH ROW {condition}EXECUTE FUNCTION exam_search_urgency_of_exam()"
        )
