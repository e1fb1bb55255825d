"""Gathers what a result's message says: the order as the HIS sent it, the version, its document and the viewer link."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings

from ris_core.delivery.models import Delivery, Receiver
from ris_core.delivery.oru import VERSIONS, Interpreter, Result, Section, compose
from ris_core.delivery.segments import Party
from ris_core.errors import InvalidValue
from ris_core.identifiers import PatientIdentifier
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.exam import linked_study_uids, observed_at, viewer_url
from ris_core.reports.models import Document, ReportVersion
from ris_core.reports.rules import Sections
from ris_core.settings import Settings


def exam_facts(procedure: RequestedProcedure, receiver: Receiver, control_id: str, now: datetime) -> dict[str, Any]:
    """The fields of :class:`~ris_core.delivery.segments.ExamMessage`."""
    settings: Settings = django_settings.QUANG
    request, visit = procedure.request, procedure.request.visit
    return {
        "control_id": control_id,
        "composed_at": now,
        "hl7_version": receiver.hl7_version,
        "sender": Party(settings.hl7.application, settings.hl7.facility),
        "receiver": Party(receiver.application, receiver.facility),
        "patient_identifiers": tuple(
            PatientIdentifier(row.value, row.issuer, row.kind)
            for row in procedure.patient.identifiers.filter(retired_at__isnull=True).order_by("-is_primary", "pk")
        ),
        "patient_name": procedure.patient.dicom_name,
        "birth_date": procedure.patient.birth_date,
        "sex": procedure.patient.sex,
        "patient_class": visit.patient_class if visit else "",
        "ward": visit.ward if visit else "",
        "visit_number": visit.visit_number if visit else "",
        "visit_issuer": visit.issuer if visit else "",
        "placer_order_number": procedure.placer_order_number,
        "filler_order_number": procedure.filler_order_number,
        "accession_number": request.sent_accession_number or request.accession_number,
        "requested_procedure_id": procedure.requested_procedure_id,
        "service_code": procedure.service_code,
        "service_name": procedure.service_name,
        "service_coding_system": procedure.service_coding_system,
        "modality": procedure.modality,
        "ordering_physician": request.requesting_physician,
    }


def message_of(delivery: Delivery, now: datetime, settings: Settings) -> bytes:
    """The ORU^R01 of a delivery whose document has been made.

    :raises InvalidValue: the receiver is set to an HL7 version in which no result can be written
    """
    receiver, version, procedure = delivery.receiver, delivery.version, delivery.reading.procedure
    if receiver.hl7_version not in VERSIONS:
        raise InvalidValue(f"results cannot be sent in HL7 version {receiver.hl7_version}", field="MSH-12")
    zone = ZoneInfo(settings.site.time_zone)
    approver = version.approved_by
    study_uids = linked_study_uids(procedure)
    until = now + timedelta(hours=settings.access.result_link_hours)
    document = Document.objects.get(version=version, kind=Document.Kind.PDF)
    return compose(
        Result(
            **exam_facts(procedure, receiver, delivery.control_id, now),
            observed_at=observed_at(procedure).astimezone(zone),
            status=version.status,
            approved_at=version.approved_at.astimezone(zone),
            interpreter=Interpreter(approver.username, approver.full_name, approver.title),
            sections=_sections(version),
            study_uids=study_uids,
            viewer_url=viewer_url(procedure, version, study_uids, receiver.code, until, settings),
            pdf=bytes(document.content),
        )
    )


def _sections(version: ReportVersion) -> tuple[Section, ...]:
    """The sections with text, and those without that an earlier version sent."""
    earlier = ReportVersion.objects.filter(reading_id=version.reading_id, number__lt=version.number)
    sent_before = {name for row in earlier for name, text in Sections.of(row).as_dict().items() if text}
    return tuple(
        Section(name, text) for name, text in Sections.of(version).as_dict().items() if text or name in sent_before
    )
