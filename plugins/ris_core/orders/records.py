"""The rows of an order: visit, request, requested procedure, scheduled steps, and what the worklist has of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.utils import timezone

from ris_core.audit.services import SYSTEM
from ris_core.delivery.holding import set_visit_payment
from ris_core.errors import IdentityConflict
from ris_core.orders import numbers
from ris_core.orders.catalogue import ServicePlan
from ris_core.orders.models import (
    PRIORITY_RANK,
    ExamState,
    ImagingServiceRequest,
    NamedPractitioner,
    PaymentState,
    Priority,
    RequestedProcedure,
    ScheduledProcedureStep,
    StepStatus,
    Visit,
)
from ris_core.orders.rules import NamedAs, OrderedStep, OrderRequest, PractitionerNumber, VisitDetails
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.statements import Param, Select, insert, reserve_id
from ris_core.worklist.services import compose_answer, put_on_worklist

RIS_SOURCE = "RIS"
"""The source of orders that are made here."""

OPEN_STATUSES = (StepStatus.SCHEDULED, StepStatus.ARRIVED, StepStatus.READY)
"""A step that has not begun."""

_find_visit = Select(
    Visit.objects.filter(visit_number=Param("number"), issuer=Param("issuer")).values_list(
        "id", "patient_id", "patient_class", "ward"
    )
)


def expect_visit(details: VisitDetails) -> None:
    """Send ahead what :func:`record_visit` reads."""
    _find_visit.expect(number=details.visit_number, issuer=details.issuer)


def record_visit(details: VisitDetails, patient: Patient) -> Visit:
    """The visit that a message names, added or brought up to date.

    :raises IdentityConflict: when the visit number is that of another patient's visit
    """
    row = _find_visit.row(number=details.visit_number, issuer=details.issuer)
    visit_id, patient_id, patient_class, ward = row or (None, patient.id, "", "")
    if patient_id != patient.id:
        raise IdentityConflict(
            "the visit number is that of another patient's visit; send this patient's own", field="visit_number"
        )
    visit = Visit(
        id=visit_id,
        patient=patient,
        visit_number=details.visit_number,
        issuer=details.issuer,
        patient_class=details.patient_class or patient_class,
        ward=ward if details.ward is None else details.ward,
        payment_state=details.payment_state,
    )
    if visit_id is None:
        insert(visit)
    elif (visit.patient_class, visit.ward) != (patient_class, ward):
        Visit.objects.filter(id=visit_id).update(patient_class=visit.patient_class, ward=visit.ward)
    if visit_id is not None and details.payment_state:
        set_visit_payment(visit_id, PaymentState(details.payment_state), SYSTEM)
    return visit


def add_request(order: OrderRequest, patient: Patient) -> ImagingServiceRequest:
    """A request with its accession number (:func:`~ris_core.orders.numbers.accession_numbers`)."""
    visit = record_visit(order.visit, patient) if order.visit else None
    request_id = reserve_id(ImagingServiceRequest)
    accession_number, sent = numbers.accession_numbers(order.accession_number, request_id)
    request = ImagingServiceRequest(
        id=request_id,
        patient=patient,
        visit=visit,
        accession_number=accession_number,
        sent_accession_number=sent,
        source=order.source,
        requesting_physician=order.requesting_physician or "",
        requesting_department=order.requesting_department or "",
        clinical_indication=order.clinical_indication or "",
        comments=order.comments or "",
        **order.condition.said(),
        ordered_at=order.ordered_at or timezone.now(),
    )
    insert(request)
    name_practitioners(request.id, order.practitioners, is_new=True)
    return request


def name_practitioners(
    request_id: int, said: Mapping[NamedAs, tuple[PractitionerNumber, ...]], *, is_new: bool = False
) -> bool:
    """Keep whom an order names by a number; parts of which it says nothing stay. Whether anything has changed.

    :param is_new: the request has none yet
    """
    changed = False
    for part, named in said.items():
        rows = () if is_new else NamedPractitioner.objects.filter(request_id=request_id, named_as=part)
        present = {PractitionerNumber(row.identifier, row.issuer): row.pk for row in rows}
        gone = [key for number, key in present.items() if number not in named]
        if gone:
            NamedPractitioner.objects.filter(pk__in=gone).delete()
        fresh = [number for number in named if number not in present]
        for number in fresh:
            insert(
                NamedPractitioner(
                    request_id=request_id, named_as=part, identifier=number.identifier, issuer=number.issuer
                )
            )
        changed = changed or bool(gone or fresh)
    return changed


def practitioners_of(request_id: int) -> dict[NamedAs, tuple[PractitionerNumber, ...]]:
    """Whom a request names by a number, every part said."""
    rows = list(NamedPractitioner.objects.filter(request_id=request_id).order_by("pk"))
    return {
        part: tuple(PractitionerNumber(row.identifier, row.issuer) for row in rows if row.named_as == part)
        for part in NamedAs
    }


def add_procedure(
    order: OrderRequest, request: ImagingServiceRequest, plan: ServicePlan, ordinal: int
) -> RequestedProcedure:
    """The ``ordinal``-th procedure of ``request``."""
    priority = order.priority or Priority.ROUTINE
    procedure_id = numbers.requested_procedure_id(order, request.id, ordinal)
    procedure = RequestedProcedure(
        request=request,
        patient=request.patient,
        source=order.source,
        placer_order_number=order.placer_order_number,
        filler_order_number=numbers.filler_order_number(order, procedure_id),
        requested_procedure_id=procedure_id,
        study_instance_uid=numbers.study_instance_uid(order, settings.QUANG.site.uid_root),
        service_code=order.service_code,
        service_coding_system=plan.coding_system,
        service_name=plan.name,
        procedure_code=order.procedure_code,
        procedure_coding_system=order.procedure_coding_system,
        procedure_name=order.procedure_name,
        modality=plan.modality,
        priority=priority,
        priority_rank=PRIORITY_RANK[priority],
        scheduled_at=order.scheduled_at or timezone.now(),
        exam_state=ExamState.ORDERED,
    )
    insert(procedure)
    return procedure


def add_step(
    step: OrderedStep, procedure: RequestedProcedure, plan: ServicePlan, procedure_ordinal: int, ordinal: int
) -> ScheduledProcedureStep:
    """The ``ordinal``-th step of ``procedure``: as the sender planned it, else as the catalogue does."""
    scheduled = ScheduledProcedureStep(
        procedure=procedure,
        scheduled_procedure_step_id=numbers.step_id(step, procedure.request_id, procedure_ordinal, ordinal),
        station_ae_title=step.station_ae_title or plan.station_ae_title,
        room=step.room or plan.room,
        modality=step.modality or plan.modality,
        scheduled_at=step.scheduled_at or procedure.scheduled_at,
        description=step.description,
        protocol_code=step.protocol_code,
        protocol_coding_system=step.protocol_coding_system,
    )
    insert(scheduled)
    return scheduled


def show_on_worklist(steps: Iterable[ScheduledProcedureStep], identifiers: list[PatientIdentifier]) -> None:
    """Encode what devices are told of ``steps`` (their procedure, request, visit and patient loaded)."""
    for step in steps:
        put_on_worklist(step.id, compose_answer(step, identifiers))


def refresh_worklist_of_patient(
    patient: Patient, identifiers: list[PatientIdentifier], *, procedure_id: int | None = None
) -> None:
    """Encode anew what the worklist has of a locked patient, whose data or (``procedure_id``) exam changed."""
    shown = ScheduledProcedureStep.objects.filter(procedure__patient_id=patient.id, worklist_entry__isnull=False)
    if procedure_id is not None:
        shown = shown.filter(procedure_id=procedure_id)
    locked = list(shown.select_for_update(of=("self",)).order_by("id").values_list("id", flat=True))
    # read now that the steps are locked: images may have taken one off meanwhile, a person renumbered the order
    steps = list(shown.filter(id__in=locked).select_related("procedure__request__visit").order_by("id"))
    for step in steps:
        step.procedure.patient = step.procedure.request.patient = patient
    show_on_worklist(steps, identifiers)
