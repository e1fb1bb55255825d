"""Exams to compare: each with its report in force, results from outside and the studies that may be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ris_core.accounts.models import User
from ris_core.delivery.outside import version_in_force
from ris_core.external_results.models import ExternalResult
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.reports.models import ReportVersion
from ris_core.reports.rendering import texts_of, titles_of
from ris_core.reports.texts import content_of
from ris_core.sight.seeing import seen_exams
from ris_core.studies.models import Study
from ris_webapp.screens.reading.headings import usual_headings
from ris_webapp.screens.reading.priors import same_person
from ris_webapp.screens.viewer_launch.results import shown_studies
from ris_webapp.screens.worklist.exams import ExamRow, rows_of

MOST_COMPARED: Final = 4
MOST_EXAMS: Final = 500
"""Of one person's history."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One exam of a comparison."""

    row: ExamRow
    person: int
    """The smallest key of the records that are this person: two exams of one person have the same."""
    version: ReportVersion | None
    sections: dict[str, tuple[str, str]]
    """Code of a section → its heading and text, in the report's order."""
    outside: list[ExternalResult]
    studies: list[Study]

    @property
    def study_uids(self) -> list[str]:
        return list(dict.fromkeys(study.study_instance_uid for study in self.studies))


@dataclass(frozen=True, slots=True)
class Section:
    """One section over all exams compared: its heading, and each exam's text."""

    title: str
    texts: list[str]

    @property
    def differs(self) -> bool:
        """Whether the exams that have it do not say the same."""
        return len({text for text in self.texts if text}) > 1


def compared(exam_ids: Sequence[int], user: User) -> list[Compared]:
    """The exams in this order; ids that are none, or none that the user sees, are left out."""
    found = seen_exams(RequestedProcedure.objects.select_related("patient"), user).in_bulk(list(exam_ids))
    rows = {row.procedure_id: row for row in rows_of(list(found))}
    return [_compared(found[key], rows[key]) for key in exam_ids if key in found]


def _compared(exam: RequestedProcedure, row: ExamRow) -> Compared:
    version = version_in_force(exam.pk)
    sections: dict[str, tuple[str, str]] = {}
    if version:
        content = content_of(version)
        titles = titles_of(content, usual_headings())
        sections = {code: (titles[code], text) for code, text in texts_of(content).items() if text}
    return Compared(
        row=row,
        person=same_person(exam.patient)[0],
        version=version,
        sections=sections,
        outside=list(ExternalResult.objects.filter(procedure=exam, replaced_at__isnull=True).order_by("pk")),
        studies=shown_studies(exam.pk),
    )


def sections_of(exams: Iterable[Compared]) -> list[Section]:
    """The sections of all reports side by side, in the order of the first report that has each."""
    exams = list(exams)
    titles = {code: title for exam in reversed(exams) for code, (title, _text) in exam.sections.items()}
    codes = dict.fromkeys(code for exam in exams for code in exam.sections)
    return [Section(titles[code], [exam.sections.get(code, ("", ""))[1] for exam in exams]) for code in codes]


@dataclass(frozen=True, slots=True)
class PastExam:
    """One exam of a person's history."""

    row: ExamRow
    conclusion: str
    """Of the report in force; empty where there is none."""
    outside: int
    """Results from outside."""


def history_of(patient: Patient, user: User) -> list[PastExam]:
    """Every exam of the person, under all records merged into one, newest first."""
    exams = RequestedProcedure.objects.filter(patient_id__in=same_person(patient)).order_by("-scheduled_at", "-pk")
    exams = seen_exams(exams, user)
    keys = list(exams.values_list("pk", flat=True)[:MOST_EXAMS])
    versions = ReportVersion.objects.filter(reading__procedure_id__in=keys).order_by("approved_at", "number")
    columns = versions.values_list("reading__procedure_id", "conclusion", "recall__pk")
    conclusions = {key: "" if recalled else text for key, text, recalled in columns}
    outside = Counter(
        ExternalResult.objects.filter(procedure_id__in=keys, replaced_at__isnull=True).values_list(
            "procedure_id", flat=True
        )
    )
    return [
        PastExam(row, conclusions.get(row.procedure_id, ""), outside[row.procedure_id])
        for row in rows_of(keys)
        if row.exam_state != ExamState.CANCELLED or row.instance_count
    ]
