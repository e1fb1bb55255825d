"""Book, move and cancel appointments: what they mean for the scheduled steps of an order.

An appointment whose order is not here waits for it; :func:`claim_waiting` gives it to the order when that is placed.
Cancelling an appointment (or a no-show) takes the steps off the worklist and cancels no order: booked anew, they are
on it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils import timezone

from ris_core.appointments.models import Appointment, AppointmentStatus
from ris_core.appointments.rules import AppointmentNotice
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import IdentityConflict, InvalidValue, TransitionRefused
from ris_core.orders.finding import lock_procedures, requests_numbered
from ris_core.orders.models import ExamState, RequestedProcedure, ScheduledProcedureStep, StepStatus
from ris_core.orders.records import OPEN_STATUSES, show_on_worklist
from ris_core.patients.models import PatientIdentifier
from ris_core.patients.services import identifiers_of, present_patient
from ris_core.statements import Param, Select
from ris_core.worklist.services import take_off_worklist

BOOKED = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED)

_waiting_by_placer_number = Select(
    Appointment.objects.filter(
        source=Param("source"), placer_order_number=Param("number"), procedure__isnull=True
    ).values_list("id")
)
_waiting_by_accession_number = Select(
    Appointment.objects.filter(
        source=Param("source"), accession_number=Param("number"), procedure__isnull=True
    ).values_list("id")
)


def record_appointment(notice: AppointmentNotice, actor: Actor) -> Appointment:
    """Keep what ``notice`` says and carry it out, in the caller's transaction. The same again changes nothing.

    :return: the appointment; without a procedure while its order is not here
    :raises InvalidValue: a booking without a time
    :raises TransitionRefused: when the acquisition has begun, or the order was cancelled
    :raises IdentityConflict: when the order is another patient's
    """
    known = Appointment.objects.select_for_update().filter(source=notice.source, number=notice.number).first()
    procedures = _procedures_of(notice, known)
    if known is None and notice.starts_at is None and notice.status in BOOKED:
        raise InvalidValue("an appointment needs a time", field="starts_at")
    appointment = known or Appointment(source=notice.source, number=notice.number)
    changed = _take_over(appointment, notice, procedures)
    if not changed:
        return appointment
    appointment.save()
    for procedure in procedures:
        _carry_out(appointment, procedure, actor)
    if not procedures:
        record(actor, "appointment.waiting", subject=f"appointment:{appointment.pk}", status=appointment.status)
    announce("appointment", appointment.pk)
    return appointment


def expect_waiting(source: str, placer_order_number: str, sent_accession_number: str) -> None:
    """Send ahead what :func:`claim_waiting` reads."""
    _waiting_by_placer_number.expect(source=source, number=placer_order_number)
    if sent_accession_number:
        _waiting_by_accession_number.expect(source=source, number=sent_accession_number)


def claim_waiting(
    procedure: RequestedProcedure, sent_accession_number: str, identifiers: Sequence[PatientIdentifier], actor: Actor
) -> None:
    """Carry out the appointments that have waited for ``procedure``, just placed; in the caller's transaction.

    One that is of somebody else, or was cancelled meanwhile, is left as it is: the order is placed all the same.
    """
    found = _waiting_by_placer_number.rows(source=procedure.source, number=procedure.placer_order_number)
    if sent_accession_number:
        found += _waiting_by_accession_number.rows(source=procedure.source, number=sent_accession_number)
    if not found:
        return
    waiting = Appointment.objects.select_for_update().filter(pk__in={key for (key,) in found}, status__in=BOOKED)
    for appointment in waiting.order_by("pk"):
        sent = [(value, issuer) for value, issuer in appointment.patient_identifiers]
        known = {(one.value, one.issuer) for one in identifiers}
        other_service = appointment.service_code not in ("", procedure.service_code)
        if (sent and known.isdisjoint(sent)) or other_service:
            continue
        Appointment.objects.filter(pk=appointment.pk).update(procedure=procedure, updated_at=timezone.now())
        _carry_out(appointment, procedure, actor)
        announce("appointment", appointment.pk)


def _procedures_of(notice: AppointmentNotice, known: Appointment | None) -> list[RequestedProcedure]:
    """The procedures that are meant, locked: by the order's numbers, else those the appointment is of already.

    All of them are one patient's. An order of another system, known by our filler number, is only touched for a sender
    who names the patient.

    :raises InvalidValue: the patient is not named, and the order is another system's
    :raises IdentityConflict: the order is another patient's, or the numbers are those of several patients' orders
    """
    placer = notice.placer_order_number or (known.placer_order_number if known else "")
    accession = notice.accession_number or (known.accession_number if known else "")
    named = Q(pk__in=[])
    if placer:
        named |= Q(source=notice.source, placer_order_number=placer)
    if notice.filler_order_number:
        named |= Q(filler_order_number=notice.filler_order_number)
    if accession:
        named |= Q(source=notice.source, request_id__in=requests_numbered(accession))
    if known and known.procedure_id:
        named |= Q(pk=known.procedure_id)
    keys = list(RequestedProcedure.objects.filter(named).values_list("pk", flat=True))
    lock_procedures(keys)
    rows = RequestedProcedure.objects.select_related("request__visit").filter(pk__in=keys).order_by("pk")
    found = _of_one_patient(list(rows), notice, known)
    for procedure in found:  # locked after the exam: what devices are told of the patient stays as it is read
        procedure.patient = present_patient(procedure.patient_id)
    service = notice.service_code or (known.service_code if known else "")
    return [procedure for procedure in found if procedure.service_code == service] or found


def _of_one_patient(
    found: list[RequestedProcedure], notice: AppointmentNotice, known: Appointment | None
) -> list[RequestedProcedure]:
    if not notice.patient_identifiers:
        own = known.procedure_id if known else None
        if any(procedure.source != notice.source and procedure.pk != own for procedure in found):
            raise InvalidValue("the order is another system's; name the patient", field="patient_identifier")
        theirs = found
    else:
        sent = {identifier.value for identifier in notice.patient_identifiers}
        patients = {procedure.patient_id for procedure in found}
        numbers_of = {key: {row.value for row in identifiers_of(key)} for key in patients}
        theirs = [procedure for procedure in found if not sent.isdisjoint(numbers_of[procedure.patient_id])]
        if found and not theirs:
            raise IdentityConflict("the order is another patient's than the appointment", field="patient_identifier")
    if len({procedure.patient_id for procedure in theirs}) > 1:
        raise IdentityConflict("the numbers are those of several patients' orders", field="patient_identifier")
    return theirs


def _take_over(
    appointment: Appointment, notice: AppointmentNotice, procedures: Sequence[RequestedProcedure]
) -> list[str]:
    """What the notice changes, by field; what it does not say stays."""
    said: dict[str, object] = {
        name: value
        for name in (
            "placer_order_number", "accession_number", "service_code", "starts_at", "minutes", "station_ae_title",
            "room", "reason",
        )
        if (value := getattr(notice, name))
    }  # fmt: skip
    said["status"] = notice.status
    if notice.patient_identifiers:
        said["patient_identifiers"] = [[one.value, one.issuer] for one in notice.patient_identifiers]
    if procedures and appointment.procedure_id is None:
        said["procedure_id"] = procedures[0].pk
    if appointment.starts_at is None and notice.starts_at is None:
        said["starts_at"] = timezone.now()
    changed = [name for name, value in said.items() if getattr(appointment, name) != value]
    for name in changed:
        setattr(appointment, name, said[name])
    return changed


def _carry_out(appointment: Appointment, procedure: RequestedProcedure, actor: Actor) -> None:
    if procedure.exam_state == ExamState.CANCELLED:
        if appointment.status in BOOKED:
            raise TransitionRefused("the order was cancelled; send a new one", field="placer_order_number")
        return
    steps = list(procedure.steps.select_for_update(of=("self",)).order_by("pk"))
    bookable = [step for step in steps if step.status in (*OPEN_STATUSES, StepStatus.CANCELLED)]
    if not bookable:
        raise TransitionRefused(
            "the acquisition has begun, its appointment can no longer change", field="placer_order_number"
        )
    if appointment.status in BOOKED:
        _book(appointment, procedure, bookable)
    else:
        _withdraw(bookable)
    announce("exam", procedure.pk)
    record(
        actor,
        f"appointment.{appointment.status.lower()}",
        subject=f"procedure:{procedure.pk}",
        patient_id=procedure.patient_id,
        appointment=appointment.pk,
    )


def _book(appointment: Appointment, procedure: RequestedProcedure, steps: list[ScheduledProcedureStep]) -> None:
    arrived = appointment.status == AppointmentStatus.ARRIVED
    for step in steps:
        step.scheduled_at = appointment.starts_at
        step.room = appointment.room or step.room
        step.station_ae_title = appointment.station_ae_title or step.station_ae_title
        if arrived and step.status != StepStatus.READY:
            step.status = StepStatus.ARRIVED
        elif step.status == StepStatus.CANCELLED:
            step.status = StepStatus.SCHEDULED
        step.procedure = procedure
        ScheduledProcedureStep.objects.filter(pk=step.pk).update(
            scheduled_at=step.scheduled_at, room=step.room, station_ae_title=step.station_ae_title, status=step.status,
            updated_at=timezone.now(),
        )  # fmt: skip
    RequestedProcedure.objects.filter(pk=procedure.pk).update(
        scheduled_at=appointment.starts_at, updated_at=timezone.now()
    )
    show_on_worklist(steps, identifiers_of(procedure.patient_id))


def _withdraw(steps: list[ScheduledProcedureStep]) -> None:
    for step in steps:
        if step.status != StepStatus.CANCELLED:
            step.status = StepStatus.CANCELLED
            step.save(update_fields=["status", "updated_at"])
    take_off_worklist([step.pk for step in steps])
