"""Composes MDM, the report as a document (HL7 2.5.1 §9.5): T02 for a new one, T10, T08 or T06 for a later version as
the receiver takes it, T11 when it is recalled.

Every version is available for patient care (TXA-19 AV), so that a later one replaces it (T10; §9.3 allows the edit,
T08, of unavailable documents only: for receivers that know nothing else). After a recall the next version is a new
document, since nothing is there to be replaced. Pure.
"""

from __future__ import annotations

from typing import Final

from ris_core.delivery.observations import observations, person
from ris_core.delivery.oru import obr, orc
from ris_core.delivery.result import Result
from ris_core.delivery.segments import escaped, joined, msh, pid, pv1, segment
from ris_core.hl7.timestamps import write_timestamp

_WITH_ORDER: Final = ("2.5", "2.5.1")
"""HL7 versions in which ORC and OBR may stand in MDM."""

_COMPLETION: Final = {"P": "PA", "F": "AU", "C": "AU"}
"""TXA-17 by version status, HL7 table 0271: pre-authenticated, authenticated."""


def event_of(result: Result) -> str:
    """The trigger event."""
    if result.recalled:
        return "T11"
    return result.layout.newer_document if result.former_number else "T02"


def compose(result: Result) -> bytes:
    """The MDM of ``result`` in UTF-8, segments ended by CR."""
    event = event_of(result)
    structure = "MDM_T01" if result.recalled else "MDM_T02"
    segments = [
        msh(result, f"MDM^{event}", structure, test=result.test),
        segment("EVN", {1: event, 2: write_timestamp(result.composed_at)}),
        pid(result),
        pv1(result),
    ]
    if result.hl7_version in _WITH_ORDER:
        segments += [orc(result), obr(result)]
    segments.append(_txa(result, event))
    if not result.recalled:
        segments += observations(result)
    return joined(segments)


def _txa(result: Result, event: str) -> str:
    interpreter = person(result.interpreter, "^")
    approved_at = write_timestamp(result.approved_at)
    # an edit is of the document that the first version opened; else each version is a document of its own
    same_document = result.layout.newer_document == "T08"
    number = result.original_number if same_document else result.version_number
    parent = f"{result.report_id}.{result.former_number}" if event in ("T10", "T06") else ""
    return segment(
        "TXA",
        {
            1: "1",
            2: "DI",  # table 0270: diagnostic imaging
            3: "TX",
            4: write_timestamp(result.observed_at),
            5: interpreter,
            6: approved_at,
            8: write_timestamp(result.recalled.recalled_at) if result.recalled else "",
            9: interpreter,
            12: _entity(result, f"{result.report_id}.{number}"),
            13: _entity(result, parent) if parent else "",
            14: escaped(result.placer_order_number),
            15: escaped(result.filler_order_number),
            17: _COMPLETION[result.status],
            19: "CA" if result.recalled else "AV",  # table 0273: cancelled, available
            21: escaped(result.recalled.reason[:30]) if result.recalled else "",
            22: _authenticated(interpreter, approved_at) if result.status != "P" else "",
        },
    )


def _authenticated(interpreter: str, at: str) -> str:
    """PPN: the person, and in its fifteenth component when they did it."""
    components = interpreter.split("^")
    return "^".join([*components, *[""] * (14 - len(components)), at])


def _entity(result: Result, number: str) -> str:
    """EI: the number, and who gives it."""
    return f"{escaped(number)}^{escaped(result.sender.application)}"
