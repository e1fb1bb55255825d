"""Find patients by what people type: words of the name in any order, any identifier, a visit's or telephone number.

Numbers that are sealed in the database (CCCD, BHYT, telephone) are found as a whole, others by part too.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from ris_core.accounts.models import User
from ris_core.exam_search.services import Terms
from ris_core.orders.models import Visit
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.rules import phone_key
from ris_core.sight.seeing import seen_patients

SHOWN = 50
_LOOKED_AT = 500
_SHORTEST_PHONE = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A patient who fits, with every identifier."""

    patient: Patient
    identifiers: list[PatientIdentifier]
    through_merged: bool
    """What was typed fits a record that was merged into this one."""

    @property
    def primary(self) -> str:
        return next((row.value for row in self.identifiers if row.is_primary), "")


def found(query: str, user: User | None, *, without: int | None = None) -> list[Found]:
    """At most :data:`SHOWN` patients, by name. Merged records lead to whom they were merged into.

    :param user: who looks; None: an auditor, who looks for all
    :param without: a patient who is not wanted
    """
    terms = Terms.of(query)
    if not terms.names and not terms.numbers:
        return []
    patients = seen_patients(Patient.objects.all(), user) if user else Patient.objects.all()
    for number in terms.numbers:
        wanted = Q(pk__in=_with_number(number))
        if terms.names and number.isdigit() and len(number) == 4:
            wanted |= Q(birth_date__startswith=number)
        patients = patients.filter(wanted)
    if terms.names:
        patients = _named(patients, terms.names)
    direct: dict[int, Patient] = {}
    through: dict[int, Patient] = {}
    for patient in patients.select_related("merged_into").order_by("search_key", "pk")[:_LOOKED_AT]:
        survivor = patient
        while survivor.merged_into is not None:
            survivor = survivor.merged_into
        (direct if survivor.pk == patient.pk else through)[survivor.pk] = survivor
    everybody = [patient for key, patient in {**through, **direct}.items() if key != without]
    everybody = sorted(everybody, key=lambda patient: (patient.search_key, patient.pk))[:SHOWN]
    identifiers: dict[int, list[PatientIdentifier]] = {patient.pk: [] for patient in everybody}
    for row in PatientIdentifier.objects.filter(patient_id__in=identifiers).order_by("-is_primary", "kind", "pk"):
        identifiers[row.patient_id].append(row)
    return [Found(patient, identifiers[patient.pk], patient.pk not in direct) for patient in everybody]


def _with_number(number: str) -> list[int]:
    for part_of_it in (False, True):
        if part_of_it and len(number) < 4:
            break
        identifiers = PatientIdentifier.objects.filter(_matches("value", number, part_of_it))
        if not part_of_it:  # sealed ones are found as a whole
            identifiers |= PatientIdentifier.objects.filter(value__in={number, number.upper()})
        visits = Visit.objects.filter(_matches("visit_number", number, part_of_it))
        keys = [
            *identifiers.values_list("patient_id", flat=True)[:_LOOKED_AT],
            *visits.values_list("patient_id", flat=True)[:_LOOKED_AT],
        ]
        if not part_of_it and len(phone_key(number)) >= _SHORTEST_PHONE:
            keys += Patient.objects.filter(phone_key=phone_key(number)).values_list("pk", flat=True)[:_LOOKED_AT]
        if keys:
            return keys
    return []


def _named(patients: QuerySet[Patient], words: tuple[str, ...]) -> QuerySet[Patient]:
    """Patients with a word of the name beginning with each of ``words``; reads the index of names from end to end."""
    padded = patients.alias(padded=Concat(Value(" "), "search_key"))
    for word in words:
        padded = padded.filter(padded__contains=f" {word}")
    return padded


def _matches(field: str, number: str, part_of_it: bool) -> Q:
    """Values of ``field`` that begin with ``number``, or have it anywhere; a whole one among them."""
    condition = Q()
    for spelling in {number, number.upper()}:
        if part_of_it:
            condition |= Q(**{f"{field}__contains": spelling})
        elif connection.vendor == "sqlite":  # LIKE uses no index there, and comparison is by bytes
            condition |= Q(**{f"{field}__gte": spelling, f"{field}__lt": spelling + "\U0010ffff"})
        else:
            condition |= Q(**{f"{field}__startswith": spelling})
    return condition
