"""What a result link or a launch may open: the studies of one exam that may be shown, and its report in force."""

from __future__ import annotations

from ris_core.access.tokens import ImageLink, ResultLink
from ris_core.delivery.shown import closed_reports, has_conflict, shown_studies
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.survivors import survivor_of
from ris_core.reports.models import Document, ReportVersion

__all__ = ["closed_reports", "has_conflict", "is_theirs", "procedure_of", "report_pdf", "shown_studies"]


def report_pdf(version: ReportVersion) -> bytes | None:
    """The document made from ``version``; none while the worker has not made it yet."""
    document = Document.objects.filter(version=version, kind=Document.Kind.PDF).first()
    return bytes(document.content) if document else None


def is_theirs(procedure: RequestedProcedure, link: ResultLink | ImageLink) -> bool:
    """Whether the exam is still that of the patient in whose record the link lies, as merges stand now."""
    return procedure.patient_id in (link.patient_id, survivor_of(link.patient_id))


def procedure_of(procedure_id: int) -> RequestedProcedure | None:
    return RequestedProcedure.objects.select_related("patient", "request").filter(pk=procedure_id).first()
