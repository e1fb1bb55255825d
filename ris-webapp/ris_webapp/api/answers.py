"""What programs are told of orders, patients, studies and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Schema

from ris_core.devices.models import Device
from ris_core.orders.models import RequestedProcedure, ScheduledProcedureStep
from ris_core.patients.models import Patient
from ris_core.reports.models import ReportVersion
from ris_core.reports.rendering import texts_of, titles_of
from ris_core.reports.texts import content_of, usual_titles
from ris_core.studies.models import Study
from ris_core.worklist.explanation import Explanation

_OF_THE_PROCEDURE = (
    "id",
    "source",
    "placer_order_number",
    "filler_order_number",
    "requested_procedure_id",
    "study_instance_uid",
    "service_code",
    "service_coding_system",
    "service_name",
    "modality",
    "priority",
    "scheduled_at",
    "created_at",
    "updated_at",
)


class Problem(Schema):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    """Stable: ``docs/error-codes.md`` tells what it means."""
    detail: str
    errors: list[dict[str, str]] = []
    """Each wrong place of the request, as JSON pointer of the body or name of a parameter."""


class IdentifierOut(Schema):
    value: str
    issuer: str
    kind: str
    primary: bool


class PatientOut(Schema):
    """A patient as known here."""

    id: int
    identifiers: list[IdentifierOut]
    full_name: str
    birth_date: str
    """``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
    sex: str
    phone: str
    address: str
    merged_into: int | None
    updated_at: datetime

    @classmethod
    def of(cls, patient: Patient) -> PatientOut:
        in_use = [number for number in patient.identifiers.all() if number.retired_at is None]
        numbers = sorted(in_use, key=lambda number: (not number.is_primary, number.pk))
        return cls(
            id=patient.pk,
            identifiers=[
                IdentifierOut(value=each.value, issuer=each.issuer, kind=each.kind, primary=each.is_primary)
                for each in numbers
            ],
            full_name=patient.full_name,
            birth_date=dashed(patient.birth_date),
            sex=patient.sex,
            phone=patient.phone,
            address=patient.address,
            merged_into=patient.merged_into_id,
            updated_at=patient.updated_at,
        )


class StepOut(Schema):
    scheduled_procedure_step_id: str
    station_ae_title: str
    room: str
    modality: str
    scheduled_at: datetime
    status: str
    started_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, step: ScheduledProcedureStep) -> StepOut:
        return cls(**{name: getattr(step, name) for name in cls.model_fields})


class OrderOut(Schema):
    """An order of one service, and how far it is."""

    id: int
    source: str
    placer_order_number: str
    filler_order_number: str
    accession_number: str
    sent_accession_number: str
    """As the sender gave it, where devices are given another."""
    requested_procedure_id: str
    study_instance_uid: str
    service_code: str
    service_coding_system: str
    service_name: str
    modality: str
    priority: str
    status: str
    scheduled_at: datetime
    requesting_physician: str
    requesting_department: str
    clinical_indication: str
    patient: PatientOut
    steps: list[StepOut]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, procedure: RequestedProcedure) -> OrderOut:
        request = procedure.request
        values: dict[str, Any] = {name: getattr(procedure, name) for name in _OF_THE_PROCEDURE}
        return cls(
            **values,
            accession_number=request.accession_number,
            sent_accession_number=request.sent_accession_number,
            status=procedure.exam_state,
            requesting_physician=request.requesting_physician,
            requesting_department=request.requesting_department,
            clinical_indication=request.clinical_indication,
            patient=PatientOut.of(procedure.patient),
            steps=[StepOut.of(step) for step in sorted(procedure.steps.all(), key=lambda step: step.pk)],
        )


class OrdersOut(Schema):
    """One page of orders."""

    items: list[OrderOut]
    next: str | None
    """Address of the page that follows; none: this is the last."""


class PatientsOut(Schema):
    """One page of patients."""

    items: list[PatientOut]
    next: str | None


class BulkResultOut(Schema):
    """What became of one order of several: the order, or why it was refused."""

    index: int
    status: int
    order: OrderOut | None = None
    problem: Problem | None = None


class BulkOut(Schema):
    results: list[BulkResultOut]
    placed: int
    refused: int


class StatusOut(Schema):
    """How far an exam is."""

    id: int
    status: str
    images_arrived_at: datetime | None
    steps: list[StepOut]
    studies: int
    report_status: str
    """``P`` preliminary, ``F`` final, ``C`` corrected, ``R`` recalled; empty: none is approved, or it is held back."""
    report_version: int | None
    report_approved_at: datetime | None


class StudyOut(Schema):
    """A study that is linked to the order."""

    study_instance_uid: str
    state: str
    complete: bool
    modalities: list[str]
    study_date: str
    description: str
    series: int
    instances: int
    received_at: datetime

    @classmethod
    def of(cls, study: Study) -> StudyOut:
        return cls(
            study_instance_uid=study.study_instance_uid,
            state=study.state,
            complete=study.complete,
            modalities=study.modalities.split(),
            study_date=dashed(study.study_date),
            description=study.study_description,
            series=study.series_count,
            instances=study.instance_count,
            received_at=study.first_received_at,
        )


class ReportSectionOut(Schema):
    """A section of a report, as text."""

    code: str
    title: str
    text: str


class ReportOut(Schema):
    """The newest approved version of a report."""

    version: int
    status: str
    """``P`` preliminary, ``F`` final, ``C`` corrected."""
    technique: str
    findings: str
    conclusion: str
    recommendation: str
    sections: list[ReportSectionOut]
    """All sections with text in the report's order, those that a template added among them."""
    content: dict[str, Any]
    """The same as typed data: texts, fields with values and units, tables."""
    content_sha256: str
    approved_by: str
    approved_at: datetime
    document: str | None
    """Address of its PDF; none while it is being made."""

    @classmethod
    def of(cls, version: ReportVersion, document: str | None) -> ReportOut:
        approver = version.approved_by
        content = content_of(version)
        titles = titles_of(content, usual_titles())
        return cls(
            version=version.number,
            status=version.status,
            technique=version.technique,
            findings=version.findings,
            conclusion=version.conclusion,
            recommendation=version.recommendation,
            sections=[
                ReportSectionOut(code=code, title=titles[code], text=text)
                for code, text in texts_of(content).items()
                if text
            ],
            content=content.as_json(),
            content_sha256=version.content_sha256,
            approved_by=f"{approver.title} {approver.full_name}".strip(),
            approved_at=version.approved_at,
            document=document,
        )


class DeviceOut(Schema):
    """A registered device."""

    id: int
    ae_title: str
    name: str
    modality: str
    room: str
    department: str
    active: bool

    @classmethod
    def of(cls, device: Device) -> DeviceOut:
        return cls(**{name: getattr(device, name) for name in cls.model_fields})


class CheckOut(Schema):
    """One condition that a step must meet to be on a device's worklist."""

    about: str
    verdict: str
    wanted: str
    found: str


class ExplanationOut(Schema):
    """Whether a device finds a step, and why."""

    step_id: int
    station: str
    present: bool
    checks: list[CheckOut]

    @classmethod
    def of(cls, explanation: Explanation) -> ExplanationOut:
        return cls(
            step_id=explanation.step_id,
            station=explanation.ae_title,
            present=explanation.present,
            checks=[
                CheckOut(about=each.about, verdict=each.verdict, wanted=each.wanted, found=each.found)
                for each in explanation.checks
            ],
        )


def dashed(date: str) -> str:
    """``YYYYMMDD`` as ``YYYY-MM-DD``; a month or a year alone stays one."""
    return "-".join(part for part in (date[:4], date[4:6], date[6:8]) if part)
