"""A received study beside an ordered procedure: every field that counts, with its points by the policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ris_core.matching import fields
from ris_core.matching.evidence import Candidate, Comparison, OrderedProcedure, ReceivedStudy, Unscored, Verdict
from ris_core.matching.names import compare_names
from ris_core.matching.policy import DEFAULT_POLICY, Policy


def compare(study: ReceivedStudy, procedure: OrderedProcedure, policy: Policy = DEFAULT_POLICY) -> Candidate:
    """Every field that counts, side by side. What only ranks (key, state, prior) is there when it says something."""
    same_uid = Verdict.EQUAL if fields.uid_named(study, procedure) else Verdict.DIFFERENT
    rows: list[tuple[str, str, str, Unscored]] = [
        (
            "AccessionNumber",
            study.accession_number,
            _joined(procedure.accession_numbers),
            fields.compare_accession(study, procedure),
        ),
        ("StudyInstanceUID", study.study_instance_uid, procedure.study_instance_uid, Unscored(same_uid)),
        (
            "PatientID",
            _identifier(study),
            _joined(value for value, _ in procedure.patient_identifiers),
            fields.compare_id(study, procedure),
        ),
        (
            "PatientName",
            study.patient_name,
            procedure.patient_name,
            compare_names(study.patient_name, procedure.patient_name, study.device),
        ),
        (
            "PatientBirthDate",
            study.birth_date,
            procedure.birth_date,
            fields.compare_birth_dates(study.birth_date, procedure.birth_date),
        ),
        ("PatientSex", study.sex, procedure.sex, fields.compare_sexes(study.sex, procedure.sex)),
        (
            "Modality",
            " ".join(study.modalities),
            procedure.modality,
            fields.compare_modalities(study.modalities, procedure.modality),
        ),
        (
            "Device",
            _joined((study.sender, study.room)),
            _joined((*procedure.stations, *procedure.rooms)),
            fields.compare_devices(study, procedure),
        ),
        (
            "BodyPart",
            study.body_part or study.description,
            procedure.service_name,
            fields.compare_body_parts(study, procedure),
        ),
        (
            "Time",
            study.received_at.isoformat(timespec="minutes") if study.received_at else "",
            procedure.scheduled_at.isoformat(timespec="minutes") if procedure.scheduled_at else "",
            fields.compare_times(study, procedure.scheduled_at, policy),
        ),
    ]
    key = fields.compare_key(study, procedure)
    if key.verdict is not Verdict.MISSING:
        rows.insert(0, ("ExamKey", study.key_text, procedure.exam_key, key))
    state = fields.compare_states(procedure)
    if state.verdict is Verdict.DIFFERENT:
        rows.append(("State", "", "", state))
    return Candidate(procedure.procedure_id, tuple(_scored(*row, policy) for row in rows), procedure.prior)


def _scored(field: str, received: str, ordered: str, found: Unscored, policy: Policy) -> Comparison:
    points = policy.points(f"{field}.{found.nuance or found.verdict}")
    return Comparison(field, received, ordered, found.verdict, found.nuance, points)


def _joined(values: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(filter(None, values)))


def _identifier(study: ReceivedStudy) -> str:
    if not study.issuer_of_patient_id:
        return study.patient_id
    return f"{study.patient_id} ({study.issuer_of_patient_id})"
