"""Find exams by what people type: names in any order with or without diacritics, any number of patient or order."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from ris_core.names import folded
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure
from ris_core.patients.models import Patient, PatientIdentifier

FEW = 1000
"""So many patients or orders are looked up by their ids; more are found by walking the ordered list."""
_LONG_ENOUGH_FOR_PARTS = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """A query taken apart: words of a name, and numbers."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, query: str) -> Terms:
        parts = query.split()
        return cls(
            names=tuple(folded(part) for part in parts if not any(c.isdigit() for c in part) and folded(part)),
            numbers=tuple(part for part in parts if any(c.isdigit() for c in part)),
        )


def narrowed(exams: QuerySet[RequestedProcedure], query: str) -> QuerySet[RequestedProcedure]:
    """Those of ``exams`` that fit every part of ``query``.

    A number is an identifier of the patient or of the order, whole or from its beginning (any part of it when nothing
    begins so), or the year of birth beside a name.
    """
    terms = Terms.of(query)
    for number in terms.numbers:
        found = _by_number(number)
        if terms.names and len(number) == 4 and number.isdigit():
            found |= Q(patient__birth_date__startswith=number)
        exams = exams.filter(found)
    if terms.names:
        exams = exams.filter(_by_name(terms.names))
    return exams


def _by_name(words: tuple[str, ...]) -> Q:
    patients = named(Patient.objects.all(), words).values_list("pk", flat=True)
    found = list(patients[: FEW + 1])
    if len(found) <= FEW:
        return Q(patient_id__in=found)
    condition = Q()
    for word in words:
        condition &= Q(patient__search_key__startswith=word) | Q(patient__search_key__contains=f" {word}")
    return condition


def named(patients: QuerySet[Patient], words: tuple[str, ...]) -> QuerySet[Patient]:
    """Patients with a word of the name beginning with each of ``words``; reads the index of names from end to end."""
    padded = patients.alias(padded=Concat(Value(" "), "search_key"))
    for word in words:
        padded = padded.filter(padded__contains=f" {word}")
    return padded


def _by_number(number: str) -> Q:
    for part_of_it in (False, True):
        if part_of_it and len(number) < _LONG_ENOUGH_FOR_PARTS:
            break
        patients = PatientIdentifier.objects.filter(matches("value", number, part_of_it))
        requests = ImagingServiceRequest.objects.filter(
            matches("accession_number", number, part_of_it) | matches("sent_accession_number", number, part_of_it)
        )
        procedures = RequestedProcedure.objects.filter(
            matches("placer_order_number", number, part_of_it) | matches("filler_order_number", number, part_of_it)
        )
        patient_ids = list(patients.values_list("patient_id", flat=True)[:FEW])
        request_ids = list(requests.values_list("pk", flat=True)[:FEW])
        procedure_ids = list(procedures.values_list("pk", flat=True)[:FEW])
        if patient_ids or request_ids or procedure_ids:
            return Q(patient_id__in=patient_ids) | Q(request_id__in=request_ids) | Q(pk__in=procedure_ids)
    return Q(pk__in=())


def matches(field: str, number: str, part_of_it: bool) -> Q:
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
