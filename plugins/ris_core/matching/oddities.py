"""What is odd about a received study, whatever order it is of: shown to the person who decides. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from ris_core.matching.body_regions import regions_in
from ris_core.matching.evidence import ReceivedStudy
from ris_core.matching.scoring import CLOCK_TOLERANCE

_AGE = re.compile(r"(\d{3})([DWMY])")
_DAYS: Final = {"D": 1, "W": 7, "M": 30.4, "Y": 365.25}


class Oddity(StrEnum):
    WRONG_CLOCK = "WRONG_CLOCK"
    """The device's date is not the day on which the images came."""
    UNKNOWN_DEVICE = "UNKNOWN_DEVICE"
    AGE_CONTRADICTS = "AGE_CONTRADICTS"
    """PatientAge and PatientBirthDate do not fit together."""
    SEX_CONTRADICTS_EXAM = "SEX_CONTRADICTS_EXAM"
    SAME_UID_TWICE = "SAME_UID_TWICE"
    """Another study here has this StudyInstanceUID, with another patient."""
    SAME_ACCESSION_TWO_PATIENTS = "SAME_ACCESSION_TWO_PATIENTS"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is known here about a study's device, UID and accession number."""

    device_is_registered: bool
    same_uid_elsewhere: bool
    accession_of_other_patient: bool


def oddities(study: ReceivedStudy, patient_age: str, around: Surroundings) -> tuple[Oddity, ...]:
    """:param patient_age: PatientAge (0010,1010) as ``045Y``"""
    found = []
    if study.received_at and study.acquired_at and abs(study.received_at - study.acquired_at) > CLOCK_TOLERANCE:
        found.append(Oddity.WRONG_CLOCK)
    if study.sender and not around.device_is_registered:
        found.append(Oddity.UNKNOWN_DEVICE)
    if _age_contradicts(study, patient_age):
        found.append(Oddity.AGE_CONTRADICTS)
    if study.sex == "M" and "OBSTETRIC" in regions_in(study.body_part) | regions_in(study.description):
        found.append(Oddity.SEX_CONTRADICTS_EXAM)
    if around.same_uid_elsewhere:
        found.append(Oddity.SAME_UID_TWICE)
    if around.accession_of_other_patient:
        found.append(Oddity.SAME_ACCESSION_TWO_PATIENTS)
    return tuple(found)


def _age_contradicts(study: ReceivedStudy, patient_age: str) -> bool:
    """By more than two years, or a tenth: devices compute ages from their own clocks."""
    said = _AGE.fullmatch(patient_age)
    at = study.received_at
    if not said or at is None or len(study.birth_date) != 8:
        return False
    try:
        born = datetime.strptime(study.birth_date, "%Y%m%d").replace(tzinfo=at.tzinfo)
    except ValueError:
        return False
    lived = (at - born).days
    return abs(lived - int(said[1]) * _DAYS[said[2]]) > max(2 * 365.25, lived / 10)
