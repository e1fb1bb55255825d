"""A person gives an order another accession or placer number, and takes that back (invariant 5).

A number that was replaced still finds the order: devices that hold it, and senders that repeat it, are not lost.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound
from ris_core.identifiers import AccessionNumber, PlacerOrderNumber
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.errors import OrderExists
from ris_core.orders.finding import lock_procedures
from ris_core.orders.models import FormerNumber, ImagingServiceRequest, RequestedProcedure
from ris_core.orders.records import refresh_worklist_of_patient
from ris_core.patients.services import identifiers_of, present_patient
from ris_core.studies.corrections import owe_corrections_of_procedure


@transaction.atomic
def change_accession_number(request_id: int, number: str, reason: str, actor: Actor) -> None:
    """Give a request another accession number: devices are told it from now on, stored images are corrected.

    :raises InvalidValue: no reason, or no accession number (16 characters)
    :raises NotFound: no such request
    :raises OrderExists: the number is, or was, that of another order
    """
    _need(reason)
    new = AccessionNumber(number)
    exams = RequestedProcedure.objects.filter(request_id=request_id).values_list("pk", flat=True)
    lock_procedures(exams)  # before the request, as whoever changes the order does
    request = ImagingServiceRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise NotFound("there is no such order", field="order")
    if request.accession_number == new:
        return
    live = ImagingServiceRequest.objects.filter(Q(accession_number=new) | Q(sent_accession_number=new))
    former = FormerNumber.objects.filter(kind=FormerNumber.Kind.ACCESSION, value=new)
    if live.exclude(pk=request.pk).exists() or former.exclude(request=request).exists():
        raise OrderExists("the number is, or was, another order's; use a new one", field="accession_number")
    _keep_former(request, None, FormerNumber.Kind.ACCESSION, request.accession_number, new, reason, actor)
    request.accession_number = new
    request.save(update_fields=["accession_number", "updated_at"])
    for procedure_id in request.requested_procedures.order_by("pk").values_list("pk", flat=True):
        _follow(procedure_id)


@transaction.atomic
def change_placer_number(procedure_id: int, number: str, reason: str, actor: Actor) -> None:
    """Give a procedure the placer order number that its sender should have sent; results carry it from now on.

    :raises InvalidValue: no reason, or no placer order number
    :raises NotFound: no such procedure
    :raises OrderExists: the sender's number stands for another order of this service, or did
    """
    _need(reason)
    new = PlacerOrderNumber(number)
    procedure = (
        RequestedProcedure.objects.select_for_update(of=("self",))
        .select_related("request")
        .filter(pk=procedure_id)
        .first()
    )
    if procedure is None:
        raise NotFound("there is no such procedure", field="procedure")
    if procedure.placer_order_number == new:
        return
    others = FormerNumber.objects.filter(
        kind=FormerNumber.Kind.PLACER, value=new, procedure__source=procedure.source
    ).exclude(procedure=procedure)
    taken = OrderExists("the number is, or was, another order's of this sender", field="placer_order_number")
    if others.exists():
        raise taken
    _keep_former(
        procedure.request, procedure, FormerNumber.Kind.PLACER, procedure.placer_order_number, new, reason, actor
    )
    procedure.placer_order_number = new
    try:
        with transaction.atomic():
            procedure.save(update_fields=["placer_order_number", "updated_at"])
    except IntegrityError as error:
        raise taken from error
    _follow(procedure.pk)


def restore_number(former_id: int, reason: str, actor: Actor) -> None:
    """Bring a former number back; the present one becomes a former one in its turn.

    :raises NotFound: no such number
    """
    former = FormerNumber.objects.filter(pk=former_id).first()
    if former is None:
        raise NotFound("there is no such former number", field="number")
    if former.procedure_id is not None:
        change_placer_number(former.procedure_id, former.value, reason, actor)
    else:
        change_accession_number(former.request_id, former.value, reason, actor)


def _need(reason: str) -> None:
    if not reason.strip():
        raise InvalidValue("say why the number is changed", field="reason")


def _keep_former(
    request: ImagingServiceRequest,
    procedure: RequestedProcedure | None,
    kind: FormerNumber.Kind,
    value: str,
    replaced_by: str,
    reason: str,
    actor: Actor,
) -> None:
    FormerNumber.objects.create(
        request=request,
        procedure=procedure,
        kind=kind,
        value=value,
        replaced_by=replaced_by,
        replaced_at=timezone.now(),
        user_id=actor.user_id,
        reason=reason.strip()[:255],
    )
    record(
        actor,
        "order.renumbered",
        subject=f"procedure:{procedure.pk}" if procedure else f"request:{request.pk}",
        patient_id=request.patient_id,
        kind=str(kind),
        before=value,
        after=replaced_by,
    )


def _follow(procedure_id: int) -> None:
    """Worklist, stored images, screens and receivers learn of the number."""
    patient = present_patient(RequestedProcedure.objects.values_list("patient_id", flat=True).get(pk=procedure_id))
    refresh_worklist_of_patient(patient, identifiers_of(patient.pk), procedure_id=procedure_id)
    owe_corrections_of_procedure(procedure_id)
    announce_event(Event.EXAM_CHANGED, procedure_id)
    announce("exam", procedure_id)
