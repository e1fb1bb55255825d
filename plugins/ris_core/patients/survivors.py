"""Who has the data of a record that was merged."""

from __future__ import annotations

from ris_core.patients.models import Patient


def survivor_of(patient_id: int) -> int:
    """The record at the end of the chain of merges, which is the record itself when it was not merged. There are no
    rings (:func:`ris_core.patients.merging.merge_patients`)."""
    following: int | None = patient_id
    while following is not None:
        patient_id = following
        following = Patient.objects.filter(pk=patient_id).values_list("merged_into_id", flat=True).first()
    return patient_id
