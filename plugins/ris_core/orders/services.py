"""Place and change orders. Each runs in the caller's transaction and is all or nothing within it.

Every use case leaves the tables as lists, worklist and live screens expect them: the exam's state and rank, the
encoded worklist answer, a row in the change feed and an audit event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ris_core.appointments.services import claim_waiting, expect_waiting
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import TransitionRefused
from ris_core.notices.services import notify
from ris_core.notifications import services as notifications
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.catalogue import expect_service, plan_service
from ris_core.orders.errors import OrderExists
from ris_core.orders.finding import another_patients_order, expect_known_orders, known_orders, ordered_procedure
from ris_core.orders.models import (
    PRIORITY_RANK,
    ExamState,
    ImagingServiceRequest,
    RequestedProcedure,
    ScheduledProcedureStep,
    StepStatus,
)
from ris_core.orders.numbers import expect_numbers
from ris_core.orders.records import (
    OPEN_STATUSES,
    add_procedure,
    add_request,
    add_step,
    expect_visit,
    name_practitioners,
    record_visit,
    show_on_worklist,
)
from ris_core.orders.refusals import expect_rules, refuse_by_rule
from ris_core.orders.rules import (
    NamedAs,
    OrderContent,
    OrderedStep,
    OrderRequest,
    PatientCondition,
    changes,
    needs_open_steps,
)
from ris_core.patients.consequences import details_changed
from ris_core.patients.services import expect_patient, record_patient
from ris_core.pipelines import pipelined
from ris_core.studies.corrections import owe_corrections_of_procedure

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


def _expect_answers(order: OrderRequest) -> None:
    """Send all that placing ``order`` reads at once; the patient first, who is locked by it."""
    expect_patient(order.patient)
    expect_known_orders(order.source, order.placer_order_number)
    expect_service(order)
    expect_rules()
    if order.visit:
        expect_visit(order.visit)
    expect_numbers(order)
    expect_waiting(order.source, order.placer_order_number, order.accession_number.strip())
    notifications.expect_rules(Event.EXAM_SCHEDULED)


def _place(order: OrderRequest, actor: Actor) -> PlacedOrder:
    _expect_answers(order)
    patient, identifiers, corrected = record_patient(order.patient, actor)
    if corrected:
        details_changed(patient, identifiers, corrected)
    existing = known_orders(order.source, order.placer_order_number)
    for procedure_id, patient_id, _, service_code in existing:
        if patient_id != patient.id:
            raise another_patients_order()
        if service_code == order.service_code:
            return _same_order(procedure_id, order)
    plan = plan_service(order)
    refuse_by_rule(order, plan.modality)
    request = _request_to_join(order, [request_id for _, _, request_id, _ in existing])
    if request is not None:
        request.patient = patient
        name_practitioners(request.id, order.practitioners)
    else:
        request = add_request(order, patient)
    ordinal = len(existing) + 1
    procedure = add_procedure(order, request, plan, ordinal)
    planned = order.steps or (OrderedStep(),)
    steps = [add_step(step, procedure, plan, ordinal, number) for number, step in enumerate(planned, start=1)]
    show_on_worklist(steps, identifiers)
    claim_waiting(procedure, order.accession_number.strip(), identifiers, actor)
    announce("exam", procedure.id)
    announce_event(Event.EXAM_SCHEDULED, procedure.id)
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
    procedure = ordered_procedure(order)
    patient, identifiers, corrected = record_patient(order.patient, actor)
    if procedure.patient_id != patient.id:
        raise another_patients_order()
    request = procedure.request
    request.patient = procedure.patient = patient
    if procedure.exam_state == ExamState.CANCELLED:
        raise TransitionRefused("the order was cancelled; send a new one", field="placer_order_number")
    steps = list(procedure.steps.select_for_update(of=("self",)).order_by("id"))
    open_steps = [step for step in steps if step.status in OPEN_STATUSES]
    different = changes(_content(procedure), order)
    named = dict(order.practitioners)
    if "requesting_physician" in different:
        named.setdefault(NamedAs.REQUESTING, ())  # another name without a number: the number was not theirs
    if name_practitioners(request.id, named):
        different["practitioners"] = named
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
    request.save(update_fields=["patient", "visit", "sent_accession_number", *_REQUEST_FIELDS, "updated_at"])
    if corrected:
        details_changed(patient, identifiers, corrected)
    for step in open_steps:
        step.procedure = procedure
    show_on_worklist(open_steps, identifiers)
    if different or rescheduled:
        announce("exam", procedure.id)
        announce_event(Event.EXAM_CHANGED, procedure.id)
        owe_corrections_of_procedure(procedure.id)
        if procedure.exam_state != ExamState.ORDERED:
            notify("order.changed", procedure_id=procedure.id, fields=sorted({*different, *rescheduled}))
        record(
            actor,
            "order.changed",
            subject=f"procedure:{procedure.id}",
            patient_id=patient.id,
            fields=sorted({*different, *rescheduled}),
        )
    return PlacedOrder(request.id, procedure.id, request.accession_number, changed=bool(different or rescheduled))


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
