"""An order made in the RIS turns out to be one that the HIS has placed too: they become one (R3).

The exam stays where the work is: the RIS's procedure keeps its steps, images, StudyInstanceUID, accession number and
reports, and takes over by what the HIS knows its order: source, placer and filler order number and service. The HIS's
procedure, on which nothing has begun, takes the RIS's identity and is cancelled. Undoing changes both back.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.services import owe_under_new_numbers
from ris_core.errors import IdentityConflict, NotFound, TransitionRefused
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.finding import lock_procedures
from ris_core.orders.models import ExamState, OrderLink, RequestedProcedure, ScheduledProcedureStep, StepStatus
from ris_core.orders.records import (
    OPEN_STATUSES,
    RIS_SOURCE,
    name_practitioners,
    practitioners_of,
    show_on_worklist,
)
from ris_core.orders.rules import NamedAs, PractitionerNumber
from ris_core.patients.services import identifiers_of, present_patient
from ris_core.studies.corrections import owe_corrections_of_procedure
from ris_core.worklist.services import take_off_worklist

_IDENTITY = (
    "source", "placer_order_number", "filler_order_number", "service_code", "service_coding_system", "service_name",
)  # fmt: skip
"""What the two procedures exchange."""


def linkable_orders(procedure: RequestedProcedure) -> QuerySet[RequestedProcedure]:
    """Orders of other systems for the same patient and modality on which nothing has begun, newest first."""
    return (
        RequestedProcedure.objects.filter(
            patient_id=procedure.patient_id, modality=procedure.modality, exam_state=ExamState.ORDERED
        )
        .exclude(source=RIS_SOURCE)
        .exclude(links__undone_at__isnull=True, links__isnull=False)
        .select_related("request")
        .order_by("-scheduled_at", "-pk")
    )


@transaction.atomic
def link_orders(procedure_id: int, his_procedure_id: int, reason: str, actor: Actor) -> OrderLink:
    """Make the RIS's procedure the HIS's order. Results that are approved already are owed to that HIS.

    :raises NotFound: no such procedures
    :raises IdentityConflict: they are of different patients
    :raises TransitionRefused: the first is no order of the RIS, was cancelled, or the second's exam has begun
    """
    own, others = _locked(procedure_id, his_procedure_id)
    if own.patient_id != others.patient_id:
        raise IdentityConflict("the orders are of different patients", field="patient_identifier")
    if own.source != RIS_SOURCE or others.source == RIS_SOURCE:
        raise TransitionRefused("an order made here is linked to one of another system", field="source")
    if (
        own.exam_state == ExamState.CANCELLED
        or others.exam_state != ExamState.ORDERED
        or own.modality != others.modality
    ):
        raise TransitionRefused(
            "the order made here must not be cancelled, and the other's exam not begun, for the same modality",
            field="exam_state",
        )
    steps = list(others.steps.select_for_update(of=("self",)).order_by("pk"))
    if any(step.status not in (*OPEN_STATUSES, StepStatus.CANCELLED) for step in steps):
        raise TransitionRefused("the other order's exam has begun", field="exam_state")
    before = {
        "steps": {str(step.pk): step.status for step in steps},
        "sent_accession_number": own.request.sent_accession_number,
        "request_source": own.request.source,
        "requesting_physician": own.request.requesting_physician,
        "requesting_department": own.request.requesting_department,
        "practitioners": {
            part: [[number.identifier, number.issuer] for number in numbers]
            for part, numbers in practitioners_of(own.request_id).items()
        },
    }
    _exchange(own, others)
    for step in steps:
        step.status = StepStatus.CANCELLED
        step.save(update_fields=["status", "updated_at"])
    take_off_worklist([step.pk for step in steps])
    RequestedProcedure.objects.filter(pk=others.pk).update(
        exam_state=ExamState.CANCELLED, ended_reason="", updated_at=timezone.now()
    )
    theirs = others.request
    _set_request(
        own,
        source=own.source,
        sent_accession_number=theirs.sent_accession_number or theirs.accession_number,
        requesting_physician=theirs.requesting_physician or own.request.requesting_physician,
        requesting_department=theirs.requesting_department or own.request.requesting_department,
    )
    name_practitioners(own.request_id, {part: said for part, said in practitioners_of(theirs.pk).items() if said})
    link = OrderLink.objects.create(
        procedure=own,
        absorbed=others,
        before=before,
        reason=reason.strip()[:255],
        linked_at=timezone.now(),
        linked_by_id=actor.user_id,
    )
    _follow(own, others)
    owe_under_new_numbers(own.pk, actor)
    record(
        actor,
        "order.linked",
        subject=f"procedure:{own.pk}",
        patient_id=own.patient_id,
        absorbed=others.pk,
        source=own.source,
        placer_order_number=own.placer_order_number,
    )
    return link


@transaction.atomic
def unlink_orders(link_id: int, actor: Actor) -> None:
    """Take a link back: both orders are again what they were; results that were sent stay sent.

    :raises NotFound: no such link, or it was taken back already
    :raises TransitionRefused: the HIS has changed its order meanwhile so that the numbers cannot be changed back
    """
    link = OrderLink.objects.select_for_update().filter(pk=link_id, undone_at__isnull=True).first()
    if link is None:
        raise NotFound("there is no such link any more", field="link")
    own, others = _locked(link.procedure_id, link.absorbed_id)
    if others.source != RIS_SOURCE:
        raise TransitionRefused("the orders are not those that were linked any more", field="source")
    before: dict[str, Any] = link.before
    _exchange(own, others)
    _set_request(
        own,
        source=before["request_source"],
        sent_accession_number=before["sent_accession_number"],
        requesting_physician=before["requesting_physician"],
        requesting_department=before["requesting_department"],
    )
    former = {NamedAs(part): numbers for part, numbers in before["practitioners"].items()}
    name_practitioners(
        own.request_id, {part: tuple(PractitionerNumber(*each) for each in numbers) for part, numbers in former.items()}
    )
    RequestedProcedure.objects.filter(pk=others.pk).update(exam_state=ExamState.ORDERED, updated_at=timezone.now())
    steps = list(others.steps.select_for_update(of=("self",)).order_by("pk"))
    for step in steps:
        step.status = before["steps"].get(str(step.pk), step.status)
        step.save(update_fields=["status", "updated_at"])
    link.undone_at, link.undone_by_id = timezone.now(), actor.user_id
    link.save(update_fields=["undone_at", "undone_by"])
    reopened = list(
        ScheduledProcedureStep.objects.filter(procedure=others, status__in=OPEN_STATUSES)
        .select_related("procedure__request__visit", "procedure__patient")
        .order_by("pk")
    )
    show_on_worklist(reopened, identifiers_of(others.patient_id))
    _follow(own, others)
    record(actor, "order.unlinked", subject=f"procedure:{own.pk}", patient_id=own.patient_id, absorbed=others.pk)


def _locked(procedure_id: int, other_id: int) -> tuple[RequestedProcedure, RequestedProcedure]:
    """Both, locked, and then their patients: what devices are told of them stays as it is read."""
    lock_procedures((procedure_id, other_id))
    found = RequestedProcedure.objects.select_related("request__visit").in_bulk((procedure_id, other_id))
    if not {procedure_id, other_id} <= found.keys():
        raise NotFound("there is no such procedure", field="procedure")
    for patient_id in sorted({procedure.patient_id for procedure in found.values()}):
        present_patient(patient_id)
    return found[procedure_id], found[other_id]


def _exchange(one: RequestedProcedure, other: RequestedProcedure) -> None:
    """Each procedure gets what the other is known by; by way of numbers that nobody has, as both are unique."""
    identities = {one: _identity(one), other: _identity(other)}
    RequestedProcedure.objects.filter(pk=one.pk).update(
        placer_order_number=f"exchanged {one.pk}", filler_order_number=f"exchanged {one.pk}"
    )
    for procedure, identity in ((other, identities[one]), (one, identities[other])):
        for name, value in identity.items():
            setattr(procedure, name, value)
        RequestedProcedure.objects.filter(pk=procedure.pk).update(**identity, updated_at=timezone.now())


def _identity(procedure: RequestedProcedure) -> dict[str, Any]:
    return {name: getattr(procedure, name) for name in _IDENTITY}


def _set_request(procedure: RequestedProcedure, **values: str) -> None:
    request = procedure.request
    for name, value in values.items():
        setattr(request, name, value)
    request.save(update_fields=[*values, "updated_at"])


def _follow(own: RequestedProcedure, others: RequestedProcedure) -> None:
    """Worklist, stored images, screens and receivers learn of it."""
    steps = list(
        ScheduledProcedureStep.objects.filter(procedure=own, worklist_entry__isnull=False)
        .select_related("procedure__request__visit", "procedure__patient")
        .order_by("pk")
    )
    if steps:
        show_on_worklist(steps, identifiers_of(own.patient_id))
    owe_corrections_of_procedure(own.pk)
    announce_event(Event.EXAM_CHANGED, own.pk)
    for procedure in (own, others):
        announce("exam", procedure.pk)
