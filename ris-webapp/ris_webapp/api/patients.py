"""Patients: add, correct, find."""

from __future__ import annotations

from typing import Annotated

from django.db.models import Q
from ninja import Query, Router, Schema
from pydantic import Field

from ris_core.access.scopes import Scope
from ris_core.errors import NotFound
from ris_core.names import folded
from ris_core.patients.consequences import details_changed
from ris_core.patients.models import Patient
from ris_core.patients.services import record_patient
from ris_webapp.api.answers import PatientOut, PatientsOut
from ris_webapp.api.caller import ApiRequest, Scoped
from ris_webapp.api.orders import REFUSED
from ris_webapp.api.paging import LARGEST_KEY, page
from ris_webapp.api.shapes import Moment, PatientIn

router = Router(tags=["Patients"])

WRITE, READ = Scoped(Scope.PATIENTS_WRITE), Scoped(Scope.PATIENTS_READ)


class PatientQuery(Schema):
    """Which patients."""

    identifier: Annotated[str, Field(max_length=64)] = ""
    issuer: Annotated[str, Field(max_length=64)] = ""
    name: Annotated[str, Field(max_length=64, description="With or without diacritics")] = ""
    birth_date: Annotated[str, Field(pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$")] = ""
    updated_since: Moment | None = None
    after: Annotated[int, Field(ge=0, le=LARGEST_KEY)] = 0
    limit: Annotated[int, Field(ge=1)] = 50

    def condition(self) -> Q:
        found = Q()
        if self.identifier:
            found &= Q(identifiers__value=self.identifier)
        if self.issuer:
            found &= Q(identifiers__issuer=self.issuer)
        words = folded(self.name).split()
        if self.name and not words:
            return Q(pk__in=())  # a name without a letter is nobody's, not everybody's
        for word in words:
            found &= Q(search_key__contains=word)
        if self.birth_date:
            found &= Q(birth_date__startswith=self.birth_date.replace("-", ""))
        if self.updated_since:
            found &= Q(updated_at__gte=self.updated_since)
        return found


@router.put("", auth=WRITE, response={200: PatientOut, **REFUSED}, summary="Add or correct a patient")
def record(request: ApiRequest, patient: PatientIn) -> PatientOut:
    """The patient whose identifiers these are, with what is said of them now; new when nobody has the identifiers.

    A patient whose identifiers lead to two people here, or to somebody of another name and birth date, is refused.
    """
    caller = request.caller
    recorded, identifiers, corrected = record_patient(patient.details(caller.facility), caller.actor)
    if corrected:
        details_changed(recorded, identifiers, corrected)
    return PatientOut.of(Patient.objects.get(pk=recorded.pk))


@router.get("", auth=READ, response={200: PatientsOut, **REFUSED}, summary="Find patients")
def find(request: ApiRequest, query: Annotated[PatientQuery, Query(...)]) -> PatientsOut:
    """Merged patients are among them; ``merged_into`` names who they are now."""
    rows = request.caller.visible_patients().filter(query.condition()).distinct().prefetch_related("identifiers")
    items, following = page(request, rows, query.after, query.limit, PatientOut.of)
    return PatientsOut(items=items, next=following)


@router.get("/{int:patient_id}", auth=READ, response={200: PatientOut, **REFUSED}, summary="One patient")
def get(request: ApiRequest, patient_id: int) -> PatientOut:
    """The patient with all identifiers."""
    patient = request.caller.visible_patients().filter(pk=min(patient_id, LARGEST_KEY)).first()
    if patient is None:
        raise NotFound("there is no such patient", field="patient_id")
    request.caller.patient_id = patient.pk
    return PatientOut.of(patient)
