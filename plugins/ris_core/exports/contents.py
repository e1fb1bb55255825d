"""What of an exam may leave, and whether what was given out is still that: asked when an export is wanted, when it is
made and at every download."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.delivery.outside import version_for_outside
from ris_core.delivery.shown import closed_reports, has_conflict, shown_studies
from ris_core.errors import NotPermitted
from ris_core.exports.errors import ExportInvalid, ExportOutdated, ImagesUncorrected, NothingToExport
from ris_core.exports.models import Export
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import ReportVersion
from ris_core.sight.seeing import seen_exams
from ris_core.studies.corrections import is_being_corrected
from ris_core.studies.models import Study
from ris_core.studies.operations_under_way import are_being_moved
from ris_core.teaching.errors import CaseClosed
from ris_core.teaching.models import TeachingCase
from ris_core.teaching.standing import refuse_closed


@dataclass(frozen=True, slots=True)
class ExamContent:
    """What of one exam goes out."""

    exam: RequestedProcedure
    studies: tuple[Study, ...]
    report: ReportVersion | None
    closed_series: frozenset[str]
    """SeriesInstanceUIDs of reports in the studies that are not given out."""


def exams_for(user: User, exam_ids: Collection[int]) -> list[RequestedProcedure]:
    """Patient by patient, the oldest first.

    :raises NotPermitted: the account is closed, may not export, or sees not all of them
    :raises ExportInvalid: there is none
    """
    may_export = may(user.role, Function.EXPORT_EXAM) and may(user.role, Function.VIEW_IMAGES)
    if not user.is_open_at(timezone.now()) or not may_export:
        raise NotPermitted("this account may not give out images", field="export_exam")
    wanted = set(exam_ids)
    if not wanted:
        raise ExportInvalid("choose at least one exam", field="exams")
    found = seen_exams(RequestedProcedure.objects.filter(pk__in=wanted), user)
    exams = list(found.select_related("patient", "request").order_by("patient_id", "scheduled_at", "pk"))
    if len(exams) != len(wanted):
        raise NotPermitted("an exam lies outside what this account sees", field="exams")
    return exams


def waits_for_corrections(export: Export) -> bool:
    """Whether stored images of it are still being brought into line with their order."""
    exams = export.exams.values_list("procedure_id", flat=True)
    return any(is_being_corrected(study.pk) for exam in exams for study in shown_studies(exam))


def content_of(exam: RequestedProcedure, user: User, *, with_report: bool) -> ExamContent:
    """:raises NothingToExport: it has no images that may be shown, or a person has given them to another patient or
    taken some out, and the files still say otherwise
    :raises ImagesUncorrected: not all of them could be brought into line with their order
    """
    studies = tuple(study for study in shown_studies(exam.pk) if study.gone_from_engine_at is None)
    if not studies or has_conflict(exam.pk) or are_being_moved(studies):
        raise NothingToExport("an exam has no images that may be given out", field=f"exam:{exam.pk}")
    if any(study.correction_problem for study in studies):
        raise ImagesUncorrected("images of an exam could not be corrected by its order", field=f"exam:{exam.pk}")
    with_report = with_report and may(user.role, Function.VIEW_REPORT)
    report = version_for_outside(exam.pk) if with_report else None
    shown_of = frozenset({exam.pk}) if with_report else frozenset[int]()
    closed = closed_reports([study.study_instance_uid for study in studies], shown_of)
    return ExamContent(exam, studies, report, frozenset(closed))


def refuse_outdated(export: Export, user: User) -> None:
    """Whoever takes an export must still see all of it, and it must still be what the archive has.

    :raises NotPermitted: the maker may not see or export it any more
    :raises ExportOutdated: images were corrected or taken away since, or a report is another or recalled
    """
    parts = {part.procedure_id: part for part in export.exams.all()}
    for exam in exams_for(user, parts.keys()):
        part = parts[exam.pk]
        try:
            content = content_of(exam, user, with_report=export.with_report)
        except NothingToExport as error:
            raise ExportOutdated("images were taken from an exam since", field="images") from error
        if not set(part.study_ids) <= {study.pk for study in content.studies}:
            raise ExportOutdated("images were taken from an exam since", field="images")
        if part.report_version_id != (content.report.pk if content.report else None):
            raise ExportOutdated("a report was changed, recalled or held back since", field="report")
        made = export.made_from
        of_it = [study for study in content.studies if study.pk in part.study_ids]
        if made is None or any(study.corrected_at and study.corrected_at > made for study in of_it):
            raise ExportOutdated("images were corrected since", field="images")


def refuse_case(case: TeachingCase | None, user: User) -> TeachingCase:
    """:raises NotPermitted: the account is closed, or may not take out teaching cases
    :raises CaseClosed: it is not shown now, or there is none
    """
    sees = may(user.role, Function.VIEW_TEACHING) or may(user.role, Function.MANAGE_TEACHING)
    may_take = may(user.role, Function.EXPORT_EXAM) and sees
    if not user.is_open_at(timezone.now()) or not may_take:
        raise NotPermitted("this account may not take out teaching cases", field="export_exam")
    if case is None:
        raise CaseClosed("the case has been deleted", field="case")
    refuse_closed(case)
    return case


def refuse_outdated_case(export: Export, user: User) -> None:
    """:raises NotPermitted: whoever had it made may not take it any more
    :raises ExportOutdated: the case was changed, withdrawn or closed since
    """
    try:
        case = refuse_case(export.teaching_case, user)
    except CaseClosed as error:
        raise ExportOutdated("the case is not shown any more", field="case") from error
    if case.version != export.case_version:
        raise ExportOutdated("the case was changed since", field="case")
