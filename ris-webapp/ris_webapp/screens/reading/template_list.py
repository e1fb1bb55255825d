"""The report templates that fit an exam, for the pick list."""

from __future__ import annotations

from typing import Any

from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import ReportTemplate

MAXIMUM_TEMPLATES = 500


def templates_for(exam: RequestedProcedure) -> list[dict[str, Any]]:
    """All active templates, each with how near it is: made for the exam's service, its modality, or something else."""
    templates = ReportTemplate.objects.filter(active=True, current__isnull=False).order_by("name")[:MAXIMUM_TEMPLATES]
    return [{"id": each.pk, "code": each.code, "name": each.name, "fits": _fit(each, exam)} for each in templates]


def _fit(template: ReportTemplate, exam: RequestedProcedure) -> str:
    if template.service_code:
        return "service" if template.service_code == exam.service_code else "other"
    if template.modality:
        return "modality" if template.modality == exam.modality else "other"
    return "modality"
