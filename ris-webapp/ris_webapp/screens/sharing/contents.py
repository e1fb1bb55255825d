"""What a share shows of its exams, at each look: images that may be shown, the report in force."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.delivery.outside import version_for_outside
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import ReportVersion
from ris_core.sharing.errors import ShareRefused
from ris_core.sharing.models import Share
from ris_webapp.screens.viewer_launch.results import shown_studies


@dataclass(frozen=True, slots=True)
class SeenExam:
    """One exam as the receiver sees it."""

    exam: RequestedProcedure
    has_images: bool
    report: ReportVersion | None


def exams_of(share: Share) -> list[SeenExam]:
    """Patient by patient, the newest exam first."""
    procedures = [each.procedure for each in share.exams.select_related("procedure__patient", "procedure__request")]
    procedures.sort(key=lambda exam: (exam.patient_id, -exam.scheduled_at.timestamp()))
    return [
        SeenExam(exam, bool(shown_studies(exam.pk)), version_for_outside(exam.pk) if share.with_report else None)
        for exam in procedures
    ]


def exam_of(share: Share, exam_id: int) -> RequestedProcedure:
    """:raises ShareRefused: the share has it not"""
    found = share.exams.select_related("procedure__patient").filter(procedure_id=exam_id).first()
    if found is None:
        raise ShareRefused("the exam is not shared")
    return found.procedure
