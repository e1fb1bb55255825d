"""Orders: the list of those made here and of appointments without one; everything about one order."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.appointments.models import Appointment
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.external_results.models import ExternalDocument
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure
from ris_core.orders.records import RIS_SOURCE
from ris_core.sight.seeing import seen_exams
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.orders.record import record_of

SHOWN = 50


@requires(Function.MANAGE_ORDERS)
@require_GET
def orders(request: UserRequest) -> HttpResponse:
    """The newest orders made here; appointments that wait for their order."""
    made = RequestedProcedure.objects.filter(source=RIS_SOURCE).select_related("request", "patient")
    made = seen_exams(made, request.user)
    waiting = Appointment.objects.filter(procedure__isnull=True).order_by("starts_at", "pk")
    context = {
        "made": list(made.order_by("-pk")[:SHOWN]),
        "waiting": list(waiting[:SHOWN]),
    }
    return render(request, "orders/orders.html", context)


@requires(Function.MANAGE_ORDERS)
@require_GET
def order(request: UserRequest, request_id: int) -> HttpResponse:
    """One order: numbers, steps, images, results, messages, what happened."""
    found = ImagingServiceRequest.objects.select_related("patient", "visit").filter(pk=request_id).first()
    if found is None:
        raise NotFound("there is no such order", field="order")
    record(actor_of(request), "order.viewed", subject=f"request:{found.pk}", patient_id=found.patient_id)
    return render(request, "orders/order.html", {"order": record_of(found)})


@requires(Function.MANAGE_ORDERS)
@require_GET
def of_procedure(request: UserRequest, procedure_id: int) -> HttpResponse:
    """The page of the order that an exam is of."""
    request_id = RequestedProcedure.objects.filter(pk=procedure_id).values_list("request_id", flat=True).first()
    if request_id is None:
        raise NotFound("there is no such procedure", field="procedure")
    return HttpResponseRedirect(reverse("orders:order", args=(request_id,)))


@requires(Function.VIEW_REPORT)
@require_GET
def document(request: UserRequest, document_id: int) -> HttpResponse:
    """A document that came with a result made elsewhere; PDF is shown, anything else only downloaded."""
    found = ExternalDocument.objects.select_related("result__procedure").filter(pk=document_id).first()
    if found is None:
        raise NotFound("there is no such document", field="document")
    record(
        actor_of(request),
        "external_result.viewed",
        subject=f"procedure:{found.result.procedure_id}",
        patient_id=found.result.procedure.patient_id,
    )
    shown = found.media_type == "application/pdf"
    response = HttpResponse(
        bytes(found.content), content_type=found.media_type if shown else "application/octet-stream"
    )
    response["Content-Disposition"] = f'{"inline" if shown else "attachment"}; filename="result-{found.pk}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
