"""Orders: place, change, cancel, find."""

from __future__ import annotations

from typing import Annotated

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from ninja import Query, Router, Schema, Status
from pydantic import Field

from ris_core.access.scopes import Scope
from ris_core.delivery.holding import set_request_payment
from ris_core.errors import InvalidValue, NotFound, QuangError
from ris_core.identifiers import PatientIdentifier, PlacerOrderNumber
from ris_core.orders.ending import cancel_order
from ris_core.orders.models import ExamState, PaymentState, RequestedProcedure
from ris_core.orders.rules import OrderRequest
from ris_core.orders.services import PlacedOrder, change_order, place_order
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import present_patient
from ris_webapp.api.answers import BulkOut, BulkResultOut, OrderOut, OrdersOut, Problem
from ris_webapp.api.caller import ApiRequest, Caller, Scoped
from ris_webapp.api.numbers import keys_of_orders
from ris_webapp.api.paging import LARGEST_KEY, page
from ris_webapp.api.problems import problem_of, status_of
from ris_webapp.api.shapes import BulkIn, CancelIn, Moment, OrderChangeIn, OrderIn, PaymentIn

router = Router(tags=["Orders"])

WRITE, READ = Scoped(Scope.ORDERS_WRITE), Scoped(Scope.ORDERS_READ)
REFUSED = {(400, 401, 403, 404, 409, 413, 422, 429, 503): Problem}


_NUMBERS = (
    ("placer_order_number",),
    ("accession_number", "request__accession_number", "request__sent_accession_number"),
    ("patient_id",),
    ("patient_identifier", "patient__identifiers__value"),
)
"""Members of a query, each with where an order has it."""


class OrderQuery(Schema):
    """Which orders; without a condition all that the key may see, oldest first."""

    placer_order_number: Annotated[str, Field(max_length=128)] = ""
    accession_number: Annotated[str, Field(max_length=128)] = ""
    patient_id: Annotated[int | None, Field(ge=1, le=LARGEST_KEY, description="The id here")] = None
    patient_identifier: Annotated[str, Field(max_length=64, description="Any of the patient's numbers")] = ""
    status: ExamState | None = None
    modality: Annotated[str, Field(max_length=16)] = ""
    scheduled_from: Moment | None = None
    scheduled_until: Moment | None = None
    updated_since: Moment | None = None
    after: Annotated[int, Field(ge=0, le=LARGEST_KEY)] = 0
    limit: Annotated[int, Field(ge=1)] = 50

    def condition(self) -> Q:
        found = Q()
        for name, *fields in _NUMBERS:
            if value := getattr(self, name):
                found &= Q(pk__in=keys_of_orders(value, *(fields or [name])))
        if self.modality:
            found &= Q(modality=self.modality)
        if self.status:
            found &= Q(exam_state=self.status)
        if self.scheduled_from:
            found &= Q(scheduled_at__gte=self.scheduled_from)
        if self.scheduled_until:
            found &= Q(scheduled_at__lt=self.scheduled_until)
        if self.updated_since:
            found &= Q(updated_at__gte=self.updated_since)
        return found


@router.post("", auth=WRITE, response={200: OrderOut, 201: OrderOut, **REFUSED}, summary="Place an order")
def place(request: ApiRequest, order: OrderIn) -> Status[OrderOut]:
    """The order is on the worklists of its devices when this is answered: 201, or 200 when it was here already.

    An order is known by the key's sender, its placer order number and its service.
    """
    caller = request.caller
    placed = place_order(order.request(caller.source, caller.facility), caller.actor)
    return Status(201 if placed.changed else 200, _shown(placed))


@router.post("/bulk", auth=WRITE, response={200: BulkOut, **REFUSED}, summary="Place several orders")
def place_many(request: ApiRequest, bulk: BulkIn) -> BulkOut:
    """Each order is placed or refused by itself; the results stand in the order of the orders."""
    most = settings.QUANG.api.max_bulk_orders
    if len(bulk.orders) > most:
        raise InvalidValue(f"at most {most} orders in one request", field="orders")
    results = [_placed_alone(request.caller, order, index) for index, order in enumerate(bulk.orders)]
    placed = sum(result.problem is None for result in results)
    return BulkOut(results=results, placed=placed, refused=len(results) - placed)


@router.get("", auth=READ, response={200: OrdersOut, **REFUSED}, summary="Find orders")
def find(request: ApiRequest, query: Annotated[OrderQuery, Query(...)]) -> OrdersOut:
    """Pages are followed by ``next``; to keep up with changes, ask for ``updated_since`` from time to time."""
    rows = _with_all(request.caller).filter(query.condition())
    items, following = page(request, rows, query.after, query.limit, OrderOut.of)
    return OrdersOut(items=items, next=following)


@router.get("/{int:order_id}", auth=READ, response={200: OrderOut, **REFUSED}, summary="One order")
def get(request: ApiRequest, order_id: int) -> OrderOut:
    """The order with its patient and its steps."""
    return OrderOut.of(found_order(request.caller, order_id))


@router.patch("/{int:order_id}", auth=WRITE, response={200: OrderOut, **REFUSED}, summary="Change an order")
def change(request: ApiRequest, order_id: int, order: OrderChangeIn) -> OrderOut:
    """What is said replaces what was said. Once the acquisition has begun, service, time and device stay."""
    caller = request.caller
    procedure = own_order(caller, order_id)
    changed = change_order(_as_changed(procedure, order, caller.facility), caller.actor)
    return _shown(changed)


@router.put("/{int:order_id}/payment", auth=WRITE, response={200: OrderOut, **REFUSED}, summary="Tell that it is paid")
def payment(request: ApiRequest, order_id: int, told: PaymentIn) -> OrderOut:
    """Of all services of its request. Results that were held back because it was not are sent now."""
    procedure = own_order(request.caller, order_id)
    set_request_payment(procedure.request_id, PaymentState(told.state), request.caller.actor)
    return OrderOut.of(found_order(request.caller, order_id))


@router.post("/{int:order_id}/cancel", auth=WRITE, response={200: OrderOut, **REFUSED}, summary="Cancel an order")
def cancel(request: ApiRequest, order_id: int, how: CancelIn) -> OrderOut:
    """It leaves the worklists at once. Cancelling again changes nothing."""
    procedure = own_order(request.caller, order_id)
    cancel_order(
        procedure.source,
        procedure.placer_order_number,
        request.caller.actor,
        service_code=procedure.service_code,
        discontinue=how.discontinue,
    )
    return OrderOut.of(found_order(request.caller, order_id))


def found_order(caller: Caller, order_id: int) -> RequestedProcedure:
    """An order that the caller may see; from now on the request is about its patient.

    :raises NotFound: there is none, or it is another sender's
    """
    procedure = _with_all(caller).filter(pk=order_id).first() if order_id <= LARGEST_KEY else None
    if procedure is None:
        raise NotFound("there is no such order", field="order_id")
    caller.patient_id = procedure.patient_id
    return procedure


def own_order(caller: Caller, order_id: int) -> RequestedProcedure:
    """An order that the caller may change: its own sender's.

    :raises NotFound: there is none, or it is another sender's
    """
    procedure = found_order(caller, order_id)
    if procedure.source != caller.source:
        raise NotFound("there is no such order of this sender", field="order_id")
    return procedure


def known_details(patient_id: int) -> PatientDetails:
    """A patient who is here, or who they are now, as a message that says nothing new would tell of them.

    They stay locked: what another changes of them meanwhile is not changed back.
    """
    patient = present_patient(patient_id)
    numbers = patient.identifiers.filter(retired_at__isnull=True).order_by("-is_primary", "pk")
    return PatientDetails(
        identifiers=tuple(PatientIdentifier(each.value, each.issuer, each.kind) for each in numbers),
        full_name=patient.full_name,
        dicom_name=patient.dicom_name,
    )


def _placed_alone(caller: Caller, order: OrderIn, index: int) -> BulkResultOut:
    try:
        with transaction.atomic():
            placed = place_order(order.request(caller.source, caller.facility), caller.actor)
    except QuangError as error:
        problem = Problem(**problem_of(error, within=f"/orders/{index}"))
        return BulkResultOut(index=index, status=status_of(error), problem=problem)
    return BulkResultOut(index=index, status=201 if placed.changed else 200, order=_shown(placed))


def _as_changed(procedure: RequestedProcedure, order: OrderChangeIn, facility: str) -> OrderRequest:
    service = order.service
    return OrderRequest(
        source=procedure.source,
        placer_order_number=PlacerOrderNumber(procedure.placer_order_number),
        patient=order.patient.details(facility) if order.patient else known_details(procedure.patient_id),
        service_code=service.code if service else procedure.service_code,
        service_coding_system=service.coding_system if service else procedure.service_coding_system,
        service_name=service.name if service else "",
        modality=order.modality,
        visit=order.visit.details(facility) if order.visit else None,
        accession_number=order.accession_number,
        priority=order.priority,
        scheduled_at=order.scheduled_at,
        requesting_physician=order.requesting_physician,
        practitioners=order.numbers(facility),
        requesting_department=order.requesting_department,
        clinical_indication=order.clinical_indication,
        steps=tuple(step.step() for step in order.steps),
    )


def _shown(placed: PlacedOrder) -> OrderOut:
    found = RequestedProcedure.objects.select_related("request", "patient").get(pk=placed.procedure_id)
    return OrderOut.of(found)


def _with_all(caller: Caller) -> QuerySet[RequestedProcedure]:
    orders = caller.visible_orders().select_related("request", "patient")
    return orders.prefetch_related("steps", "patient__identifiers")
