"""Put scheduled steps on the worklist, take them off, find them for a device, and note who fetched what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection
from django.utils import timezone

from ris_core.devices.registered import registered_device
from ris_core.devices.rules import RegisteredDevice
from ris_core.errors import InvalidValue
from ris_core.names import folded
from ris_core.orders.models import PRIORITY_RANK, ScheduledProcedureStep
from ris_core.patients.models import PatientIdentifier
from ris_core.statements import upsert
from ris_core.worklist.adaptation import told_to
from ris_core.worklist.answer import Code, OtherPatientId, WorklistAnswer
from ris_core.worklist.dataset import attributes_of, read_file
from ris_core.worklist.eligibility import Requirement, meant, requirements_of
from ris_core.worklist.encoding import encode_answer, for_station
from ris_core.worklist.models import WorklistEntry
from ris_core.worklist.rules import Keys, matches
from ris_core.worklist.search import Search, compile_search


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
    performed = service
    if procedure.procedure_code:
        scheme = procedure.procedure_coding_system or "L"
        performed = Code(procedure.procedure_code, scheme, procedure.procedure_name or procedure.service_name)
    protocol = performed
    if step.protocol_code:
        meaning = step.description or procedure.service_name
        protocol = Code(step.protocol_code, step.protocol_coding_system or "L", meaning)
    weight = request.patient_weight_kg
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
        scheduled_protocol_codes=(protocol,),
        scheduled_procedure_step_status=step.status,
        requested_procedure_id=procedure.requested_procedure_id,
        study_instance_uid=procedure.study_instance_uid,
        requested_procedure_description=procedure.service_name,
        requested_procedure_codes=(performed,),
        requested_procedure_priority=procedure.priority,
        reason_for_the_requested_procedure=request.clinical_indication,
        requested_procedure_comments=request.clinical_indication,
        imaging_service_request_comments=request.comments,
        patient_transport_arrangements=request.transport,
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
        special_needs=request.isolation,
        patient_state=request.patient_state,
        patient_name=patient.dicom_name,
        patient_id=primary.value,
        issuer_of_patient_id=primary.issuer,
        other_patient_ids=tuple(
            OtherPatientId(other.value, other.issuer) for other in identifiers if not other.is_primary
        ),
        patient_birth_date=patient.birth_date,
        patient_sex=patient.sex,
        patient_weight=f"{weight:.2f}".rstrip("0").rstrip(".") if weight is not None else "",
        allergies=request.allergies,
        pregnancy_status=request.pregnancy_status,
    )


def columns_of(answer: WorklistAnswer) -> dict[str, str | int]:
    """The columns of the worklist entry that ``answer`` makes: what queries and devices' filters are compared with."""
    identifiers = (answer.patient_id, answer.accession_number, answer.requested_procedure_id,
                   answer.scheduled_procedure_step_id)  # fmt: skip
    return {
        "station_ae_title": answer.scheduled_station_ae_title,
        "modality": answer.modality,
        "start_date": answer.scheduled_procedure_step_start_date,
        "start_time": answer.scheduled_procedure_step_start_time,
        "patient_id": answer.patient_id,
        "patient_name": folded(answer.patient_name),
        "accession_number": answer.accession_number,
        "requested_procedure_id": answer.requested_procedure_id,
        "room": folded(answer.scheduled_procedure_step_location)[:64],
        "department": folded(answer.requesting_service)[:255],
        "status": answer.scheduled_procedure_step_status,
        "plain_identifiers": int(all(map(str.isascii, identifiers))),
        "priority_rank": PRIORITY_RANK.get(answer.requested_procedure_priority, 2),
    }


def put_on_worklist(step_id: int, answer: WorklistAnswer) -> None:
    """Make the step findable as ``answer`` says, or bring it up to date; in the caller's transaction, one statement.

    :raises InvalidValue: when the answer cannot be encoded (see :func:`~ris_core.worklist.encoding.encode_answer`)
    """
    upsert(WorklistEntry(step_id=step_id, answer=encode_answer(answer), **columns_of(answer)))


def take_off_worklist(step_ids: Iterable[int]) -> int:
    """Nobody finds these steps any more; returns how many had been on the worklist."""
    return WorklistEntry.objects.filter(step_id__in=list(step_ids)).delete()[0]


@dataclass(frozen=True, slots=True)
class FoundEntries:
    """What a query found, most urgent first, then by time."""

    step_ids: tuple[int, ...]
    answers: tuple[bytes, ...]
    """Encoded answers, in the order of ``step_ids``."""
    complete: bool
    """False when there were more than asked for, or more to look through than may be (:data:`MOST_EXAMINED`)."""


MOST_EXAMINED = 10_000
"""Entries that are decoded at most when a query asks for keys without a column: 40 µs each, under the engine's GIL."""


def find_entries(
    keys: Keys, limit: int, device: RegisteredDevice | None = None, today: date | None = None
) -> FoundEntries:
    """The worklist entries that match ``keys`` (PS3.4 K.6.1.2), at most ``limit``.

    :param device: who asks: it is shown what its filter lets through, by what it means by its keys, in its character
        set. None: everything, as it is.
    :param today: the day that the device's window counts from; the site's present one when none
    :raises InvalidValue: when a date or time key is malformed
    :raises django.db.DatabaseError: when the database cannot be asked; the query must then fail
    """
    requirements: tuple[Requirement, ...] = ()
    if device is not None:
        keys = meant(keys, device.quirks)
        requirements = requirements_of(device, today or timezone.localdate())
        limit = min(limit, device.worklist_filter.limit or limit)
    for_sqlite = connection.vendor == "sqlite"
    search = compile_search(
        keys, requirements, for_sqlite=for_sqlite, modalities_of=lambda title: modalities_of(title, device)
    )
    rows = _select(search, limit + 1 if not search.remaining else MOST_EXAMINED + 1)
    complete = True
    if search.remaining:
        complete = len(rows) <= MOST_EXAMINED
        rows = [row for row in rows[:MOST_EXAMINED] if matches(search.remaining, attributes_of(read_file(row[1])))]
    if len(rows) > limit:
        rows, complete = rows[:limit], False
    answers = [row[1] for row in rows]
    if station := search.station or (device.ae_title if device else ""):
        answers = [for_station(answer, station) for answer in answers]
    if device is not None:
        answers = [told_to(answer, device) for answer in answers]
    return FoundEntries(tuple(row[0] for row in rows), tuple(answers), complete)


def modalities_of(ae_title: str, asking: RegisteredDevice | None = None) -> tuple[str, ...]:
    """The modalities of the active device with this title; none when there is no such device."""
    device = asking if asking is not None and asking.ae_title == ae_title else registered_device(ae_title)
    return device.modalities if device is not None and device.active else ()


_ANSWER: Final = WorklistEntry._meta.get_field("answer")


def _select(search: Search, limit: int) -> list[tuple[int, bytes]]:
    conditions, parameters = search.sql(for_sqlite=connection.vendor == "sqlite")
    with connection.cursor() as cursor:
        cursor.execute(
            # conditions are constants of the search module, values are parameters
            f"SELECT step_id, answer FROM worklist_worklistentry {conditions} LIMIT {int(limit)}",  # noqa: S608
            parameters,
        )
        return [(step_id, _ANSWER.shown(answer)) for step_id, answer in cursor.fetchall()]
