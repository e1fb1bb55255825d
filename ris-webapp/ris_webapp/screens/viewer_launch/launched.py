"""Which exams a launch means, among those whose results its receiver gets."""

from __future__ import annotations

from django.db.models import QuerySet

from ris_core.access.launch import LaunchRequest
from ris_core.delivery.models import Receiver
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient

MOST_EXAMS = 16
"""Of a patient, the newest: a viewer's link opens no more studies."""


def launched_exams(vouched: LaunchRequest) -> list[RequestedProcedure]:
    """The exams of the order, study or patient that a launch names; none when the receiver has nothing of that name,
    or when the name means two patients: nobody guesses between them."""
    receiver = Receiver.objects.filter(code=vouched.receiver, active=True).first()
    if receiver is None:
        return []
    exams = RequestedProcedure.objects.select_related("patient", "request")
    if receiver.source:
        exams = exams.filter(request__source=receiver.source)
    if vouched.patient_id:
        return _of_patient(exams, vouched)
    if vouched.study_uid:
        linked = exams.filter(
            links__study__study_instance_uid=vouched.study_uid, links__undone_at__isnull=True
        ).distinct()
        return _of_one_patient(list(linked.order_by("pk")[:MOST_EXAMS]))
    return _of_order(exams, vouched.accession_number)


def _of_order(exams: QuerySet[RequestedProcedure], number: str) -> list[RequestedProcedure]:
    """By our accession number, else by the HIS's own, if that is of one order only."""
    found = list(exams.filter(request__accession_number=number).order_by("pk"))
    if not found:
        found = list(exams.filter(request__sent_accession_number=number).order_by("pk"))
    return found if len({exam.request_id for exam in found}) == 1 else []


def _of_patient(exams: QuerySet[RequestedProcedure], vouched: LaunchRequest) -> list[RequestedProcedure]:
    """The newest first; with the exams of records that were merged into the patient's."""
    numbers = {"identifiers__value": vouched.patient_id, "identifiers__retired_at__isnull": True}
    if vouched.patient_issuer:
        numbers["identifiers__issuer"] = vouched.patient_issuer
    patients = {row.merged_into_id or row.pk for row in Patient.objects.filter(**numbers).distinct()}
    if len(patients) != 1:
        return []
    of_patient = exams.filter(patient__in=patients) | exams.filter(patient__merged_into__in=patients)
    newest = of_patient.exclude(exam_state=ExamState.CANCELLED).filter(images_arrived_at__isnull=False)
    return list(newest.order_by("-scheduled_at", "-pk")[: min(vouched.most_recent or MOST_EXAMS, MOST_EXAMS)])


def _of_one_patient(exams: list[RequestedProcedure]) -> list[RequestedProcedure]:
    return exams if len({exam.patient_id for exam in exams}) == 1 else []
