"""Place, change and cancel orders. Each runs in the caller's transaction and is all or nothing within it.

Every use case leaves the tables as lists, worklist and live screens expect them: the exam's state and rank, the
encoded worklist answer, a row in the change feed and an audit event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ris_core.appointments.services import claim_waiting
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import IdentityConflict, TransitionRefused
from ris_core.identifiers import PatientIdentifier
from ris_core.orders.catalogue import plan_service
from ris_core.orders.errors import OrderExists, UnknownOrder
from ris_core.orders.models import (
    PRIORITY_RANK,
    ExamState,
    ImagingServiceRequest,
    RequestedProcedure,
    ScheduledProcedureStep,
    StepStatus,
)
from ris_core.orders.records import (
    OPEN_STATUSES,
    add_procedure,
    add_request,
    add_step,
    record_visit,
    show_on_worklist,
)
from ris_core.orders.refusals import refuse_by_rule
from ris_core.orders.rules import (
    OrderContent,
    OrderedStep,
    OrderRequest,
    PatientCondition,
    changes,
    needs_open_steps,
)
from ris_core.patients.consequences import details_changed
from ris_core.patients.models import PatientIdentifier as KnownIdentifier
from ris_core.patients.services import record_patient
from ris_core.statements import Param, Select, pipelined
from ris_core.worklist.services import take_off_worklist

_find_procedures = Select(
    RequestedProcedure.objects.filter(source=Param("source"), placer_order_number=Param("number"))
    .order_by("id")
    .values_list("id", "patient_id", "request_id", "service_code")
)


_REQUEST_FIELDS = frozenset(
    {"requesting_physician", "requesting_department", "clinical_indication", "comments", *PatientCondition.__slots__}
)
"""What a change may say otherwise of the request, as :func:`~ris_core.orders.rules.changes` names it."""


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What an order has become here."""

    request_id: int
    procedure_id: int
    accession_number: str
    changed: bool
    """False when everything was here already and nothing has changed."""


def place_order(order: OrderRequest, actor: Actor) -> PlacedOrder:
    """Take in a new order: patient, visit, request, requested procedure, scheduled steps, worklist.

    An order is known by its source, placer order number and service. The same order again changes nothing; another
    service under the same number joins the same request, unless it comes with an accession number of its own.

    :raises OrderExists: when the order is here already and says something else (a change must say that it is one)
    :raises OrderRefused: when a rule of this site does not take orders of this kind
    :raises IdentityConflict: when patient, visit or order number are those of somebody else
    :raises InvalidValue: when the service has no modality, or a value cannot be sent to devices
    """
    with pipelined():
        return _place(order, actor)


def _place(order: OrderRequest, actor: Actor) -> PlacedOrder:
    patient, identifiers, corrected = record_patient(order.patient, actor)
    if corrected:
        details_changed(patient, identifiers, corrected)
    existing = _find_procedures.rows(source=order.source, number=order.placer_order_number)
    for procedure_id, patient_id, _, service_code in existing:
        if patient_id != patient.id:
            raise _another_patients_order()
        if service_code == order.service_code:
            return _same_order(procedure_id, order)
    plan = plan_service(order)
    refuse_by_rule(order, plan.modality)
    request = _request_to_join(order, [request_id for _, _, request_id, _ in existing])
    if request is not None:
        request.patient = patient
    else:
        request = add_request(order, patient)
    ordinal = len(existing) + 1
    procedure = add_procedure(order, request, plan, ordinal)
    planned = order.steps or (OrderedStep(),)
    steps = [add_step(step, procedure, plan, ordinal, number) for number, step in enumerate(planned, start=1)]
    show_on_worklist(steps, identifiers)
    claim_waiting(procedure, order.accession_number.strip(), identifiers, actor)
    announce("exam", procedure.id)
    record(
        actor,
        "order.placed",
        subject=f"procedure:{procedure.id}",
        patient_id=patient.id,
        placer_order_number=order.placer_order_number,
        accession_number=request.accession_number,
    )
    return PlacedOrder(request.id, procedure.id, request.accession_number, changed=True)


def change_order(order: OrderRequest, actor: Actor) -> PlacedOrder:
    """Change an order that is here: what ``order`` says replaces what was said, the rest stays.

    Once the acquisition has begun, service, time and devices can no longer be changed. The accession number that
    devices know never changes: another one of the sender's is kept beside it.

    :raises UnknownOrder: when it was never received, or the number has several services and none is this one
    :raises TransitionRefused: when it was cancelled, or the change comes too late
    :raises IdentityConflict: when patient or visit are not those of the order
    """
    procedure = _one_procedure(order)
    patient, identifiers, corrected = record_patient(order.patient, actor)
    if procedure.patient_id != patient.id:
        raise _another_patients_order()
    request = procedure.request
    request.patient = procedure.patient = patient
    if procedure.exam_state == ExamState.CANCELLED:
        raise TransitionRefused("the order was cancelled; send a new one", field="placer_order_number")
    steps = list(procedure.steps.select_for_update(of=("self",)).order_by("id"))
    open_steps = [step for step in steps if step.status in OPEN_STATUSES]
    different = changes(_content(procedure), order)
    # taken off the worklist by a cancelled appointment: a new time brings them back
    withdrawn = [step for step in steps if step.status == StepStatus.CANCELLED]
    if needs_open_steps(different) and not (open_steps or withdrawn):
        raise TransitionRefused(
            f"the acquisition has begun, {', '.join(needs_open_steps(different))} can no longer be changed",
            field="placer_order_number",
        )
    _change_procedure(procedure, order, different)
    rescheduled = _change_steps(procedure, order, [*open_steps, *withdrawn], different)
    if "scheduled_at" in different:
        for step in withdrawn:
            step.status = StepStatus.SCHEDULED
            step.save(update_fields=["status", "updated_at"])
        open_steps += withdrawn
    if order.visit:
        request.visit = record_visit(order.visit, patient)
    request.save(force_update=True)
    if corrected:
        details_changed(patient, identifiers, corrected)
    for step in open_steps:
        step.procedure = procedure
    show_on_worklist(open_steps, identifiers)
    if different or rescheduled:
        announce("exam", procedure.id)
        record(
            actor,
            "order.changed",
            subject=f"procedure:{procedure.id}",
            patient_id=patient.id,
            fields=sorted({*different, *rescheduled}),
        )
    return PlacedOrder(request.id, procedure.id, request.accession_number, changed=bool(different or rescheduled))


def cancel_order(
    source: str,
    placer_order_number: str,
    actor: Actor,
    *,
    service_code: str = "",
    patient_identifiers: Sequence[PatientIdentifier] = (),
    discontinue: bool = False,
) -> list[int]:
    """Cancel an order: its steps leave the worklist in the same transaction. Cancelling again changes nothing.

    :param service_code: which service of the order; empty: all of them; of an order with a single service, which a
        sender may name otherwise by now, always that one
    :param patient_identifiers: whom the sender means; one of them must be the order's patient's
    :param discontinue: also end what has begun (DISCONTINUED)
    :return: ids of the requested procedures that were cancelled now
    :raises UnknownOrder: when it was never received, or has several services and none is this one
    :raises TransitionRefused: when its acquisition has begun (``discontinue``: is over)
    :raises IdentityConflict: when the order is another patient's
    """
    procedures = list(
        RequestedProcedure.objects.select_for_update(of=("self",))
        .filter(source=source, placer_order_number=placer_order_number)
        .order_by("id")
    )
    if not procedures:
        raise _unknown_order()
    if patient_identifiers:
        meant = [identifier.value for identifier in patient_identifiers]
        if not KnownIdentifier.objects.filter(patient_id=procedures[0].patient_id, value__in=meant).exists():
            raise _another_patients_order()
    if service_code and len(procedures) > 1:
        procedures = [procedure for procedure in procedures if procedure.service_code == service_code]
        if not procedures:
            raise _unknown_service("cancel")
    return [procedure.id for procedure in procedures if _cancel_procedure(procedure, actor, discontinue)]


def require_order(source: str, placer_order_number: str) -> None:
    """Make sure that an order is here.

    :raises UnknownOrder: when it was never received
    """
    if not _find_procedures.rows(source=source, number=placer_order_number):
        raise _unknown_order()


def _cancel_procedure(procedure: RequestedProcedure, actor: Actor, discontinue: bool) -> bool:
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
        procedure.save(update_fields=["exam_state", "updated_at"])
    elif not ended:
        return False
    announce("exam", procedure.id)
    record(
        actor,
        "order.discontinued" if begun else "order.cancelled",
        subject=f"procedure:{procedure.id}",
        patient_id=procedure.patient_id,
    )
    return True


def _request_to_join(order: OrderRequest, request_ids: Sequence[int]) -> ImagingServiceRequest | None:
    """The request that ``order`` is a further service of: of those under its number the first with its accession
    number, and the first of all when it names none. None: it needs its own (invariant 5: no sent number is lost)."""
    if not request_ids:
        return None
    sent_number = order.accession_number.strip()
    for request in ImagingServiceRequest.objects.select_related("visit").filter(id__in=request_ids).order_by("id"):
        if not sent_number or sent_number in (request.accession_number, request.sent_accession_number):
            return request
    return None


def _same_order(procedure_id: int, order: OrderRequest) -> PlacedOrder:
    """An order that came again as new: nothing to do when it is the same."""
    procedure = RequestedProcedure.objects.select_related("request").get(id=procedure_id)
    different = changes(_content(procedure), order)
    cancelled = procedure.exam_state == ExamState.CANCELLED
    if different or cancelled:
        reason = "was cancelled" if cancelled else f"says otherwise: {', '.join(different)}"
        raise OrderExists(
            f"an order with this placer order number and service is here and {reason}; send a change (XO), or use a "
            "new number",
            field="placer_order_number",
        )
    request = procedure.request
    return PlacedOrder(request.id, procedure.id, request.accession_number, changed=False)


def _one_procedure(order: OrderRequest) -> RequestedProcedure:
    """The procedure that a change means: of the order's only service, or of the one that it names."""
    procedures = list(
        RequestedProcedure.objects.select_for_update(of=("self",))
        .select_related("request__visit")
        .filter(source=order.source, placer_order_number=order.placer_order_number)
        .order_by("id")
    )
    if not procedures:
        raise _unknown_order()
    for procedure in procedures:
        if len(procedures) == 1 or procedure.service_code == order.service_code:
            return procedure
    raise _unknown_service("change")


def _content(procedure: RequestedProcedure) -> OrderContent:
    request = procedure.request
    return OrderContent(
        service_code=procedure.service_code,
        accession_numbers=(request.accession_number, request.sent_accession_number),
        priority=procedure.priority,
        scheduled_at=procedure.scheduled_at,
        requesting_physician=request.requesting_physician,
        requesting_department=request.requesting_department,
        clinical_indication=request.clinical_indication,
        comments=request.comments,
        condition=PatientCondition(**{name: getattr(request, name) for name in PatientCondition.__slots__}),
    )


def _change_procedure(procedure: RequestedProcedure, order: OrderRequest, different: dict[str, object]) -> None:
    """Take over what is different, on the procedure (saved) and its request (not yet)."""
    if "service_code" in different:
        plan = plan_service(order)
        refuse_by_rule(order, plan.modality)
        procedure.service_code, procedure.service_coding_system = order.service_code, plan.coding_system
        procedure.service_name, procedure.modality = plan.name, plan.modality
    elif order.service_name:
        procedure.service_name = order.service_name
    if order.priority:
        procedure.priority, procedure.priority_rank = order.priority, PRIORITY_RANK[order.priority]
    if order.scheduled_at and "scheduled_at" in different:
        procedure.scheduled_at = order.scheduled_at
    procedure.save(force_update=True)
    if "accession_number" in different:
        procedure.request.sent_accession_number = order.accession_number.strip()
    for name in _REQUEST_FIELDS & different.keys():
        setattr(procedure.request, name, different[name])


def _change_steps(
    procedure: RequestedProcedure,
    order: OrderRequest,
    open_steps: list[ScheduledProcedureStep],
    different: dict[str, object],
) -> list[str]:
    """Bring the steps that have not begun in line with the order; the names of the fields that changed.

    A planned step is the one with its id; those with ids we do not know are the others, in their order. Steps without
    a plan follow the procedure.
    """
    plan = plan_service(order) if "service_code" in different else None
    ids = {step.scheduled_procedure_step_id for step in open_steps}
    named = {step.scheduled_procedure_step_id: step for step in order.steps}
    others = iter([step for step in order.steps if step.scheduled_procedure_step_id not in ids])
    changed: set[str] = set()
    for step in open_steps:
        said = named.get(step.scheduled_procedure_step_id) or next(others, OrderedStep())
        wanted = {
            "modality": said.modality or (plan.modality if plan else step.modality),
            "station_ae_title": said.station_ae_title or (plan.station_ae_title if plan else step.station_ae_title),
            "room": said.room or (plan.room if plan else step.room),
            "scheduled_at": said.scheduled_at or order.scheduled_at or step.scheduled_at,
            "description": said.description or ("" if plan else step.description),
            "protocol_code": said.protocol_code or ("" if plan else step.protocol_code),
            "protocol_coding_system": said.protocol_coding_system or ("" if plan else step.protocol_coding_system),
        }
        names = [name for name, value in wanted.items() if getattr(step, name) != value]
        for name in names:
            setattr(step, name, wanted[name])
        if names:
            step.save(update_fields=[*names, "updated_at"])
            changed.update(names)
    return sorted(changed)


def _unknown_order() -> UnknownOrder:
    return UnknownOrder(
        "no order with this placer order number from this sender is here; send it as new (NW) first",
        field="placer_order_number",
    )


def _unknown_service(verb: str) -> UnknownOrder:
    return UnknownOrder(
        f"the order has several services and this is none of them; name the service to {verb}", field="service_code"
    )


def _another_patients_order() -> IdentityConflict:
    return IdentityConflict(
        "the placer order number is that of another patient's order; use a new number, or send the right patient",
        field="placer_order_number",
    )
