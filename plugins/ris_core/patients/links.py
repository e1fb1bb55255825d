"""Records that are said to be of one person and yet kept apart (HL7 A24), and that no longer (A37)."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue
from ris_core.patients.models import PatientLink
from ris_core.patients.services import present_patient


@transaction.atomic
def link_patients(one_id: int, other_id: int, actor: Actor) -> PatientLink:
    """Both records say of each other that they are one person's; nothing moves. Linking again changes nothing.

    :raises NotFound: no such patient
    :raises InvalidValue: both are the same record
    """
    first, second = _in_order(one_id, other_id)
    found = PatientLink.objects.filter(first_id=first, second_id=second, undone_at__isnull=True).first()
    if found is not None:
        return found
    link = PatientLink.objects.create(first_id=first, second_id=second, linked_at=timezone.now(), linked_by=actor.name)
    for patient_id, other in ((first, second), (second, first)):
        record(actor, "patient.linked", subject=f"patient:{other}", patient_id=patient_id)
    return link


@transaction.atomic
def unlink_patients(one_id: int, other_id: int, actor: Actor) -> bool:
    """The records are of two persons after all; whether they had been linked.

    :raises NotFound: no such patient
    :raises InvalidValue: both are the same record
    """
    first, second = _in_order(one_id, other_id)
    undone = PatientLink.objects.filter(first_id=first, second_id=second, undone_at__isnull=True).update(
        undone_at=timezone.now(), undone_by=actor.name
    )
    if undone:
        for patient_id, other in ((first, second), (second, first)):
            record(actor, "patient.unlinked", subject=f"patient:{other}", patient_id=patient_id)
    return bool(undone)


def links_of(patient_id: int) -> QuerySet[PatientLink]:
    """The links of a record that hold."""
    links = PatientLink.objects.filter(Q(first_id=patient_id) | Q(second_id=patient_id), undone_at__isnull=True)
    return links.select_related("first", "second").order_by("pk")


def _in_order(one_id: int, other_id: int) -> tuple[int, int]:
    """Both locked, the smaller key first; of merged records the survivors."""
    first, second = sorted(present_patient(key).pk for key in sorted((one_id, other_id)))
    if first == second:
        raise InvalidValue("both are the same patient record", field="patient")
    return first, second
