"""How deliveries are queued among jobs, and what rules look at of an exam."""

from __future__ import annotations

from typing import Final

from ris_core.delivery.models import Delivery
from ris_core.delivery.rules import ExamFacts
from ris_core.jobs.services import enqueue
from ris_core.orders.models import RequestedProcedure

JOB_KIND: Final = "deliver"


def enqueue_delivery(delivery: Delivery) -> None:
    """Have one attempt made, in the caller's transaction."""
    enqueue(JOB_KIND, delivery.pk, lane=lane(delivery), channel=channel(delivery))


def lane(delivery: Delivery) -> str:
    """One reading's versions go in order."""
    return f"receiver:{delivery.receiver_id}:reading:{delivery.reading_id}"


def channel(delivery: Delivery) -> str:
    """One receiver gets one result at a time."""
    return f"receiver:{delivery.receiver_id}"


def exam_facts_of(procedure: RequestedProcedure) -> ExamFacts:
    """What :mod:`ris_core.delivery.rules` decides by."""
    request, visit = procedure.request, procedure.request.visit
    return ExamFacts(
        source=procedure.source,
        requesting_department=request.requesting_department,
        modality=procedure.modality,
        service_code=procedure.service_code,
        patient_class=visit.patient_class if visit else "",
        payment_state=request.payment_state or (visit.payment_state if visit else ""),
    )
