"""Images follow their order: who changes what an order or its patient is called owes the linked studies a correction.

The functions only write a job in the caller's transaction; the worker then brings the stored files in line with the
order. Owing a correction that is not needed costs a comparison and changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db.models import Q

from ris_core.jobs.services import enqueue, is_under_way
from ris_core.patients.models import Patient
from ris_core.studies.models import StudyLink

CHANNEL: Final = "stored-images"
"""One study at a time is rewritten, so that the engine is there for devices and viewers."""


def owe_correction(study_id: int) -> None:
    """Have the stored images of a study compared with its order, and corrected if they differ."""
    enqueue("correct_study", study_id, channel=CHANNEL)


def is_being_corrected(study_id: int) -> bool:
    """Whether its stored images may still say something else than its order; not of a correction that was given up."""
    return is_under_way("correct_study", study_id)


def owe_corrections_of_patient(patient_id: int) -> None:
    """Of every study linked to a procedure of the patient, or of a patient merged into them."""
    _owe(Q(procedure__patient_id__in=_merged_into(patient_id)))


def owe_corrections_of_procedure(procedure_id: int) -> None:
    """Of every study linked to the procedure."""
    _owe(Q(procedure_id=procedure_id))


def _owe(which: Q) -> None:
    links = StudyLink.objects.filter(which, undone_at__isnull=True)
    for study_id in links.order_by("study_id").values_list("study_id", flat=True).distinct():
        owe_correction(study_id)


def _merged_into(patient_id: int) -> Collection[int]:
    """The patient and all who were merged into them, however indirectly."""
    found = newest = {patient_id}
    while newest:
        newest = set(Patient.objects.filter(merged_into_id__in=newest).values_list("pk", flat=True)) - found
        found = found | newest
    return found
