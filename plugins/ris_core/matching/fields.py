"""The comparison of each field of a received study with an ordered procedure.

Pure. Verdicts only; what they are worth says the policy, what follows from them the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ris_core.matching import patient_ids
from ris_core.matching.body_regions import regions_in
from ris_core.matching.evidence import Nuance, OrderedProcedure, ReceivedStudy, Unscored, Verdict
from ris_core.matching.policy import Policy
from ris_core.matching.typing_errors import errors_between

_MISSING = Unscored(Verdict.MISSING)
_EQUAL = Unscored(Verdict.EQUAL)
_DIFFERENT = Unscored(Verdict.DIFFERENT)


def accession_named(study: ReceivedStudy, procedure: OrderedProcedure) -> bool:
    """Whether the images carry the procedure's accession number, ours or as the HIS sent it."""
    return study.accession_number in procedure.accession_numbers


def uid_named(study: ReceivedStudy, procedure: OrderedProcedure) -> bool:
    """Whether the images carry the StudyInstanceUID that was sent on the worklist."""
    return study.study_instance_uid == procedure.study_instance_uid


def compare_key(study: ReceivedStudy, procedure: OrderedProcedure) -> Unscored:
    if procedure.procedure_id in study.keyed:
        return _EQUAL
    if procedure.procedure_id in study.nearly_keyed:
        return Unscored(Verdict.SIMILAR, Nuance.TYPING_ERROR)
    return _MISSING


def compare_accession(study: ReceivedStudy, procedure: OrderedProcedure) -> Unscored:
    """A patient's identifier typed into the field is no accession number."""
    numbers = procedure.accession_numbers
    if not study.accession_number or not numbers:
        return _MISSING
    if accession_named(study, procedure):
        return _EQUAL
    ids = [value for value, _ in procedure.patient_identifiers]
    if any(patient_ids.same_in_another_form(study.accession_number, value) for value in ids):
        return _MISSING
    typed = patient_ids.compact(study.accession_number)
    if len(typed) >= 4 and any(errors_between(typed, patient_ids.compact(n), most=1) <= 1 for n in numbers):
        return Unscored(Verdict.DIFFERENT, Nuance.TYPING_ERROR)
    return _DIFFERENT


def compare_id(study: ReceivedStudy, procedure: OrderedProcedure) -> Unscored:
    """Issuers count where both sides name one (PS3.3 C.7.1.1: a Patient ID is unique only with its issuer)."""
    identifiers = procedure.patient_identifiers
    if not identifiers:
        return _MISSING
    values = [value for value, _ in identifiers]
    if study.patient_id:
        if any(value == study.patient_id and _issuers_fit(study, issuer) for value, issuer in identifiers):
            return _EQUAL
        if study.patient_id not in values and any(
            patient_ids.same_in_another_form(study.patient_id, value) for value in values
        ):
            return Unscored(Verdict.SIMILAR, Nuance.FORMAT)
    if any(patient_ids.same_in_another_form(found, value) for found in study.other_ids for value in values):
        return Unscored(Verdict.SIMILAR, Nuance.ELSEWHERE)
    if not study.patient_id:
        return _MISSING
    if any(patient_ids.mistyped(study.patient_id, value) for value in values):
        return Unscored(Verdict.CONTRADICTS, Nuance.TYPING_ERROR)
    return Unscored(Verdict.CONTRADICTS)


def _issuers_fit(study: ReceivedStudy, issuer: str) -> bool:
    return not issuer or not study.issuer_of_patient_id or issuer == study.issuer_of_patient_id


def compare_birth_dates(received: str, ordered: str) -> Unscored:
    """A year or a month alone agrees with every date in it; what is no DICOM date says nothing. Day and month
    exchanged contradict nothing and confirm nothing: a person decides."""
    if not _is_date(received) or not _is_date(ordered):
        return _MISSING
    if received == ordered:
        return _EQUAL if len(received) == 8 else Unscored(Verdict.EQUAL, Nuance.PARTIAL)
    if received.startswith(ordered) or ordered.startswith(received):
        return Unscored(Verdict.SIMILAR, Nuance.PARTIAL)
    if len(received) == len(ordered) == 8:
        if received[:4] == ordered[:4] and received[4:6] == ordered[6:] and received[6:] == ordered[4:6]:
            return Unscored(Verdict.DIFFERENT, Nuance.SWAPPED)
        if errors_between(received, ordered, most=1) == 1:
            return Unscored(Verdict.CONTRADICTS, Nuance.TYPING_ERROR)
    return Unscored(Verdict.CONTRADICTS)


def _is_date(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in (4, 6, 8)


def compare_sexes(received: str, ordered: str) -> Unscored:
    """``O`` is what devices write when they do not know: it differs from M and F without contradicting."""
    if not received or not ordered:
        return _MISSING
    if received == ordered:
        return _EQUAL
    return Unscored(Verdict.CONTRADICTS) if {received, ordered} == {"M", "F"} else _DIFFERENT


_PROJECTION = frozenset(("CR", "DX", "DR", "RG"))
"""X-ray pictures by whatever word: a device writes CR where DX was ordered."""


def compare_modalities(received: Sequence[str], ordered: str) -> Unscored:
    if not received or not ordered:
        return _MISSING
    if ordered in received:
        return _EQUAL
    if ordered in _PROJECTION and not _PROJECTION.isdisjoint(received):
        return Unscored(Verdict.SIMILAR)
    return _DIFFERENT


def compare_devices(study: ReceivedStudy, procedure: OrderedProcedure) -> Unscored:
    """The planned device, another in the planned room, or another."""
    if not study.sender or not (procedure.stations or procedure.rooms):
        return _MISSING
    if study.sender in procedure.stations:
        return _EQUAL
    if study.room and study.room in procedure.rooms:
        return Unscored(Verdict.SIMILAR, Nuance.ROOM)
    return _DIFFERENT


def compare_times(study: ReceivedStudy, scheduled_at: datetime | None, policy: Policy) -> Unscored:
    """How far the images are from the planned time: by our clock or by the device's, whichever is nearer."""
    moments = [moment for moment in (study.received_at, study.acquired_at) if moment is not None]
    if scheduled_at is None or not moments:
        return _MISSING
    distance = min(abs(moment - scheduled_at) for moment in moments)
    if distance <= timedelta(hours=policy.near_hours):
        return Unscored(Verdict.EQUAL, Nuance.NEAR)
    if distance <= timedelta(hours=policy.same_day_hours):
        return Unscored(Verdict.SIMILAR, Nuance.SAME_DAY)
    if distance <= timedelta(days=policy.open_days):
        return Unscored(Verdict.DIFFERENT, Nuance.SAME_WEEK)
    return _DIFFERENT


def compare_body_parts(study: ReceivedStudy, procedure: OrderedProcedure) -> Unscored:
    received = regions_in(study.body_part) or regions_in(study.description)
    ordered = regions_in(procedure.body_part) or regions_in(procedure.service_name)
    if not received or not ordered:
        return _MISSING
    return _DIFFERENT if received.isdisjoint(ordered) else _EQUAL


def compare_states(procedure: OrderedProcedure) -> Unscored:
    """An exam that has its images already rarely gets others from another device."""
    return _EQUAL if procedure.awaits_images else _DIFFERENT
