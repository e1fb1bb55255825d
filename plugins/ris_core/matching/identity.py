"""Who the patient is: what forbids a link whoever asks, and whether two sets of images are one person's.

Pure. Domain invariant 2: a link never contradicts identity; invariant 4: one StudyInstanceUID, one patient.
"""

from __future__ import annotations

from ris_core.matching.comparing import compare
from ris_core.matching.evidence import Candidate, Nuance, OrderedProcedure, ReceivedStudy, Verdict
from ris_core.matching.fields import compare_birth_dates, compare_sexes
from ris_core.matching.names import names_have_nothing_in_common
from ris_core.matching.reasons import Reason


def identity_objection(
    study: ReceivedStudy, procedure: OrderedProcedure, patients_with_this_id: frozenset[int]
) -> Reason | None:
    """Why a person may not link the two either: identity contradicts (invariant 2); none when it does not.

    A PatientID that nobody here has is no such reason for a person: devices without a worklist have it typed in.
    """
    candidate = compare(study, procedure)
    if candidate.verdict("PatientBirthDate") is Verdict.CONTRADICTS:
        return Reason.BIRTH_DATE_DIFFERS
    if candidate.verdict("PatientSex") is Verdict.CONTRADICTS:
        return Reason.SEX_DIFFERS
    if another_has_id(candidate.verdict("PatientID"), procedure, patients_with_this_id):
        return Reason.OTHER_PATIENT_HAS_ID
    return None


_IDENTIFYING = ("AccessionNumber", "PatientID", "PatientName", "PatientBirthDate")


def must_be_justified(candidate: Candidate) -> bool:
    """Whether a person who links the two must say why: something that identifies patient or order differs by more
    than a typing error. What only describes the exam (device, time, region) needs no words."""
    return any(
        c.verdict in (Verdict.DIFFERENT, Verdict.CONTRADICTS) and c.nuance is not Nuance.TYPING_ERROR
        for c in map(candidate.comparison, _IDENTIFYING)
    )


def another_has_id(id_verdict: Verdict, procedure: OrderedProcedure, patients_with_this_id: frozenset[int]) -> bool:
    """The received PatientID is not the procedure's patient's as it stands, and is somebody else's."""
    if id_verdict is Verdict.CONTRADICTS:
        return bool(patients_with_this_id)
    return id_verdict is Verdict.SIMILAR and bool(patients_with_this_id - {procedure.patient_key})


def one_patient(first: ReceivedStudy, other: ReceivedStudy) -> bool:
    """Whether two studies under one StudyInstanceUID are one patient's: the engine parts them when PatientID is padded
    in another way. Without a PatientID on both sides that cannot be known.
    """
    same_number = (first.patient_id, first.key_text) == (other.patient_id, other.key_text)
    return same_number and not patient_varies(first, other)


def patient_varies(first: ReceivedStudy, other: ReceivedStudy) -> bool:
    """Whether two instances of one study are plainly of two persons."""
    return (
        bool(first.patient_id and other.patient_id and first.patient_id != other.patient_id)
        or compare_birth_dates(first.birth_date, other.birth_date).verdict in (Verdict.CONTRADICTS, Verdict.DIFFERENT)
        or compare_sexes(first.sex, other.sex).verdict is Verdict.CONTRADICTS
        or names_have_nothing_in_common(first.patient_name, other.patient_name)
    )
