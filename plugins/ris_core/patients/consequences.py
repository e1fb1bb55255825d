"""What follows when it changes who a patient is: devices, stored images and readers learn of it at once (P6).

For the transactions of use cases that change identity; none opens one. Scheduled steps that wait are encoded anew,
linked studies are owed a correction of their tags, people who look at the images are told by a notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ris_core.changes.services import announce
from ris_core.notices.services import MOST_EXAMS, notify
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.orders.records import refresh_worklist_of_patient
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.services import identifiers_of
from ris_core.sharing.following import patients_changed
from ris_core.studies.corrections import owe_corrections_of_patient

SHOWN_FIELDS: Final = ("full_name", "birth_date", "sex")
"""What a reader sees of a patient and would be misled by; a new telephone number concerns nobody's images."""
_NOBODY_LOOKS: Final = (ExamState.ORDERED, ExamState.CANCELLED)


def details_changed(patient: Patient, identifiers: list[PatientIdentifier], fields: Sequence[str]) -> None:
    """Name, birth date, sex or other details of ``patient`` were corrected."""
    refresh_worklist_of_patient(patient, identifiers)
    owe_corrections_of_patient(patient.pk)
    if "birth_date" in fields:
        patients_changed([patient.pk])
    shown = [name for name in SHOWN_FIELDS if name in fields]
    if shown:
        _tell("patient.updated", patient.pk, fields=shown)


def identifiers_changed(patient_id: int, *, shown: bool = False) -> None:
    """A patient has an identifier more or less; ``shown``: readers and devices see another one."""
    _refresh(patient_id)
    if shown:
        _tell("patient.identifier", patient_id)


def records_changed(kind: str, patient_ids: Iterable[int], **params: Any) -> None:
    """Records were merged or separated, or a visit went from one to the other."""
    changed = list(patient_ids)
    for patient_id in changed:
        _refresh(patient_id)
        _tell(kind, patient_id, **params)
    patients_changed(changed)


def _refresh(patient_id: int) -> None:
    refresh_worklist_of_patient(Patient.objects.get(pk=patient_id), identifiers_of(patient_id))
    owe_corrections_of_patient(patient_id)


def _tell(kind: str, patient_id: int, **params: Any) -> None:
    """Stored images are owed a correction; readers are told by a notice, where nobody has looked yet only the lists."""
    owe_corrections_of_patient(patient_id)
    exams = RequestedProcedure.objects.filter(patient_id=patient_id)
    if exams.exclude(exam_state__in=_NOBODY_LOOKS).exists():
        notify(kind, patient_id=patient_id, **params)
    else:
        for procedure_id in exams.order_by("-pk").values_list("pk", flat=True)[:MOST_EXAMS]:
            announce("exam", procedure_id)
