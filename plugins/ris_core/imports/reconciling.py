"""Who the images' patient may be here: candidates, the likeliest first. Offered, never chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ris_core.imports.models import ImportPatient
from ris_core.imports.rules import Comparison, Person, compared
from ris_core.matching.patient_ids import stored_forms
from ris_core.names import folded
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.services import identifiers_of

_LOOKED_AT: Final = 100
_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A patient here beside the one that the images name."""

    patient: Patient
    numbers: tuple[str, ...]
    comparison: Comparison


def person_in(found: ImportPatient) -> Person:
    """As the images say."""
    return Person(found.name, found.birth_date, found.sex, ((found.number, found.issuer),) if found.number else ())


def person_here(patient: Patient) -> Person:
    """As the hospital knows them."""
    numbers = tuple((one.value, one.issuer) for one in identifiers_of(patient.pk))
    return Person(patient.dicom_name, patient.birth_date, patient.sex, numbers)


def candidates_for(found: ImportPatient, further: str = "") -> list[Candidate]:
    """Patients with the number, the name or the birth date with a part of the name, best first.

    :param further: a number that a person has typed: its owner comes first
    """
    keys: dict[int, None] = {}
    for number in filter(None, (further.strip(), found.number)):
        forms = [number, *sorted(stored_forms(number))][:_LOOKED_AT]
        keys |= dict.fromkeys(
            PatientIdentifier.objects.filter(value__in=forms).values_list("patient_id", flat=True)[:_LOOKED_AT]
        )
    name = folded(found.name.split("=")[0].replace("^", " "))
    alive = Patient.objects.filter(merged_into__isnull=True)
    if name:
        keys |= dict.fromkeys(alive.filter(search_key=name).values_list("pk", flat=True)[:_LOOKED_AT])
    if len(found.birth_date) == 8:
        keys |= dict.fromkeys(alive.filter(birth_date=found.birth_date).values_list("pk", flat=True)[:_LOOKED_AT])
    typed = set(keys) if further else set[int]()
    candidates = [
        _candidate(found, patient) for patient in Patient.objects.filter(pk__in=keys, merged_into__isnull=True)
    ]
    likely = [each for each in candidates if each.comparison.score > 0 or (further.strip() in each.numbers and typed)]
    likely.sort(key=lambda each: (further.strip() not in each.numbers, -each.comparison.score, each.patient.pk))
    return likely[:_SHOWN]


def _candidate(found: ImportPatient, patient: Patient) -> Candidate:
    here = person_here(patient)
    return Candidate(patient, tuple(value for value, _ in here.numbers), compared(person_in(found), here))
