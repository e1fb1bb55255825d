"""Linking by score: what no number names, but everything else does.

Pure. The weights are the policy's; what is here holds under any policy. A link by score needs, all at once:

* an identifier of the patient and nobody else's: as it stands, or, when the whole birth date is the same, in another
  form or another field,
* the name, or, when number and whole birth date are the same, the name with a typing error,
* nothing that contradicts: birth date, sex, body part, modality, an accession number or key of another order,
* an order that awaits images and was planned for that day (not for another device), the day on which the images were
  made by their device's clock too,
* a score above the upper bound, and a lead of the margin over every other order.

All else is ranked for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from ris_core.matching.evidence import Candidate, Nuance, OrderedProcedure, ReceivedStudy, Verdict
from ris_core.matching.identity import another_has_id
from ris_core.matching.policy import Policy

_AGREES = (Verdict.EQUAL, Verdict.SIMILAR)
_NOT_AGAINST = (Verdict.EQUAL, Verdict.SIMILAR, Verdict.MISSING)
CLOCK_TOLERANCE: Final = timedelta(hours=26)
"""A day, and what time zones make of it: by so much a device's clock may differ from ours."""


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The likeliest first; of two of the same score the one that persons have chosen more often."""
    return sorted(candidates, key=lambda candidate: (-candidate.score, -candidate.prior, candidate.procedure_id))


def patient_is_certain(
    candidate: Candidate, procedure: OrderedProcedure, patients_with_this_id: frozenset[int]
) -> bool:
    """Whether number and name (and nothing less) say that the images are of the procedure's patient."""
    number = candidate.verdict("PatientID")
    if number not in _AGREES or another_has_id(number, procedure, patients_with_this_id):
        return False
    if patients_with_this_id - {procedure.patient_key}:
        return False
    if candidate.verdict("PatientBirthDate") not in _NOT_AGAINST or candidate.verdict("PatientSex") in (
        Verdict.CONTRADICTS,
        Verdict.DIFFERENT,
    ):
        return False
    name = candidate.comparison("PatientName")
    if number is Verdict.EQUAL and name.verdict is Verdict.EQUAL:
        return True
    # BN001234 and NT001234 may be two people whom a device calls 001234
    mistyped = name.verdict is Verdict.SIMILAR and name.nuance is Nuance.TYPING_ERROR
    one_differs = name.verdict is Verdict.EQUAL or (mistyped and number is Verdict.EQUAL)
    return one_differs and whole_birth_date_agrees(candidate)


def whole_birth_date_agrees(candidate: Candidate) -> bool:
    """Day, month and year; a year that two people share confirms nobody."""
    date = candidate.comparison("PatientBirthDate")
    return date.verdict is Verdict.EQUAL and date.nuance is not Nuance.PARTIAL


def exam_is_certain(study: ReceivedStudy, candidate: Candidate, procedure: OrderedProcedure) -> bool:
    """Whether the images can be what was ordered: modality, device, region, day, and no other order's number."""
    return (
        procedure.awaits_images
        and not procedure.cancelled
        and candidate.verdict("Modality") in _AGREES
        and candidate.verdict("Time") in _AGREES
        and candidate.verdict("Device") in _NOT_AGAINST
        and candidate.verdict("BodyPart") in _NOT_AGAINST
        and candidate.verdict("AccessionNumber") is Verdict.MISSING
        and _made_for(study, procedure)
    )


def _made_for(study: ReceivedStudy, procedure: OrderedProcedure) -> bool:
    """Earlier images of a patient that are sent on the day of another exam agree in everything but their own date.
    Whether that is so, or the device's clock is wrong, a person sees."""
    if study.acquired_at is None or procedure.scheduled_at is None:
        return True
    return abs(study.acquired_at - procedure.scheduled_at) <= CLOCK_TOLERANCE


def certain_candidate(
    study: ReceivedStudy,
    candidates: Sequence[Candidate],
    procedures: Mapping[int, OrderedProcedure],
    patients_with_this_id: frozenset[int],
    policy: Policy,
) -> Candidate | None:
    """The one that is linked without a person, or none.

    :param candidates: as :func:`ranked` gives them
    """
    if not policy.automatic or not candidates or study.keyed:
        return None
    best = candidates[0]
    procedure = procedures[best.procedure_id]
    if best.score < policy.upper or any(best.score - other.score < policy.margin for other in candidates[1:]):
        return None
    if not patient_is_certain(best, procedure, patients_with_this_id) or not exam_is_certain(study, best, procedure):
        return None
    if any(_is_a_rival(other, best) for other in candidates[1:]):
        return None
    return best


def _is_a_rival(other: Candidate, best: Candidate) -> bool:
    """An order of somebody whose name or number the images carry more exactly: a twin, a namesake."""
    name_is_closer = other.verdict("PatientName") is Verdict.EQUAL and best.verdict("PatientName") is not Verdict.EQUAL
    number_is_closer = other.verdict("PatientID") is Verdict.EQUAL and best.verdict("PatientID") is not Verdict.EQUAL
    return name_is_closer or number_is_closer
