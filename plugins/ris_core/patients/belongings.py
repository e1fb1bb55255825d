"""What belongs to a patient and goes with them when records are merged, separated, or a visit is moved.

Keys of rows by kind, as kept in ``PatientMerge.moved``. A test holds :data:`KINDS` and :data:`STAYING` against every
table that names a patient, so that a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model, Q, QuerySet

from ris_core.errors import IdentityConflict
from ris_core.notices.models import Notice
from ris_core.orders.models import ImagingServiceRequest, OrderLink, RequestedProcedure, Visit
from ris_core.patients.models import Patient, PatientIdentifier, PatientMerge
from ris_core.studies.models import Study, StudyLink

Keys = dict[str, list[int]]

KINDS: dict[str, type[Model]] = {
    "identifiers": PatientIdentifier,
    "visits": Visit,
    "requests": ImagingServiceRequest,
    "procedures": RequestedProcedure,
    "studies": Study,
    "notices": Notice,
}
"""In the order in which they are moved: procedures before studies, as linking locks them."""

STAYING = (
    "audit.AuditEvent",
    "data_requests.DataRequest",
    "delivery.LookedExam",
    "imports.ImportPatient",
    "messages.InboundMessage",
    "patients.Patient",
    "patients.PatientMerge",
    "patients.PatientLink",
    "portal.PortalSlip",
    "portal.PortalVisit",
    "sharing.SharedExam",
    "sight.ConfidentialPatient",
    "sight.SightGrant",
    "teaching.TeachingCase",
)
"""Tables that name a patient and tell what was done to that record, or who may see it: they stay with it."""


def keys_of(patient_id: int) -> Keys:
    """Everything that belongs to a patient."""
    return {name: list(_rows(kind, patient_id).values_list("pk", flat=True)) for name, kind in KINDS.items()}


def with_what_hangs_on(keys: Mapping[str, Iterable[int]]) -> Keys:
    """``keys`` with everything that has come to them since: requests of the visits, their exams, the exams' studies.

    :raises IdentityConflict: images are linked to one of these exams and to one that is not among them, or an order
        made here is linked to the HIS's order of an exam that is not
    """
    found = {name: set(keys.get(name, ())) for name in KINDS}
    found["requests"] |= set(
        ImagingServiceRequest.objects.filter(visit_id__in=found["visits"]).values_list("pk", flat=True)
    )
    found["procedures"] |= set(
        RequestedProcedure.objects.filter(request_id__in=found["requests"]).values_list("pk", flat=True)
    )
    links = StudyLink.objects.filter(undone_at__isnull=True)
    linked = set(links.filter(procedure_id__in=found["procedures"]).values_list("study_id", flat=True))
    if links.filter(study_id__in=linked).exclude(procedure_id__in=found["procedures"]).exists():
        raise IdentityConflict(
            "images are linked to exams of both; take back one of the links first", field="StudyInstanceUID"
        )
    inside = found["procedures"]
    joined = OrderLink.objects.filter(undone_at__isnull=True).filter(
        Q(procedure_id__in=inside) | Q(absorbed_id__in=inside)
    )
    if any((one in inside) != (other in inside) for one, other in joined.values_list("procedure_id", "absorbed_id")):
        raise IdentityConflict(
            "orders of both are linked with each other; take back one of the links first", field="placer_order_number"
        )
    found["studies"] |= linked
    return {name: sorted(values) for name, values in found.items()}


def move(keys: Mapping[str, Iterable[int]], giver_id: int, receiver_id: int) -> Keys:
    """Those of ``keys`` that are the giver's become the receiver's; the keys of those that did.

    The primary identifier becomes one among others: which the receiver's is, the caller decides.
    """
    moved: Keys = {}
    for name, kind in KINDS.items():
        rows = _rows(kind, giver_id).filter(pk__in=list(keys.get(name, ())))
        moved[name] = list(rows.order_by("pk").values_list("pk", flat=True))
        if kind is PatientIdentifier:
            PatientIdentifier.objects.filter(pk__in=moved[name]).update(is_primary=False)
        rows.filter(pk__in=moved[name]).update(patient_id=receiver_id)
    return moved


def take_out(merge: PatientMerge, keys: Mapping[str, Iterable[int]]) -> None:
    """``keys`` no longer go back when ``merge`` is undone: they have gone elsewhere by a decision made since."""
    gone = {name: set(values) for name, values in keys.items()}
    left = {name: [key for key in values if key not in gone.get(name, ())] for name, values in merge.moved.items()}
    if left != merge.moved:
        merge.moved = left
        merge.save(update_fields=["moved"])


def have_a_primary(patient_id: int, preferred_id: int | None = None) -> None:
    """Give a patient the identifier that devices are told, unless they have one: the preferred, else the first."""
    identifiers = PatientIdentifier.objects.filter(patient_id=patient_id, retired_at__isnull=True)
    if identifiers.filter(is_primary=True).exists():
        return
    preferred = identifiers.filter(pk=preferred_id).first() if preferred_id is not None else None
    first = preferred or identifiers.order_by("kind", "pk").first()
    if first is not None:
        PatientIdentifier.objects.filter(pk=first.pk).update(is_primary=True)


def lock_patients(patient_ids: Iterable[int]) -> dict[int, Patient]:
    """Lock patients whose belongings are to be moved, with their exams.

    Exams first, as linking and changing an order do, each in the order of their keys: nobody waits in a ring.
    """
    keys = sorted(set(patient_ids))
    exams = RequestedProcedure.objects.select_for_update(no_key=True).filter(patient_id__in=keys)
    list(exams.order_by("pk").values_list("pk", flat=True))
    patients = Patient.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    return {patient.pk: patient for patient in patients}


def _rows(kind: type[Model], patient_id: int) -> QuerySet[Any]:
    return kind._default_manager.filter(patient_id=patient_id)
