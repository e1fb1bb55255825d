"""Which order an arrived study belongs to, decided on plain data and explained as data.

In this order: by accession number or the StudyInstanceUID that was sent on the worklist, by the exam key, by score;
always with a consistent patient. Identity is never contradicted (domain invariant 2): what contradicts goes to
``CONFLICT``, what cannot be decided to ``UNMATCHED``, both with the evidence a person needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ris_core.matching.comparing import compare
from ris_core.matching.evidence import Candidate, Nuance, OrderedProcedure, ReceivedStudy, Verdict
from ris_core.matching.fields import accession_named, uid_named
from ris_core.matching.identity import another_has_id
from ris_core.matching.policy import DEFAULT_POLICY, Policy
from ris_core.matching.reasons import Outcome, Reason
from ris_core.matching.scoring import certain_candidate, ranked, whole_birth_date_agrees


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Outcome
    reason: Reason
    procedure_id: int | None = None
    """The procedure to link, when the outcome is ``LINK``."""
    candidates: tuple[Candidate, ...] = ()
    """The linked procedure's evidence, or that of all that were considered, the likeliest first."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that a decision is made from."""

    study: ReceivedStudy
    procedures: dict[int, OrderedProcedure]
    evidence: dict[int, Candidate]
    patients_with_this_id: frozenset[int]
    policy: Policy

    def of(self, procedures: Iterable[OrderedProcedure]) -> tuple[Candidate, ...]:
        return tuple(ranked([self.evidence[procedure.procedure_id] for procedure in procedures]))

    def unmatched(self, reason: Reason, procedures: Iterable[OrderedProcedure]) -> Decision:
        """For a person; after ``procedures`` everything else that is likely enough to be shown."""
        first = self.of(procedures)
        shown = {candidate.procedure_id for candidate in first}
        return Decision(
            Outcome.UNMATCHED, reason, candidates=(*first, *(c for c in self.likely() if c.procedure_id not in shown))
        )

    def likely(self) -> tuple[Candidate, ...]:
        """What is worth showing to a person."""
        open_ones = self.of(p for p in self.procedures.values() if not (p.rejected or p.cancelled))
        return tuple(candidate for candidate in open_ones if candidate.score >= self.policy.lower)


def decide(
    study: ReceivedStudy,
    procedures: Iterable[OrderedProcedure],
    patients_with_this_id: frozenset[int],
    policy: Policy = DEFAULT_POLICY,
) -> Decision:
    """Where ``study`` belongs.

    :param procedures: those with its accession number (ours or as the HIS sent it), with its StudyInstanceUID, with
        its key, and those that it might be of by anything else
    :param patients_with_this_id: keys of all patients one of whose identifiers is the received PatientID (with its
        issuer, if one was received)
    """
    by_id = {procedure.procedure_id: procedure for procedure in sorted(procedures, key=lambda p: p.procedure_id)}
    evidence = {procedure.procedure_id: compare(study, procedure, policy) for procedure in by_id.values()}
    known = _Known(study, by_id, evidence, patients_with_this_id, policy)
    named = [p for p in by_id.values() if accession_named(study, p) or uid_named(study, p)]
    keyed = [p for p in by_id.values() if p.procedure_id in study.keyed]
    if named:
        return _by_number(known, named, keyed)
    if keyed:
        return _by_key(known, keyed)
    return _by_score(known)


def _by_number(known: _Known, named: Sequence[OrderedProcedure], keyed: Sequence[OrderedProcedure]) -> Decision:
    study = known.study
    if _accession_and_uid_disagree(study, named):
        return known.unmatched(Reason.ACCESSION_AND_STUDY_UID_DISAGREE, named)
    if keyed and not any(procedure in named for procedure in keyed):
        return known.unmatched(Reason.KEY_AND_ACCESSION_DISAGREE, [*named, *keyed])
    active = [procedure for procedure in named if not procedure.cancelled]
    if not active:
        return known.unmatched(Reason.ORDER_CANCELLED, named)
    fitting = _without_objection(known, active)
    if isinstance(fitting, Decision):
        return fitting
    chosen = _choose(study, [p for p in fitting if p in keyed] or fitting)
    if isinstance(chosen, Reason):
        return known.unmatched(chosen, named)
    by_accession = known.evidence[chosen.procedure_id].verdict("AccessionNumber") is Verdict.EQUAL
    return _link(known, chosen, Reason.ACCESSION_AND_PATIENT if by_accession else Reason.STUDY_UID_AND_PATIENT)


def _by_key(known: _Known, keyed: Sequence[OrderedProcedure]) -> Decision:
    """The key is exact (a typing error does not pass its checks); still the patient must be the order's, and something
    besides the key must speak for it: a slip may lie beside the wrong patient."""
    active = [procedure for procedure in keyed if not procedure.cancelled]
    if not active:
        return known.unmatched(Reason.ORDER_CANCELLED, keyed)
    if len(active) > 1:
        return known.unmatched(Reason.SEVERAL_KEYS, active)
    if known.evidence[active[0].procedure_id].verdict("AccessionNumber") is Verdict.DIFFERENT:
        return known.unmatched(Reason.KEY_AND_ACCESSION_DISAGREE, active)
    fitting = _without_objection(known, active, by_key=True)
    if isinstance(fitting, Decision):
        return fitting
    if not _key_is_supported(known.study, known.evidence[active[0].procedure_id]):
        return known.unmatched(Reason.KEY_WITHOUT_SUPPORT, active)
    return _link(known, active[0], Reason.KEY_AND_PATIENT)


def _by_score(known: _Known) -> Decision:
    open_ones = [p for p in known.procedures.values() if not (p.rejected or p.cancelled)]
    candidates = known.of(open_ones)
    untouched = len(open_ones) == sum(not p.cancelled for p in known.procedures.values())
    certain = certain_candidate(known.study, candidates, known.procedures, known.patients_with_this_id, known.policy)
    if certain is not None and untouched:
        return _link(known, known.procedures[certain.procedure_id], Reason.SCORE_AND_PATIENT)
    likely = known.likely()
    if known.study.accession_number and not any(c.verdict("AccessionNumber") is Verdict.MISSING for c in likely[:1]):
        return Decision(Outcome.UNMATCHED, Reason.UNKNOWN_ACCESSION, candidates=likely)
    if not likely or likely[0].score < known.policy.upper // 2:
        return Decision(Outcome.UNMATCHED, Reason.NO_ACCESSION, candidates=likely)
    tie = len(likely) > 1 and likely[0].score - likely[1].score < known.policy.margin
    return Decision(Outcome.UNMATCHED, Reason.SEVERAL_CANDIDATES if tie else Reason.LIKELY_CANDIDATE, candidates=likely)


def _link(known: _Known, procedure: OrderedProcedure, reason: Reason) -> Decision:
    if procedure.rejected:
        return known.unmatched(Reason.CANDIDATE_REJECTED, [procedure])
    return Decision(Outcome.LINK, reason, procedure.procedure_id, (known.evidence[procedure.procedure_id],))


_Objection = tuple[Outcome, Reason]


def _without_objection(
    known: _Known, procedures: Sequence[OrderedProcedure], *, by_key: bool = False
) -> list[OrderedProcedure] | Decision:
    """Those that nothing speaks against; the gravest of what does, when there are none."""
    judged = [(p, _objection(known, p, by_key=by_key)) for p in procedures]
    fitting = [procedure for procedure, objection in judged if objection is None]
    if fitting:
        return fitting
    outcome, reason = min(
        (objection for _, objection in judged if objection is not None),
        key=lambda objection: (objection[0] is not Outcome.CONFLICT, objection[1]),
    )
    if outcome is Outcome.UNMATCHED:
        return known.unmatched(reason, procedures)
    return Decision(outcome, reason, candidates=known.of(procedures))


def _objection(known: _Known, procedure: OrderedProcedure, *, by_key: bool) -> _Objection | None:
    """Why the study is not linked to a procedure that it names; none when nothing is in the way."""
    candidate = known.evidence[procedure.procedure_id]
    number = candidate.verdict("PatientID")
    if another_has_id(number, procedure, known.patients_with_this_id):
        return Outcome.CONFLICT, Reason.OTHER_PATIENT_HAS_ID
    if number is Verdict.CONTRADICTS and not (by_key and _name_or_date_agrees(candidate)):
        # a device without a worklist makes up a number of its own; one with a worklist has it from us
        return (Outcome.UNMATCHED if by_key else Outcome.CONFLICT), Reason.PATIENT_ID_DIFFERS
    date = candidate.comparison("PatientBirthDate")
    if date.verdict is Verdict.CONTRADICTS:
        return Outcome.CONFLICT, Reason.BIRTH_DATE_DIFFERS
    if candidate.verdict("PatientSex") is Verdict.CONTRADICTS:
        return Outcome.CONFLICT, Reason.SEX_DIFFERS
    if date.nuance is Nuance.SWAPPED:
        return Outcome.CONFLICT, Reason.BIRTH_DATE_SWAPPED
    if number is Verdict.MISSING and not by_key:
        return Outcome.UNMATCHED, Reason.NO_PATIENT_ID
    if candidate.verdict("PatientName") is Verdict.DIFFERENT:
        return Outcome.UNMATCHED, Reason.NAME_DIFFERS
    if known.patients_with_this_id - {procedure.patient_key} and not _confirmed(candidate):
        return Outcome.UNMATCHED, Reason.PATIENT_ID_SHARED
    return None


def _confirmed(candidate: Candidate) -> bool:
    """Another patient has the same number from another issuer: the person must be told apart by more than it."""
    return candidate.verdict("PatientName") is Verdict.EQUAL and whole_birth_date_agrees(candidate)


def _name_or_date_agrees(candidate: Candidate) -> bool:
    name = candidate.comparison("PatientName")
    name_agrees = name.verdict is Verdict.EQUAL or name.nuance is Nuance.TYPING_ERROR
    return name_agrees or (name.verdict is not Verdict.DIFFERENT and whole_birth_date_agrees(candidate))


def _key_is_supported(study: ReceivedStudy, candidate: Candidate) -> bool:
    """Somebody the patient agrees with, or at least the kind of exam on its day; this is too little for a number
    without check characters, for the order before or after is of the same kind and day."""
    of_patient = candidate.verdict("PatientID") in (Verdict.EQUAL, Verdict.SIMILAR)
    of_exam = candidate.verdict("Modality") in (Verdict.EQUAL, Verdict.SIMILAR) and candidate.verdict("Time") in (
        Verdict.EQUAL,
        Verdict.SIMILAR,
    )
    checked = candidate.procedure_id not in study.keyed_unchecked
    return of_patient or _name_or_date_agrees(candidate) or (checked and of_exam)


def _accession_and_uid_disagree(study: ReceivedStudy, named: Sequence[OrderedProcedure]) -> bool:
    """The images carry the accession number of one order and the StudyInstanceUID of another."""
    by_accession = [procedure for procedure in named if accession_named(study, procedure)]
    by_uid = [procedure for procedure in named if uid_named(study, procedure)]
    return bool(by_accession) and any(procedure not in by_accession for procedure in by_uid)


def _choose(study: ReceivedStudy, fitting: Sequence[OrderedProcedure]) -> OrderedProcedure | Reason:
    """One of the procedures that nothing speaks against: by StudyInstanceUID, else alone of its modality."""
    by_uid = [procedure for procedure in fitting if uid_named(study, procedure)]
    if by_uid:
        return by_uid[0]
    if len(fitting) == 1:
        return fitting[0]
    of_modality = [procedure for procedure in fitting if procedure.modality in study.modalities]
    return of_modality[0] if len(of_modality) == 1 else Reason.SEVERAL_PROCEDURES
