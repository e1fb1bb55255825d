"""Cancel orders, and discontinue what has begun."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.identifiers import PatientIdentifier
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.finding import another_patients_order, locked_procedures, unknown_service
from ris_core.orders.models import ExamState, RequestedProcedure, StepStatus
from ris_core.orders.records import OPEN_STATUSES
from ris_core.patients.models import PatientIdentifier as KnownIdentifier
from ris_core.worklist.services import take_off_worklist


def cancel_order(
    source: str,
    placer_order_number: str,
    actor: Actor,
    *,
    service_code: str = "",
    patient_identifiers: Sequence[PatientIdentifier] = (),
    discontinue: bool = False,
    reason: str = "",
) -> list[int]:
    """Cancel an order: its steps leave the worklist in the same transaction. Cancelling again changes nothing.

    :param service_code: which service of the order; empty: all of them; of an order with a single service, which a
        sender may name otherwise by now, always that one
    :param patient_identifiers: whom the sender means; one of them must be the order's patient's
    :param discontinue: also end what has begun (DISCONTINUED)
    :param reason: in the words of who does it
    :return: ids of the requested procedures that were cancelled now
    :raises UnknownOrder: when it was never received, or has several services and none is this one
    :raises TransitionRefused: when its acquisition has begun (``discontinue``: is over)
    :raises IdentityConflict: when the order is another patient's
    """
    procedures = locked_procedures(source, placer_order_number)
    if patient_identifiers:
        meant = [identifier.value for identifier in patient_identifiers]
        if not KnownIdentifier.objects.filter(patient_id=procedures[0].patient_id, value__in=meant).exists():
            raise another_patients_order()
    if service_code and len(procedures) > 1:
        procedures = [procedure for procedure in procedures if procedure.service_code == service_code]
        if not procedures:
            raise unknown_service("cancel")
    return [procedure.id for procedure in procedures if _end(procedure, actor, discontinue, reason)]


@transaction.atomic
def end_procedure(procedure_id: int, reason: str, actor: Actor, *, discontinue: bool = False) -> None:
    """A person cancels one procedure, or discontinues it when it has begun.

    :raises InvalidValue: without a reason
    :raises NotFound: no such procedure
    :raises TransitionRefused: when its acquisition has begun (``discontinue``: is over)
    """
    if not reason.strip():
        raise InvalidValue("say why", field="reason")
    procedure = RequestedProcedure.objects.select_for_update().filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("there is no such procedure", field="procedure")
    _end(procedure, actor, discontinue, reason)


def _end(procedure: RequestedProcedure, actor: Actor, discontinue: bool, reason: str) -> bool:
    steps = list(procedure.steps.select_for_update().order_by("id"))
    begun = [step for step in steps if step.status == StepStatus.STARTED]
    if (begun and not discontinue) or any(step.status == StepStatus.COMPLETED for step in steps):
        raise TransitionRefused(
            "the acquisition has begun, the order can no longer be cancelled; "
            + ("it is over" if discontinue else "send DC to discontinue it"),
            field="placer_order_number",
        )
    ended = [step for step in steps if step.status in (*OPEN_STATUSES, StepStatus.STARTED)]
    for step in ended:
        step.status = StepStatus.DISCONTINUED if step in begun else StepStatus.CANCELLED
        step.save(update_fields=["status", "updated_at"])
    take_off_worklist([step.id for step in ended])
    if procedure.exam_state == ExamState.ORDERED:
        procedure.exam_state = ExamState.CANCELLED
    elif not ended:
        return False
    procedure.ended_reason = reason.strip()[:255]
    procedure.save(update_fields=["exam_state", "ended_reason", "updated_at"])
    announce("exam", procedure.id)
    announce_event(Event.EXAM_DISCONTINUED if begun else Event.EXAM_CANCELLED, procedure.id)
    record(
        actor,
        "order.discontinued" if begun else "order.cancelled",
        subject=f"procedure:{procedure.id}",
        patient_id=procedure.patient_id,
    )
    return True
