"""Put scheduled steps on the worklist, take them off, find them for a device, and note who fetched what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils import timezone

from ris_core.errors import InvalidValue
from ris_core.names import folded
from ris_core.orders.models import PRIORITY_RANK, ScheduledProcedureStep
from ris_core.patients.models import PatientIdentifier
from ris_core.worklist.encoding import Code, OtherPatientId, WorklistAnswer, encode_answer
from ris_core.worklist.models import WorklistEntry

_ENTRY_COLUMNS = [
    "station_ae_title", "modality", "start_date", "start_time", "patient_id", "patient_name", "accession_number",
    "requested_procedure_id", "priority_rank", "answer",
]  # fmt: skip


def compose_answer(step: ScheduledProcedureStep, identifiers: Sequence[PatientIdentifier]) -> WorklistAnswer:
    """What a device is told of ``step``: reads the step, its procedure, request, visit and patient (no query when the
    caller holds them), and ``identifiers``, all that the patient has.

    :raises InvalidValue: when the patient has no primary identifier
    """
    procedure = step.procedure
    request, patient = procedure.request, procedure.patient
    visit = request.visit
    primary = next((identifier for identifier in identifiers if identifier.is_primary), None)
    if primary is None:
        raise InvalidValue("the patient has no primary identifier to send to devices", field="PID-3")
    service = Code(procedure.service_code, procedure.service_coding_system or "L", procedure.service_name)
    start = timezone.localtime(step.scheduled_at)
    issued = timezone.localtime(request.ordered_at)
    return WorklistAnswer(
        scheduled_station_ae_title=step.station_ae_title,
        scheduled_procedure_step_start_date=f"{start:%Y%m%d}",
        scheduled_procedure_step_start_time=f"{start:%H%M%S}",
        modality=step.modality,
        scheduled_procedure_step_id=step.scheduled_procedure_step_id,
        scheduled_procedure_step_description=step.description or procedure.service_name,
        scheduled_procedure_step_location=step.room,
        scheduled_protocol_codes=(service,),
        scheduled_procedure_step_status=step.status,
        requested_procedure_id=procedure.requested_procedure_id,
        study_instance_uid=procedure.study_instance_uid,
        requested_procedure_description=procedure.service_name,
        requested_procedure_codes=(service,),
        requested_procedure_priority=procedure.priority,
        reason_for_the_requested_procedure=request.clinical_indication,
        requested_procedure_comments=request.clinical_indication,
        accession_number=request.accession_number,
        requesting_physician=request.requesting_physician,
        requesting_service=request.requesting_department,
        referring_physician_name=request.requesting_physician,
        issue_date=f"{issued:%Y%m%d}",
        issue_time=f"{issued:%H%M%S}",
        placer_order_number=procedure.placer_order_number,
        filler_order_number=procedure.filler_order_number,
        admission_id=visit.visit_number if visit else "",
        current_patient_location=visit.ward if visit else "",
        patient_name=patient.dicom_name,
        patient_id=primary.value,
        issuer_of_patient_id=primary.issuer,
        other_patient_ids=tuple(
            OtherPatientId(other.value, other.issuer) for other in identifiers if not other.is_primary
        ),
        patient_birth_date=patient.birth_date,
        patient_sex=patient.sex,
    )


def put_on_worklist(step_id: int, answer: WorklistAnswer) -> None:
    """Make the step findable as ``answer`` says, or bring it up to date; in the caller's transaction, one statement.

    :raises InvalidValue: when the answer cannot be encoded (see :func:`~ris_core.worklist.encoding.encode_answer`)
    """
    entry = WorklistEntry(
        step_id=step_id,
        station_ae_title=answer.scheduled_station_ae_title,
        modality=answer.modality,
        start_date=answer.scheduled_procedure_step_start_date,
        start_time=answer.scheduled_procedure_step_start_time,
        patient_id=answer.patient_id,
        patient_name=folded(answer.patient_name),
        accession_number=answer.accession_number,
        requested_procedure_id=answer.requested_procedure_id,
        priority_rank=PRIORITY_RANK.get(answer.requested_procedure_priority, 2),
        answer=encode_answer(answer),
    )
    WorklistEntry.objects.bulk_create(
        [entry], update_conflicts=True, unique_fields=["step"], update_fields=_ENTRY_COLUMNS
    )


def take_off_worklist(step_ids: Iterable[int]) -> int:
    """Nobody finds these steps any more; returns how many had been on the worklist."""
    return WorklistEntry.objects.filter(step_id__in=list(step_ids)).delete()[0]
