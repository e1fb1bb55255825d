"""What may be done with studies, decided from facts: no database, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ris_core.matching.evidence import ReceivedStudy
from ris_core.matching.identity import patient_varies


class Refusal(StrEnum):
    """Why an operation is refused."""

    REJECTED = "the study has been rejected"
    NOTHING_CHOSEN = "choose at least one series"
    ONE_MUST_STAY = "at least one series must stay"
    SAME_STUDY = "choose another study"
    TWO_PATIENTS = "the studies are of two patients"
    UNKNOWN_PATIENTS = "the studies are of two patients, or nobody knows: link both first"


@dataclass(frozen=True, slots=True)
class Subject:
    """A study that an operation is about."""

    study_id: int
    rejected: bool
    patient_id: int | None
    """Whose it is here; none while it waits in a queue."""
    received: ReceivedStudy
    series_count: int


def refusal_to_take(study: Subject, series: int, *, all_allowed: bool, images: int = 0) -> Refusal | None:
    """Why ``series`` of the study's series (and ``images`` by themselves) may not be taken out; none if they may."""
    if study.rejected:
        return Refusal.REJECTED
    if not series and not images:
        return Refusal.NOTHING_CHOSEN
    if not all_allowed and series >= study.series_count:
        return Refusal.ONE_MUST_STAY
    return None


def refusal_to_combine(study: Subject, other: Subject) -> Refusal | None:
    """Why images of one may not go into the other: two studies, one patient (domain invariant 4)."""
    if study.study_id == other.study_id:
        return Refusal.SAME_STUDY
    if study.rejected or other.rejected:
        return Refusal.REJECTED
    if study.patient_id is not None and other.patient_id is not None:
        return None if study.patient_id == other.patient_id else Refusal.TWO_PATIENTS
    if patient_varies(study.received, other.received) or not (study.received.patient_id and other.received.patient_id):
        return Refusal.UNKNOWN_PATIENTS
    return None
