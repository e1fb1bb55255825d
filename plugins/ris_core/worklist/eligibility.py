"""Which scheduled steps a device is shown (invariant 9), as data that the query and its explanation both read.

A requirement is true of a step or not; it is written once and has two readers: SQL for the query
(:mod:`ris_core.worklist.search`) and :meth:`Requirement.holds` for "why is this order not on my device?". Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from ris_core.devices.character_sets import is_unicode
from ris_core.devices.quirks import Quirks
from ris_core.devices.registered import RegisteredDevice
from ris_core.names import folded
from ris_core.worklist.rules import (
    ACCESSION_NUMBER,
    MODALITY,
    PATIENT_ID,
    PATIENT_NAME,
    REQUESTED_PROCEDURE_ID,
    SCHEDULED_PROCEDURE_STEP_SEQUENCE,
    SCHEDULED_PROCEDURE_STEP_START_DATE,
    SCHEDULED_PROCEDURE_STEP_START_TIME,
    SCHEDULED_STATION_AE_TITLE,
    STUDY_INSTANCE_UID,
    Key,
    Keys,
    Tag,
    is_pattern,
)

TAG_OF_KEY: dict[str, Tag] = {
    "AccessionNumber": ACCESSION_NUMBER,
    "Modality": MODALITY,
    "PatientID": PATIENT_ID,
    "PatientName": PATIENT_NAME,
    "RequestedProcedureID": REQUESTED_PROCEDURE_ID,
    "ScheduledProcedureStepStartDate": SCHEDULED_PROCEDURE_STEP_START_DATE,
    "ScheduledProcedureStepStartTime": SCHEDULED_PROCEDURE_STEP_START_TIME,
    "ScheduledStationAETitle": SCHEDULED_STATION_AE_TITLE,
    "StudyInstanceUID": STUDY_INSTANCE_UID,
}
"""The keys that :class:`~ris_core.devices.quirks.Quirks` can name."""


class Because(StrEnum):
    """What a requirement is about."""

    STATION = "STATION"
    MODALITY = "MODALITY"
    ROOM = "ROOM"
    DEPARTMENT = "DEPARTMENT"
    STATUS = "STATUS"
    WINDOW = "WINDOW"
    IDENTIFIERS = "IDENTIFIERS"


@dataclass(frozen=True, slots=True)
class Term:
    """One column of a worklist entry is one of ``values``, or lies between two ends (an empty end is open)."""

    column: str
    values: tuple[str | int, ...] = ()
    lowest: str = ""
    highest: str = ""

    def holds(self, facts: Mapping[str, str | int]) -> bool:
        value = facts[self.column]
        if self.values:
            return value in self.values
        return self.lowest <= str(value) and (not self.highest or str(value) <= self.highest)


@dataclass(frozen=True, slots=True)
class Requirement:
    """At least one of ``terms`` must hold."""

    because: Because
    terms: tuple[Term, ...]

    def holds(self, facts: Mapping[str, str | int]) -> bool:
        """Whether a step with these columns may be shown as far as this goes."""
        return any(term.holds(facts) for term in self.terms)


def requirements_of(device: RegisteredDevice, today: date) -> tuple[Requirement, ...]:
    """What a step must fulfil to be shown to ``device``; ``today`` in the site's time zone."""
    wanted, own = device.worklist_filter, device.ae_title
    found: list[Requirement] = []

    def require(because: Because, *terms: Term) -> None:
        found.append(Requirement(because, terms))

    if wanted.stations == "own":
        require(Because.STATION, Term("station_ae_title", (own, "")))
    elif wanted.stations == "group":
        require(Because.STATION, Term("station_ae_title", (own, "", *device.group_ae_titles)))
    if wanted.by_modality:
        named = Term("station_ae_title", (own,))
        require(Because.MODALITY, named, *([Term("modality", device.modalities)] if device.modalities else []))
    if wanted.rooms:
        require(Because.ROOM, Term("room", ("", *map(folded, wanted.rooms))))
    if wanted.departments:
        require(Because.DEPARTMENT, Term("department", tuple(map(folded, wanted.departments))))
    if wanted.statuses:
        require(Because.STATUS, Term("status", wanted.statuses))
    if wanted.days_before is not None or wanted.days_after is not None:
        first = today - timedelta(days=wanted.days_before) if wanted.days_before is not None else None
        last = today + timedelta(days=wanted.days_after) if wanted.days_after is not None else None
        require(
            Because.WINDOW,
            Term("start_date", lowest=f"{first:%Y%m%d}" if first else "", highest=f"{last:%Y%m%d}" if last else ""),
        )
    if not is_unicode(device.written_set):
        require(Because.IDENTIFIERS, Term("plain_identifiers", (1,)))
    return tuple(found)


def meant(keys: Keys, quirks: Quirks) -> Keys:
    """What a device with these quirks means by ``keys``."""
    ignored = {TAG_OF_KEY[name] for name in quirks.ignored_query_keys}
    kept: dict[Tag, Key] = {}
    for tag, key in keys.items():
        if tag in ignored:
            continue
        if tag == SCHEDULED_PROCEDURE_STEP_SEQUENCE:
            key = replace(key, item={inner: found for inner, found in key.item.items() if inner not in ignored})
        elif tag == PATIENT_NAME and quirks.names_match_from_start and not key.is_universal and not is_pattern(key):
            key = replace(key, value=key.value.rstrip(" ^") + "*")
        kept[tag] = key
    return kept
