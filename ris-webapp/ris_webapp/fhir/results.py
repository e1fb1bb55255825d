"""Task, ImagingStudy and DiagnosticReport: how far an order is and what came of it. Out only."""

from __future__ import annotations

from typing import Any, Final

from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.imagingstudy import ImagingStudy
from fhir.resources.R4B.task import Task

from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.models import Document, Reading, ReportVersion
from ris_core.studies.models import Study
from ris_webapp.api.answers import dashed
from ris_webapp.fhir.outcome import valid
from ris_webapp.fhir.service_request import coding_system
from ris_webapp.fhir.systems import DICOM, DICOM_UID, EXAM_STATES, identifier, order_system

TASK_STATUSES: Final[dict[str, str]] = {
    ExamState.ORDERED: "accepted",
    ExamState.CANCELLED: "cancelled",
    ExamState.FINAL: "completed",
    ExamState.RETURNED: "completed",
}
"""Of an exam; ``in-progress`` in every other state. ``businessStatus`` has the state itself."""
REPORT_STATUSES: Final = {"P": "preliminary", "F": "final", "C": "corrected"}
WITHDRAWN: Final = "entered-in-error"
"""Of a recalled report: its text and its PDF are not told."""
_RADIOLOGY: Final = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}


def task_resource(procedure: RequestedProcedure) -> dict[str, Any]:
    """How far an order is; the Task of an order has its id."""
    resource = {
        "resourceType": "Task",
        "id": str(procedure.pk),
        "meta": {"lastUpdated": procedure.updated_at.isoformat()},
        "status": TASK_STATUSES.get(procedure.exam_state, "in-progress"),
        "businessStatus": {"coding": [{"system": EXAM_STATES, "code": procedure.exam_state}]},
        "intent": "order",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": {"reference": f"ServiceRequest/{procedure.pk}"},
        "for": {"reference": f"Patient/{procedure.patient_id}"},
        "authoredOn": procedure.created_at.isoformat(),
        "lastModified": procedure.updated_at.isoformat(),
    }
    return valid(Task, resource)


def imaging_study_resource(study: Study) -> dict[str, Any]:
    """A study that is linked to orders."""
    links = [link for link in study.links.all() if link.undone_at is None]
    numbers = dict.fromkeys(link.procedure.request.accession_number for link in links)
    resource: dict[str, Any] = {
        "resourceType": "ImagingStudy",
        "id": str(study.pk),
        "meta": {"lastUpdated": study.updated_at.isoformat()},
        "identifier": [
            {"use": "official", "system": DICOM_UID, "value": f"urn:oid:{study.study_instance_uid}"},
            *(identifier(order_system("accession"), number, "ACSN", use="usual") for number in numbers),
        ],
        "status": "available" if study.gone_from_engine_at is None else "unknown",
        "modality": [{"system": DICOM, "code": code} for code in study.modalities.split()],
        "subject": {"reference": f"Patient/{study.patient_id}"},
        "basedOn": [{"reference": f"ServiceRequest/{link.procedure_id}"} for link in links],
        "numberOfSeries": study.series_count,
        "numberOfInstances": study.instance_count,
    }
    if not resource["modality"]:
        del resource["modality"]
    if len(study.study_date) == 8:
        resource["started"] = dashed(study.study_date)
    if study.study_description:
        resource["description"] = study.study_description
    return valid(ImagingStudy, resource)


def diagnostic_report_resource(reading: Reading) -> dict[str, Any]:
    """The newest approved version of a report; its PDF by reference (``Binary/{id}``)."""
    procedure = reading.procedure
    version: ReportVersion = max(reading.versions.all(), key=lambda each: each.number)
    recalled = hasattr(version, "recall")
    approver = version.approved_by
    coding = {"code": procedure.service_code, "display": procedure.service_name}
    if procedure.service_coding_system:
        coding["system"] = coding_system(procedure.service_coding_system)
    resource: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": str(reading.pk),
        "meta": {"versionId": str(version.number), "lastUpdated": version.approved_at.isoformat()},
        "identifier": [identifier(order_system("accession"), procedure.request.accession_number, "ACSN")],
        "basedOn": [{"reference": f"ServiceRequest/{procedure.pk}"}],
        "status": WITHDRAWN if recalled else REPORT_STATUSES[version.status],
        "category": [{"coding": [_RADIOLOGY]}],
        "code": {"coding": [coding], "text": procedure.service_name},
        "subject": {"reference": f"Patient/{procedure.patient_id}"},
        "issued": version.approved_at.isoformat(),
        "resultsInterpreter": [{"display": f"{approver.title} {approver.full_name}".strip()}],
        "imagingStudy": [
            {"reference": f"ImagingStudy/{link.study_id}"} for link in procedure.links.all() if link.undone_at is None
        ],
        "conclusion": version.conclusion,
        "presentedForm": [
            {"contentType": "application/pdf", "url": f"Binary/{document.pk}", "title": procedure.service_name}
            for document in version.documents.all()
            if document.kind == Document.Kind.PDF
        ],
    }
    for name in ("imagingStudy", "presentedForm", "conclusion"):
        if not resource[name] or (recalled and name != "imagingStudy"):
            del resource[name]
    return valid(DiagnosticReport, resource)
