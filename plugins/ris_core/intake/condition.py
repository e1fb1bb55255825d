"""What those who perform an exam must know of the patient, as an order message tells it."""

from __future__ import annotations

import re
from decimal import Decimal

from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.intake.places import Places, Segments
from ris_core.intake.profile import Profile
from ris_core.intake.texts import said_anywhere
from ris_core.intake.values import coded_text_at, refused_at
from ris_core.orders.rules import PatientCondition

_PREGNANCY = {
    "1": 1, "N": 1, "NO": 1, "KHÔNG": 1, "2": 2, "3": 3, "Y": 3, "YES": 3, "CÓ": 3, "B6": 3, "4": 4, "U": 4,
}  # fmt: skip
"""Common words, and B6 of HL7 table 0009, as (0010,21C0); of any other word it is not known what it means."""

_UNKNOWN = 4
_WEIGHT = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)\s*(?:kg)?", re.IGNORECASE)


def read_condition(segments: Segments, profile: Profile) -> PatientCondition:
    """
    :raises MessageRefused: 102 for a weight that is none
    """
    places = profile.order
    return PatientCondition(
        allergies=said_anywhere(segments, places.allergies, 255),
        pregnancy_status=_pregnancy_status(segments, profile),
        patient_weight_kg=_weight_kg(segments, places.patient_weight),
        patient_state=_text(segments, places.patient_state),
        isolation=_text(segments, places.isolation),
        transport=_text(segments, places.transport),
    )


def _text(segments: Segments, places: Places) -> str | None:
    said = segments.saying(places)
    return coded_text_at(*said)[:64] if said else None


def _pregnancy_status(segments: Segments, profile: Profile) -> int | None:
    word = segments.value(profile.order.pregnancy_status).upper()
    if not word:
        return None
    return profile.words.pregnancy.get(word) or _PREGNANCY.get(word, _UNKNOWN)


def _weight_kg(segments: Segments, places: Places) -> Decimal | None:
    found = segments.find(places)
    if found is None:
        return None
    number = _WEIGHT.fullmatch(found.text)
    if number is None:
        raise refused_at(found, "the weight is no number of kg", ErrorCode.DATA_TYPE_ERROR)
    weight = Decimal(number[1].replace(",", "."))
    try:
        PatientCondition(patient_weight_kg=weight)
    except InvalidValue as error:
        raise refused_at(found, error.detail, ErrorCode.DATA_TYPE_ERROR) from error
    return weight
