"""Which exams a launch means, among those whose results its receiver gets."""

from __future__ import annotations

from django.db.models import QuerySet

from ris_core.access.image_display import MOST_NAMED, ImageDisplay
from ris_core.access.launch import LaunchRequest
from ris_core.delivery.models import Receiver
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient

MOST_EXAMS = MOST_NAMED
"""Of a patient, the newest: a viewer's link opens no more studies."""


def launched_exams(vouched: LaunchRequest) -> list[RequestedProcedure]:
    """The exams of the orders, studies or patient that a launch names; none when the receiver has nothing of that name,
    or when what is named is of two patients: nobody guesses between them."""
    receiver = Receiver.objects.filter(code=vouched.receiver, active=True).first()
    if receiver is None:
        return []
    exams = RequestedProcedure.objects.select_related("patient", "request")
    if receiver.source:
        exams = exams.filter(request__source=receiver.source)
    display = vouched.display
    if display is None:
        return _of_order(exams, vouched.accession_number)
    if display.patient_id:
        return _of_patient(exams, display)
    if display.accession_numbers:
        by_order = [_of_order(exams, number) for number in display.accession_numbers]
        return _of_one_patient([exam for found in by_order for exam in found]) if all(by_order) else []
    links = {"links__study__study_instance_uid__in": display.study_uids, "links__undone_at__isnull": True}
    return _of_one_patient(list(exams.filter(**links).distinct().order_by("pk")[:MOST_EXAMS]))


def _of_order(exams: QuerySet[RequestedProcedure], number: str) -> list[RequestedProcedure]:
    """By our accession number, else by the HIS's own, if that is of one order only."""
    found = list(exams.filter(request__accession_number=number).order_by("pk"))
    if not found:
        found = list(exams.filter(request__sent_accession_number=number).order_by("pk"))
    return found if len({exam.request_id for exam in found}) == 1 else []


def _of_patient(exams: QuerySet[RequestedProcedure], display: ImageDisplay) -> list[RequestedProcedure]:
    """The newest first; with the exams of records that were merged into the patient's."""
    numbers = {"identifiers__value": display.patient_id, "identifiers__retired_at__isnull": True}
    if display.patient_issuer:
        numbers["identifiers__issuer"] = display.patient_issuer
    patients = {row.merged_into_id or row.pk for row in Patient.objects.filter(**numbers).distinct()}
    if len(patients) != 1:
        return []
    if display.birth_date and not Patient.objects.filter(pk__in=patients, birth_date=display.birth_date).exists():
        return []
    if display.modalities:
        exams = exams.filter(modality__in=display.modalities)
    if display.not_before:
        exams = exams.filter(scheduled_at__gte=display.not_before)
    if display.not_after:
        exams = exams.filter(scheduled_at__lte=display.not_after)
    of_patient = exams.filter(patient__in=patients) | exams.filter(patient__merged_into__in=patients)
    newest = of_patient.exclude(exam_state=ExamState.CANCELLED).filter(images_arrived_at__isnull=False)
    return list(newest.order_by("-scheduled_at", "-pk")[: min(display.most_recent or MOST_EXAMS, MOST_EXAMS)])


def _of_one_patient(exams: list[RequestedProcedure]) -> list[RequestedProcedure]:
    return exams if len({exam.patient_id for exam in exams}) == 1 else []
