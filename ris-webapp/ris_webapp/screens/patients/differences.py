"""Two descriptions of a person side by side, with what differs marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ris_core.names import folded_words
from ris_core.patients.models import Patient
from ris_core.patients.rules import PatientDetails

FIELDS = ("full_name", "birth_date", "sex", "phone", "address")


@dataclass(frozen=True, slots=True)
class Row:
    """One field of both; ``verdict`` is a word of the queue of unmatched images: EQUAL, SIMILAR, DIFFERENT, MISSING."""

    field: str
    one: str
    other: str
    verdict: str


def values_of(patient: Patient) -> dict[str, str]:
    return {name: getattr(patient, name) for name in FIELDS}


def values_sent(details: PatientDetails) -> dict[str, str]:
    """What a message says; empty where it says nothing."""
    return {name: getattr(details, name) or "" for name in FIELDS}


def rows(one: Mapping[str, str], other: Mapping[str, str]) -> list[Row]:
    """Field by field; fields that neither has are left out."""
    compared = [Row(name, one[name], other[name], _verdict(name, one[name], other[name])) for name in FIELDS]
    return [row for row in compared if row.one or row.other]


def contradict(compared: list[Row]) -> bool:
    """Whether name, birth date or sex differ: whoever says that it is one person has to say why."""
    return any(row.verdict == "DIFFERENT" and row.field in FIELDS[:3] for row in compared)


def _verdict(field: str, one: str, other: str) -> str:
    if not one or not other:
        return "MISSING"
    if one == other:
        return "EQUAL"
    if field == "full_name" and folded_words(one) == folded_words(other):
        return "SIMILAR"
    if field == "birth_date" and (one.startswith(other) or other.startswith(one)):
        return "SIMILAR"
    return "DIFFERENT"
