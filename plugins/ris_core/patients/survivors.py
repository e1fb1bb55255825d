"""Who has the data of a record that was merged, and whose data a record has."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient, PatientMerge
from ris_core.patients.rules import birth_dates_agree


def survivor_of(patient_id: int) -> int:
    """The record at the end of the chain of merges, which is the record itself when it was not merged. There are no
    rings (:func:`ris_core.patients.merging.merge_patients`)."""
    following: int | None = patient_id
    while following is not None:
        patient_id = following
        following = Patient.objects.filter(pk=patient_id).values_list("merged_into_id", flat=True).first()
    return patient_id


def records_of(patient_id: int) -> list[int]:
    """The record and every one that was merged into it."""
    found = newest = {patient_id}
    while newest:
        newest = set(Patient.objects.filter(merged_into__in=newest).values_list("pk", flat=True)) - found
        found = found | newest
    return sorted(found)


def merges_into(patient_id: int) -> list[PatientMerge]:
    """The merges that hold of which ``patient_id`` has the data, chains included, oldest first."""
    found: list[PatientMerge] = []
    survivors = [patient_id]
    while survivors:
        merges = PatientMerge.objects.filter(survivor_id__in=survivors, undone_at__isnull=True).select_related("merged")
        newest = list(merges)
        found += newest
        survivors = [merge.merged_id for merge in newest]
    return sorted(found, key=lambda merge: merge.pk)


def doubtful_exams(patient: Patient) -> dict[int, datetime]:
    """Exams that a merge has brought to ``patient`` from a record with another birth date, or that hang on visits and
    orders which it has brought, and when: whose they are is not sure enough to show them to people outside."""
    born = patient.birth_date
    found: dict[int, datetime] = {}
    for merge in merges_into(patient.pk):
        if not birth_dates_agree(merge.merged.birth_date, born):
            moved = Q(pk__in=merge.moved.get("procedures", ()))
            moved |= Q(request__in=merge.moved.get("requests", ()))
            moved |= Q(request__visit__in=merge.moved.get("visits", ()))
            exams = RequestedProcedure.objects.filter(moved, patient=patient)
            found.update(dict.fromkeys(exams.values_list("pk", flat=True), merge.merged_at))
    return found
