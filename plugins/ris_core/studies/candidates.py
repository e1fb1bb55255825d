"""From rows and received headers to the plain data that :mod:`ris_core.matching.rules` decides on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from ris_core.matching.rules import OrderedProcedure, ReceivedStudy
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.studies.received import Header

_SUGGESTIONS = 5
"""Procedures shown to a person because the patient is the same."""
_AWAITING_IMAGES = (ExamState.ORDERED, ExamState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Considered:
    """What :func:`ris_core.matching.rules.decide` needs to know of the orders."""

    procedures: tuple[OrderedProcedure, ...]
    patients_with_this_id: frozenset[int]


def received_study(header: Header, modalities: Iterable[str] = ()) -> ReceivedStudy:
    """The attributes of ``header`` that identify a study and its patient."""
    return ReceivedStudy(
        study_instance_uid=header.text("0020000D"),
        accession_number=header.text("00080050"),
        patient_id=header.text("00100020"),
        issuer_of_patient_id=header.text("00100021"),
        patient_name=header.text("00100010"),
        birth_date=header.text("00100030"),
        sex=header.text("00100040"),
        modalities=tuple(modalities),
    )


def consider(study: ReceivedStudy) -> Considered:
    """The procedures that ``study`` names, some others of its patient, and who has its PatientID."""
    patients = _patients_with_id(study.patient_id, study.issuer_of_patient_id)
    named = Q(study_instance_uid=study.study_instance_uid)
    if study.accession_number:
        named |= Q(request__accession_number=study.accession_number)
        named |= Q(request__sent_accession_number=study.accession_number)
    rows = {row.pk: row for row in _rows().filter(named)}
    if patients:
        of_patient = _rows().filter(patient_id__in=_merged_with(patients), exam_state__in=_AWAITING_IMAGES)
        for row in of_patient.order_by("-scheduled_at")[:_SUGGESTIONS]:
            rows.setdefault(row.pk, row)
    return Considered(tuple(ordered_procedure(row) for row in rows.values()), patients)


def ordered_procedure(row: RequestedProcedure) -> OrderedProcedure:
    """``row`` with its patient's identifiers, those of merged patients included."""
    survivor = _survivor(row.patient)
    identifiers = PatientIdentifier.objects.filter(patient_id__in=_merged_with({survivor.pk}))
    return OrderedProcedure(
        procedure_id=row.pk,
        patient_key=survivor.pk,
        accession_number=row.request.accession_number,
        sent_accession_number=row.request.sent_accession_number,
        study_instance_uid=row.study_instance_uid,
        modality=row.modality,
        patient_identifiers=tuple(identifiers.order_by("pk").values_list("value", "issuer")),
        patient_name=survivor.dicom_name,
        birth_date=survivor.birth_date,
        sex=survivor.sex,
        cancelled=row.exam_state == ExamState.CANCELLED,
    )


def patients_with_id(study: ReceivedStudy) -> frozenset[int]:
    """Keys of the patients who have the received PatientID."""
    return _patients_with_id(study.patient_id, study.issuer_of_patient_id)


def _rows() -> QuerySet[RequestedProcedure]:
    return RequestedProcedure.objects.select_related("request", "patient")


def _patients_with_id(value: str, issuer: str) -> frozenset[int]:
    if not value or len(value) > 64:
        return frozenset()
    identifiers = PatientIdentifier.objects.filter(value=value).select_related("patient")
    if issuer:
        identifiers = identifiers.filter(issuer__in=("", issuer))
    return frozenset(_survivor(identifier.patient).pk for identifier in identifiers)


def _survivor(patient: Patient) -> Patient:
    """Whom the patient was merged into, at the end of the chain (domain invariant 8: it has no cycles)."""
    while patient.merged_into is not None:
        patient = patient.merged_into
    return patient


def _merged_with(survivors: Collection[int]) -> set[int]:
    """``survivors`` and all patients merged into them, however indirectly."""
    found, newest = set(survivors), set(survivors)
    while newest:
        newest = set(Patient.objects.filter(merged_into_id__in=newest).values_list("pk", flat=True)) - found
        found |= newest
    return found
