"""Everything that is known of one order, gathered for its page."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from ris_core.appointments.models import Appointment
from ris_core.audit.models import AuditEvent
from ris_core.external_results.models import ExternalResult
from ris_core.messages.models import InboundMessage
from ris_core.names import folded
from ris_core.orders.linking import linkable_orders
from ris_core.orders.models import (
    ExamState,
    FormerNumber,
    ImagingServiceRequest,
    OrderLink,
    RequestedProcedure,
    ScheduledProcedureStep,
    StepStatus,
)
from ris_core.orders.records import OPEN_STATUSES, RIS_SOURCE
from ris_core.patients.models import PatientIdentifier
from ris_core.studies.models import StudyLink

_MOST_EVENTS = 100
_MOST_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class ShownProcedure:
    """One procedure of an order, and what may be done with it now."""

    row: RequestedProcedure
    steps: list[ScheduledProcedureStep]
    studies: list[StudyLink]
    results: list[ExternalResult]
    appointments: list[Appointment]
    linkable: list[RequestedProcedure]
    link: OrderLink | None
    absorbed_by: OrderLink | None

    @property
    def may_cancel(self) -> bool:
        return self.row.exam_state == ExamState.ORDERED and all(
            step.status in (*OPEN_STATUSES, StepStatus.CANCELLED) for step in self.steps
        )

    @property
    def may_discontinue(self) -> bool:
        statuses = {step.status for step in self.steps}
        return StepStatus.STARTED in statuses and StepStatus.COMPLETED not in statuses

    @property
    def may_change(self) -> bool:
        return self.row.exam_state != ExamState.CANCELLED


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order with its procedures, numbers, messages and history."""

    request: ImagingServiceRequest
    identifiers: list[PatientIdentifier]
    procedures: list[ShownProcedure]
    former_numbers: list[FormerNumber]
    messages: list[InboundMessage]
    events: list[AuditEvent]


def record_of(request: ImagingServiceRequest) -> OrderRecord:
    """Everything about ``request`` (patient and visit loaded)."""
    rows = list(request.requested_procedures.select_related("patient").order_by("pk"))
    subjects = [f"request:{request.pk}", *(f"procedure:{row.pk}" for row in rows)]
    events = AuditEvent.objects.filter(subject__in=subjects).exclude(action="order.viewed").order_by("-at", "-pk")
    return OrderRecord(
        request=request,
        identifiers=list(request.patient.identifiers.order_by("-is_primary", "pk")),
        procedures=[_procedure(row) for row in rows],
        former_numbers=list(request.former_numbers.select_related("user", "procedure").order_by("-pk")),
        messages=_messages(request, rows),
        events=list(events[:_MOST_EVENTS]),
    )


def _procedure(row: RequestedProcedure) -> ShownProcedure:
    links = OrderLink.objects.filter(undone_at__isnull=True).select_related(
        "procedure__request", "absorbed__request", "linked_by"
    )
    is_here = row.source == RIS_SOURCE and row.exam_state != ExamState.CANCELLED
    return ShownProcedure(
        row=row,
        steps=list(row.steps.prefetch_related("fetches").order_by("pk")),
        studies=list(row.links.filter(undone_at__isnull=True).select_related("study").order_by("pk")),
        results=list(row.external_results.prefetch_related("documents").order_by("replaced_at", "-pk")),
        appointments=list(row.appointments.order_by("-starts_at")),
        linkable=list(linkable_orders(row)[:10]) if is_here else [],
        link=links.filter(procedure=row).first(),
        absorbed_by=links.filter(absorbed=row).first(),
    )


def _messages(request: ImagingServiceRequest, rows: list[RequestedProcedure]) -> list[InboundMessage]:
    """Messages of the patient that name the order by one of its numbers, and those that named it in vain."""
    numbers = {row.placer_order_number for row in rows} | {
        request.accession_number, request.sent_accession_number,
        *request.former_numbers.values_list("value", flat=True),
    }  # fmt: skip
    named = Q(pk__in=[])
    for number in numbers:
        if len(number) > 2:
            named |= Q(search_text__contains=folded(number))
    senders = {row.source for row in rows}
    found = InboundMessage.objects.filter(named).filter(
        Q(patient_id=request.patient_id) | Q(patient__isnull=True, sender__in=senders)
    )
    return list(found.defer("raw", "acknowledgement").order_by("-received_at", "-pk")[:_MOST_MESSAGES])
