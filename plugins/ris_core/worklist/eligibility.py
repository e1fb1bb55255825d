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
from ris_core.devices.rules import RegisteredDevice
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
    Attributes,
    Key,
    Keys,
    Tag,
    is_pattern,
    matches,
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


class Verdict(StrEnum):
    """What a check says."""

    PASS = "PASS"  # noqa: S105 (a word of the interface)
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    """It cannot be said: the device's query is not known, or only that a name was in it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One reason for which a step is, or is not, on a device's worklist."""

    about: str
    """A :class:`Because`; ``KEY`` and the keyword for a key of the query; or one of those of
    :mod:`ris_core.worklist.explanation`."""
    verdict: Verdict
    wanted: str = ""
    """What the device's registration, filter or query asks for."""
    found: str = ""
    """What the step has."""


def checks_of(
    device: RegisteredDevice, facts: Mapping[str, str | int], keys: Keys, attributes: Attributes, today: date
) -> list[Check]:
    """Each requirement and each key of ``device`` against one step, by the rules that its query goes by.

    :param facts: the columns of the step's worklist entry
    :param keys: the keys of the query, as the device sent them
    :param attributes: the step's answer, under the title that it is answered with
    """
    checks = [_check(requirement, facts) for requirement in requirements_of(device, today)]
    understood = meant(keys, device.quirks)
    for tag, key in understood.items():
        if tag == SCHEDULED_PROCEDURE_STEP_SEQUENCE:
            checks.extend(_checks_of_step(key.item, attributes))
        elif not key.is_universal:
            checks.append(_check_of_key(tag, key.value, attributes, {tag: key}))
    return checks


def _check(requirement: Requirement, facts: Mapping[str, str | int]) -> Check:
    """Of a requirement that a step naming the device fulfils anyway, what the others must have is told."""
    terms = [term for term in requirement.terms if term.column != "station_ae_title"] or list(requirement.terms)
    wanted = " | ".join(
        ", ".join(str(value) or "—" for value in term.values) if term.values else f"{term.lowest}-{term.highest}"
        for term in terms
    )
    columns = dict.fromkeys(term.column for term in terms)
    return Check(
        requirement.because,
        Verdict.PASS if requirement.holds(facts) else Verdict.FAIL,
        wanted,
        " | ".join(str(facts[column]) for column in columns),
    )


def _checks_of_step(item: Keys, attributes: Attributes) -> list[Check]:
    """Keys of the scheduled step; date and time are one key where they make one period (table K.6-1)."""
    asked = {tag: key for tag, key in item.items() if not key.is_universal}
    start = (SCHEDULED_PROCEDURE_STEP_START_DATE, SCHEDULED_PROCEDURE_STEP_START_TIME)
    groups = [{tag: key} for tag, key in asked.items() if tag not in start]
    if together := {tag: asked[tag] for tag in start if tag in asked}:
        groups.append(together)
    steps = attributes.get(SCHEDULED_PROCEDURE_STEP_SEQUENCE, ())
    step = steps[0] if steps and not isinstance(steps, str) else {}
    return [
        _check_of_key(
            next(iter(group)),
            " ".join(key.value for key in group.values()),
            step,
            group,
        )
        for group in groups
    ]


def _check_of_key(tag: Tag, wanted: str, attributes: Attributes, keys: Keys) -> Check:
    named = next((keyword for keyword, known in TAG_OF_KEY.items() if known == tag), f"{tag:08X}")
    found = " ".join(str(attributes.get(each, "")) for each in keys)
    return Check(f"KEY {named}", Verdict.PASS if matches(keys, attributes) else Verdict.FAIL, wanted, found)
