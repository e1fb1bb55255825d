"""Patients: find one, see everything about one, compare two, decide about held updates."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure, Visit
from ris_core.patients.models import Patient
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.patients import held as held_updates
from ris_webapp.screens.patients.differences import contradict, rows, values_of
from ris_webapp.screens.patients.finding import SHOWN, found
from ris_webapp.screens.patients.forms import PatientForm
from ris_webapp.screens.patients.record import patient_or_refuse, record_of, second_patient, shown_identifiers
from ris_webapp.searched import note_search


@requires(Function.VIEW_PATIENTS)
@require_GET
def search(request: UserRequest) -> HttpResponse:
    """Patients whom ``?q=`` fits."""
    query = " ".join(request.GET.get("q", "").split())[:100]
    people = found(query, request.user)
    note_search(request, "patient.searched", query, (each.patient.pk for each in people))
    context = {"query": query, "found": people, "more": len(people) == SHOWN, "held": held_updates.held_count()}
    return render(request, "patients/search.html", context)


@requires(Function.VIEW_PATIENTS)
@require_GET
def patient(request: UserRequest, patient_id: int) -> HttpResponse:
    """One patient; that somebody looks is written down."""
    return patient_page(request, patient_or_refuse(patient_id))


def patient_page(
    request: UserRequest, shown: Patient, form: PatientForm | None = None, status: int = 200
) -> HttpResponse:
    """The page of one patient; with ``form``, its details are being corrected."""
    record(actor_of(request), "patient.viewed", subject=f"patient:{shown.pk}", patient_id=shown.pk)
    context = {"record": record_of(shown), "form": form, "held": held_updates.held_of(request.user, shown.pk)}
    return render(request, "patients/patient.html", context, status=status)


@requires(Function.MERGE_PATIENTS)
@require_GET
def compare(request: UserRequest, patient_id: int) -> HttpResponse:
    """Two records side by side before they are merged: ``?other=`` the second, or a search for it."""
    one = patient_or_refuse(patient_id)
    query = " ".join(request.GET.get("q", "").split())[:100]
    other_id = whole_number(request.GET.get("other", ""))
    other = second_patient(other_id, request.user) if other_id is not None and other_id != one.pk else None
    keep = whole_number(request.GET.get("keep", ""))
    note_search(request, "patient.searched", query)
    compared = rows(values_of(one), values_of(other)) if other else []
    context = {
        "one": one,
        "other": other,
        "survivor": other if other and keep == other.pk else one,
        "query": query,
        "found": found(query, request.user, without=one.pk) if query else [],
        "compared": compared,
        "contradict": contradict(compared),
        "both": [_Side.of(each) for each in (one, other) if each],
    }
    if other:
        for each in (one, other):
            record(actor_of(request), "patient.viewed", subject=f"patient:{each.pk}", patient_id=each.pk)
    return render(request, "patients/compare.html", context)


class _Side:
    """One record of a comparison with how much belongs to it."""

    def __init__(self, patient: Patient) -> None:
        self.patient = patient
        self.identifiers = shown_identifiers(patient)
        self.visits = Visit.objects.filter(patient=patient).count()
        self.requests = ImagingServiceRequest.objects.filter(patient=patient).count()
        exams = RequestedProcedure.objects.filter(patient=patient)
        self.exams = exams.count()
        self.called = f"{patient.full_name} ({next((i.row.value for i in self.identifiers if i.row.is_primary), '')})"
        self.last_exam = exams.order_by("-scheduled_at").values_list("scheduled_at", flat=True).first()

    @classmethod
    def of(cls, patient: Patient) -> _Side:
        return cls(patient)


@requires(Function.MERGE_PATIENTS)
@require_GET
def held(request: UserRequest) -> HttpResponse:
    """Updates that would turn one person into another, each beside who is here."""
    return render(request, "patients/held.html", {"held": held_updates.held_of(request.user)})
