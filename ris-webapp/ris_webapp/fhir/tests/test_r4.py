"""What goes out is valid R4 (4.0.1) although the models are those of R4B: it has only elements that R4 has."""

from __future__ import annotations

from typing import Any

import pytest

from ris_core.reports.models import Document, ReportVersion
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.fhir.capability import capability_statement
from ris_webapp.fhir.patient import patient_resource
from ris_webapp.fhir.results import diagnostic_report_resource, imaging_study_resource, task_resource
from ris_webapp.fhir.service_request import service_request_resource

_RESOURCE = {"resourceType", "id", "meta"}
R4: dict[str, set[str]] = {
    "Patient": {"identifier", "active", "name", "telecom", "gender", "birthDate", "address", "link"},
    "ServiceRequest": {
        "identifier", "status", "intent", "category", "priority", "code", "orderDetail", "subject",
        "occurrenceDateTime", "authoredOn", "requester", "reasonCode",
    },
    "Task": {
        "status", "businessStatus", "intent", "code", "focus", "for", "authoredOn", "lastModified",
    },
    "ImagingStudy": {
        "identifier", "status", "modality", "subject", "basedOn", "numberOfSeries", "numberOfInstances", "started",
        "description",
    },
    "DiagnosticReport": {
        "identifier", "basedOn", "status", "category", "code", "subject", "issued", "resultsInterpreter",
        "imagingStudy", "conclusion", "presentedForm",
    },
    "CapabilityStatement": {
        "status", "date", "kind", "software", "implementation", "fhirVersion", "format", "rest",
    },
}  # fmt: skip
"""Elements of R4 (hl7.org/fhir/R4) that are used here."""

STATUSES = {
    "ServiceRequest": {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
    "Task": {"requested", "accepted", "in-progress", "completed", "cancelled", "failed"},
    "ImagingStudy": {"registered", "available", "cancelled", "entered-in-error", "unknown"},
    "DiagnosticReport": {"registered", "partial", "preliminary", "final", "amended", "corrected"},
}


@pytest.mark.django_db
def test_every_resource_has_elements_and_statuses_of_r4_only() -> None:
    exam = an_exam()
    approved(exam, a_reader())
    version = ReportVersion.objects.get()
    Document.objects.create(version=version, kind="PDF", content=b"%PDF", sha256="0" * 64)
    resources: list[dict[str, Any]] = [
        patient_resource(exam.patient),
        service_request_resource(exam),
        task_resource(exam),
        imaging_study_resource(exam.links.get().study),
        diagnostic_report_resource(version.reading),
        capability_statement(),
    ]
    for resource in resources:
        kind = resource["resourceType"]
        assert set(resource) <= R4[kind] | _RESOURCE, kind
        if kind in STATUSES:
            assert resource["status"] in STATUSES[kind]
    assert {resource["resourceType"] for resource in resources} == set(R4)
