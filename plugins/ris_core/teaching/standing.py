"""Whether a teaching case may be shown: asked at each look, so that nothing has to remember what became of its exam.

Merging records changes nothing: the record that it was made of leads to the one that has the exam now. It is closed
when the exam went to another patient, the patient is confidential now or has asked that their data be erased or seen by
fewer, images were taken from what it shows (rejected, moved, in conflict), or the notes name the patient as they are
called today.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ris_core.data_requests.objections import has_objected
from ris_core.delivery.shown import has_conflict, shown_studies
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.survivors import records_of, survivor_of
from ris_core.sight.models import ConfidentialPatient
from ris_core.studies.models import Study
from ris_core.studies.operations_under_way import taken_from_since
from ris_core.teaching.errors import CaseClosed, PatientNamed
from ris_core.teaching.models import READY, CaseState, TeachingCase
from ris_core.teaching.rules import Notes
from ris_core.teaching.traces import Known, traces_in

_NOTES = tuple(Notes.__dataclass_fields__)


class Closed(StrEnum):
    """Why a case is shown to nobody but those who may change it."""

    DRAFT = "DRAFT"
    WITHDRAWN = "WITHDRAWN"
    ANOTHER_PATIENT = "ANOTHER_PATIENT"
    CONFIDENTIAL = "CONFIDENTIAL"
    OBJECTED = "OBJECTED"
    """The patient has asked that their data be erased or seen by fewer, and was not refused."""
    IMAGES_TAKEN = "IMAGES_TAKEN"
    NAMED = "NAMED"


def notes_of(case: TeachingCase) -> dict[str, str]:
    """What people have written."""
    return {name: getattr(case, name) for name in _NOTES}


def closed_because(case: TeachingCase) -> Closed | None:
    """None: whoever may see teaching cases sees it."""
    if case.state != CaseState.OPEN:
        return Closed(case.state)
    return held_because(case)


def held_because(case: TeachingCase) -> Closed | None:
    """What keeps a case closed whatever people decide."""
    holder = case.procedure.patient_id
    if survivor_of(case.patient_id) != survivor_of(holder):
        return Closed.ANOTHER_PATIENT
    if is_confidential(holder) or is_confidential(case.patient_id):
        return Closed.CONFIDENTIAL
    if has_objected(case.patient_id):
        return Closed.OBJECTED
    studies = set(case.images.filter(result__in=READY).values_list("study_id", flat=True).order_by().distinct())
    shown = {study.pk for study in shown_studies(case.procedure_id)}
    if not studies <= shown or has_conflict(case.procedure_id) or taken_from_since(studies, case.images_from):
        return Closed.IMAGES_TAKEN
    return Closed.NAMED if traces_in(notes_of(case), known_of(case.patient_id)) else None


def refuse_closed(case: TeachingCase) -> None:
    """:raises CaseClosed: it may not be shown now"""
    why = closed_because(case)
    if why is not None:
        raise CaseClosed("the case is not shown", field=why.value.lower())


def refuse_naming(notes: Notes, patient_id: int) -> None:
    """:raises PatientNamed: they tell who the patient is"""
    found = traces_in({name: getattr(notes, name) for name in _NOTES}, known_of(patient_id))
    if found:
        raise PatientNamed(found)


def is_confidential(patient_id: int) -> bool:
    return ConfidentialPatient.objects.filter(patient_id=patient_id).exists()


def known_of(patient_id: int) -> Known:
    """By what the patient is known here, and was in records that were merged and to devices."""
    people = list(Patient.objects.filter(pk__in=records_of(survivor_of(patient_id))))
    keys = [person.pk for person in people]
    studies = list(
        Study.objects.filter(patient__in=keys).values_list(
            "received_patient_name", "received_patient_id", "received_accession_number", "study_instance_uid"
        )
    )
    requests = ImagingServiceRequest.objects.filter(patient__in=keys)
    exams = RequestedProcedure.objects.filter(patient__in=keys)
    numbers = [
        *PatientIdentifier.objects.filter(patient__in=keys).values_list("value", flat=True),
        *(person.phone for person in people),
        *(number for row in requests.values_list("accession_number", "sent_accession_number") for number in row),
        *(number for row in exams.values_list("placer_order_number", "filler_order_number") for number in row),
        *(number for row in studies for number in row[1:]),
    ]
    return Known(
        names=_each(name for each in (*(p.full_name for p in people), *(row[0] for row in studies))
                    for name in each.split("=")),
        numbers=_each(numbers),
        birth_dates=_each(person.birth_date for person in people),
        addresses=_each(person.address for person in people),
    )  # fmt: skip


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts if text and text.strip()))
