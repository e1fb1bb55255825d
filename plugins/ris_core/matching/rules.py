"""Which order an arrived study belongs to, decided on plain data and explained as data.

Exact linking only: by accession number, or by the StudyInstanceUID that was sent on the worklist, and always with a
consistent patient. Identity is never contradicted (domain invariant 2): what contradicts goes to ``CONFLICT``, what
cannot be decided to ``UNMATCHED``, both with the evidence a person needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ris_core.matching.names import names_equal, names_have_nothing_in_common


class Outcome(StrEnum):
    LINK = "LINK"
    UNMATCHED = "UNMATCHED"
    CONFLICT = "CONFLICT"


class Reason(StrEnum):
    """Why; screens show each as a sentence."""

    ACCESSION_AND_PATIENT = "ACCESSION_AND_PATIENT"
    STUDY_UID_AND_PATIENT = "STUDY_UID_AND_PATIENT"

    NO_ACCESSION = "NO_ACCESSION"
    UNKNOWN_ACCESSION = "UNKNOWN_ACCESSION"
    NO_PATIENT_ID = "NO_PATIENT_ID"
    NAME_DIFFERS = "NAME_DIFFERS"
    PATIENT_ID_SHARED = "PATIENT_ID_SHARED"
    SEVERAL_PROCEDURES = "SEVERAL_PROCEDURES"
    ACCESSION_AND_STUDY_UID_DISAGREE = "ACCESSION_AND_STUDY_UID_DISAGREE"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    LINK_UNDONE = "LINK_UNDONE"

    PATIENT_ID_DIFFERS = "PATIENT_ID_DIFFERS"
    OTHER_PATIENT_HAS_ID = "OTHER_PATIENT_HAS_ID"
    BIRTH_DATE_DIFFERS = "BIRTH_DATE_DIFFERS"
    SEX_DIFFERS = "SEX_DIFFERS"
    TWO_PATIENTS_ONE_STUDY_UID = "TWO_PATIENTS_ONE_STUDY_UID"
    PATIENT_VARIES_IN_STUDY = "PATIENT_VARIES_IN_STUDY"


class Verdict(StrEnum):
    """What a comparison of one field says."""

    EQUAL = "EQUAL"
    SIMILAR = "SIMILAR"
    MISSING = "MISSING"
    """One side says nothing."""
    DIFFERENT = "DIFFERENT"
    """Not the same, which alone contradicts nothing."""
    CONTRADICTS = "CONTRADICTS"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field, as the device sent it and as it was ordered."""

    field: str
    received: str
    ordered: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ReceivedStudy:
    """What a device wrote into the images. Text as sent, apart from padding."""

    study_instance_uid: str
    accession_number: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    modalities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderedProcedure:
    """A requested procedure with the patient it was ordered for."""

    procedure_id: int
    patient_key: int
    accession_number: str
    study_instance_uid: str
    modality: str
    patient_identifiers: tuple[tuple[str, str], ...]
    """Value and issuer of every identifier of the patient, those of patients merged into them included."""
    sent_accession_number: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A procedure that was considered, with what speaks for and against it."""

    procedure_id: int
    comparisons: tuple[Comparison, ...]

    def as_json(self) -> dict[str, Any]:
        """As kept in ``Study.candidates`` and ``StudyLink.explanation``."""
        return {
            "procedure_id": self.procedure_id,
            "comparisons": [
                {"field": c.field, "received": c.received, "ordered": c.ordered, "verdict": c.verdict.value}
                for c in self.comparisons
            ],
        }

    def verdict(self, field: str) -> Verdict:
        return next((c.verdict for c in self.comparisons if c.field == field), Verdict.MISSING)


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Outcome
    reason: Reason
    procedure_id: int | None = None
    """The procedure to link, when the outcome is ``LINK``."""
    candidates: tuple[Candidate, ...] = ()
    """The linked procedure's evidence, or that of all that were considered."""


def decide(
    study: ReceivedStudy, procedures: Iterable[OrderedProcedure], patients_with_this_id: frozenset[int]
) -> Decision:
    """Where ``study`` belongs.

    :param procedures: those with its accession number (ours or as the HIS sent it), with its StudyInstanceUID, and,
        as suggestions for a person, those of patients with its PatientID
    :param patients_with_this_id: keys of all patients one of whose identifiers is the received PatientID (with its
        issuer, if one was received)
    """
    known = sorted(procedures, key=lambda procedure: procedure.procedure_id)
    evidence = {procedure.procedure_id: compare(study, procedure) for procedure in known}
    named = [procedure for procedure in known if _named_by(study, procedure)]
    considered = tuple(evidence[procedure.procedure_id] for procedure in (named or known))
    if not named:
        reason = Reason.UNKNOWN_ACCESSION if study.accession_number else Reason.NO_ACCESSION
        return Decision(Outcome.UNMATCHED, reason, candidates=considered)
    if _accession_and_uid_disagree(study, named):
        return Decision(Outcome.UNMATCHED, Reason.ACCESSION_AND_STUDY_UID_DISAGREE, candidates=considered)
    active = [procedure for procedure in named if not procedure.cancelled]
    if not active:
        return Decision(Outcome.UNMATCHED, Reason.ORDER_CANCELLED, candidates=considered)

    judged = [(p, _objection(study, p, evidence[p.procedure_id], patients_with_this_id)) for p in active]
    fitting = [procedure for procedure, objection in judged if objection is None]
    if not fitting:
        outcome, reason = _gravest(objection for _, objection in judged if objection is not None)
        return Decision(outcome, reason, candidates=considered)
    chosen = _choose(study, fitting)
    if isinstance(chosen, Reason):
        return Decision(Outcome.UNMATCHED, chosen, candidates=considered)
    by_accession = evidence[chosen.procedure_id].verdict("AccessionNumber") is Verdict.EQUAL
    reason = Reason.ACCESSION_AND_PATIENT if by_accession else Reason.STUDY_UID_AND_PATIENT
    return Decision(Outcome.LINK, reason, chosen.procedure_id, (evidence[chosen.procedure_id],))


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
    if candidate.verdict("PatientID") is Verdict.CONTRADICTS and patients_with_this_id:
        return Reason.OTHER_PATIENT_HAS_ID
    return None


def one_patient(first: ReceivedStudy, other: ReceivedStudy) -> bool:
    """Whether two studies under one StudyInstanceUID are one patient's: the engine parts them when PatientID is padded
    in another way. Without a PatientID on both sides that cannot be known.
    """
    return first.patient_id == other.patient_id and not patient_varies(first, other)


def patient_varies(first: ReceivedStudy, other: ReceivedStudy) -> bool:
    """Whether two instances of one study are plainly of two persons."""
    return (
        bool(first.patient_id and other.patient_id and first.patient_id != other.patient_id)
        or _compare_birth_date(first.birth_date, other.birth_date) is Verdict.CONTRADICTS
        or _compare_sex(first.sex, other.sex) is Verdict.CONTRADICTS
        or names_have_nothing_in_common(first.patient_name, other.patient_name)
    )


def compare(study: ReceivedStudy, procedure: OrderedProcedure) -> Candidate:
    """Every field that counts, side by side."""
    accession_numbers = [procedure.accession_number, procedure.sent_accession_number]
    ids = [value for value, _ in procedure.patient_identifiers]
    return Candidate(
        procedure.procedure_id,
        (
            Comparison(
                "AccessionNumber",
                study.accession_number,
                " / ".join(filter(None, accession_numbers)),
                _same(study.accession_number, accession_numbers),
            ),
            Comparison(
                "StudyInstanceUID",
                study.study_instance_uid,
                procedure.study_instance_uid,
                _same(study.study_instance_uid, [procedure.study_instance_uid]),
            ),
            Comparison("PatientID", _identifier(study), " / ".join(ids), _compare_id(study, procedure)),
            Comparison(
                "PatientName",
                study.patient_name,
                procedure.patient_name,
                _compare_name(study.patient_name, procedure.patient_name),
            ),
            Comparison(
                "PatientBirthDate",
                study.birth_date,
                procedure.birth_date,
                _compare_birth_date(study.birth_date, procedure.birth_date),
            ),
            Comparison("PatientSex", study.sex, procedure.sex, _compare_sex(study.sex, procedure.sex)),
            Comparison(
                "Modality",
                " ".join(study.modalities),
                procedure.modality,
                _compare_modality(study.modalities, procedure.modality),
            ),
        ),
    )


_Objection = tuple[Outcome, Reason]


def _objection(
    study: ReceivedStudy, procedure: OrderedProcedure, candidate: Candidate, patients_with_this_id: frozenset[int]
) -> _Objection | None:
    """Why the study is not linked to a procedure that it names; none when nothing is in the way."""
    id_verdict = candidate.verdict("PatientID")
    if id_verdict is Verdict.CONTRADICTS:
        reason = Reason.OTHER_PATIENT_HAS_ID if patients_with_this_id else Reason.PATIENT_ID_DIFFERS
        return Outcome.CONFLICT, reason
    if candidate.verdict("PatientBirthDate") is Verdict.CONTRADICTS:
        return Outcome.CONFLICT, Reason.BIRTH_DATE_DIFFERS
    if candidate.verdict("PatientSex") is Verdict.CONTRADICTS:
        return Outcome.CONFLICT, Reason.SEX_DIFFERS
    if id_verdict is Verdict.MISSING:
        return Outcome.UNMATCHED, Reason.NO_PATIENT_ID
    if candidate.verdict("PatientName") is Verdict.DIFFERENT:
        return Outcome.UNMATCHED, Reason.NAME_DIFFERS
    if patients_with_this_id - {procedure.patient_key} and not _confirmed(candidate):
        return Outcome.UNMATCHED, Reason.PATIENT_ID_SHARED
    return None


def _confirmed(candidate: Candidate) -> bool:
    """Another patient has the same number from another issuer: the person must be told apart by more than it."""
    return candidate.verdict("PatientName") is Verdict.EQUAL and candidate.verdict("PatientBirthDate") is Verdict.EQUAL


def _gravest(objections: Iterable[_Objection]) -> _Objection:
    return min(objections, key=lambda objection: (objection[0] is not Outcome.CONFLICT, objection[1]))


def _accession_and_uid_disagree(study: ReceivedStudy, named: Sequence[OrderedProcedure]) -> bool:
    """The images carry the accession number of one order and the StudyInstanceUID of another."""
    by_accession = [procedure for procedure in named if _accession_names(study, procedure)]
    by_uid = [procedure for procedure in named if _uid_names(study, procedure)]
    return bool(by_accession) and any(procedure not in by_accession for procedure in by_uid)


def _named_by(study: ReceivedStudy, procedure: OrderedProcedure) -> bool:
    return _uid_names(study, procedure) or _accession_names(study, procedure)


def _uid_names(study: ReceivedStudy, procedure: OrderedProcedure) -> bool:
    return procedure.study_instance_uid == study.study_instance_uid


def _accession_names(study: ReceivedStudy, procedure: OrderedProcedure) -> bool:
    return _same(study.accession_number, [procedure.accession_number, procedure.sent_accession_number]) is Verdict.EQUAL


def _choose(study: ReceivedStudy, fitting: Sequence[OrderedProcedure]) -> OrderedProcedure | Reason:
    """One of the procedures that nothing speaks against: by StudyInstanceUID, else alone of its modality."""
    by_uid = [procedure for procedure in fitting if _uid_names(study, procedure)]
    if by_uid:
        return by_uid[0]
    if len(fitting) == 1:
        return fitting[0]
    of_modality = [procedure for procedure in fitting if procedure.modality in study.modalities]
    return of_modality[0] if len(of_modality) == 1 else Reason.SEVERAL_PROCEDURES


def _same(received: str, ordered: Sequence[str]) -> Verdict:
    wanted = [value for value in ordered if value]
    if not received or not wanted:
        return Verdict.MISSING
    return Verdict.EQUAL if received in wanted else Verdict.DIFFERENT


def _compare_modality(received: Sequence[str], ordered: str) -> Verdict:
    if not received or not ordered:
        return Verdict.MISSING
    return Verdict.EQUAL if ordered in received else Verdict.DIFFERENT


def _identifier(study: ReceivedStudy) -> str:
    if not study.issuer_of_patient_id:
        return study.patient_id
    return f"{study.patient_id} ({study.issuer_of_patient_id})"


def _compare_id(study: ReceivedStudy, procedure: OrderedProcedure) -> Verdict:
    """Issuers count where both sides name one (PS3.3 C.7.1.1: a Patient ID is unique only with its issuer)."""
    if not study.patient_id or not procedure.patient_identifiers:
        return Verdict.MISSING
    for value, issuer in procedure.patient_identifiers:
        one_side_silent = not issuer or not study.issuer_of_patient_id
        if value == study.patient_id and (one_side_silent or issuer == study.issuer_of_patient_id):
            return Verdict.EQUAL
    return Verdict.CONTRADICTS


def _compare_name(received: str, ordered: str) -> Verdict:
    if not received.strip("^= ") or not ordered.strip("^= "):
        return Verdict.MISSING
    if names_equal(received, ordered):
        return Verdict.EQUAL
    return Verdict.DIFFERENT if names_have_nothing_in_common(received, ordered) else Verdict.SIMILAR


def _compare_birth_date(received: str, ordered: str) -> Verdict:
    """A year or a month alone agrees with every date in it; what is no DICOM date says nothing."""
    if not _is_date(received) or not _is_date(ordered):
        return Verdict.MISSING
    if received == ordered:
        return Verdict.EQUAL
    return Verdict.SIMILAR if received.startswith(ordered) or ordered.startswith(received) else Verdict.CONTRADICTS


def _is_date(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in (4, 6, 8)


def _compare_sex(received: str, ordered: str) -> Verdict:
    """``O`` is what devices write when they do not know: it differs from M and F without contradicting."""
    if not received or not ordered:
        return Verdict.MISSING
    if received == ordered:
        return Verdict.EQUAL
    return Verdict.CONTRADICTS if {received, ordered} == {"M", "F"} else Verdict.DIFFERENT
