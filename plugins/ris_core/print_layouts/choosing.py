"""By which layout an exam's report is printed: chosen by rules, bound at approval, the same ever after."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.design import LabelDesign, ReportDesign, design_of, pictures_in
from ris_core.print_layouts.models import (
    LayoutKind,
    LayoutPicture,
    LayoutRule,
    PrintLayout,
    PrintLayoutVersion,
    VersionLayout,
)
from ris_core.print_layouts.rules import Candidate, ExamFacts, chosen
from ris_core.print_layouts.typesetting import File
from ris_core.reports.models import ReportVersion


@dataclass(frozen=True, slots=True)
class ChosenLayout:
    """A report's design with its pictures."""

    design: ReportDesign
    pictures: dict[str, File]
    layout_version: PrintLayoutVersion | None
    """None: the suite's own design."""


USUAL = ChosenLayout(ReportDesign(), {}, None)


def layout_for(procedure: RequestedProcedure, kind: str = LayoutKind.REPORT) -> PrintLayout | None:
    """The layout in use for an exam: of the closest rule, else the usual one of its kind, else none."""
    rules = LayoutRule.objects.filter(layout__kind=kind, layout__active=True).select_related("layout")
    candidates = [Candidate(rule.layout_id, rule.layout.code, rule) for rule in rules]
    facts = ExamFacts(
        source=procedure.source,
        requesting_department=procedure.request.requesting_department,
        modality=procedure.modality,
        service_code=procedure.service_code,
    )
    best = chosen(candidates, facts)
    return _in_use(kind).filter(pk=best).first() if best is not None else usual_layout(kind)


def usual_layout(kind: str = LayoutKind.REPORT) -> PrintLayout | None:
    """The layout that is taken where no rule holds."""
    return _in_use(kind).filter(is_usual=True).first()


def _in_use(kind: str) -> QuerySet[PrintLayout]:
    return PrintLayout.objects.filter(kind=kind, active=True).select_related("current")


def bind_layout(version: ReportVersion) -> VersionLayout:
    """Bind the layout in use now to a version that is being approved, in the caller's transaction."""
    layout = layout_for(version.reading.procedure)
    return VersionLayout.objects.create(version=version, layout_version=layout.current if layout else None)


def layout_of(version: ReportVersion) -> ChosenLayout:
    """The layout that a version is bound to; of one that is not approved yet, the one that it would be bound to."""
    bound = VersionLayout.objects.select_related("layout_version__layout").filter(version_id=version.pk).first()
    if version.pk is not None:
        return with_pictures(bound.layout_version if bound else None)
    layout = layout_for(version.reading.procedure)
    return with_pictures(layout.current if layout else None)


def with_pictures(layout_version: PrintLayoutVersion | None) -> ChosenLayout:
    """The design of a version of a report's layout."""
    if layout_version is None:
        return USUAL
    design = design_of(LayoutKind.REPORT, layout_version.design)
    assert isinstance(design, ReportDesign)  # noqa: S101 - by its kind
    return ChosenLayout(design, files_of(design), layout_version)


def files_of(design: ReportDesign | LabelDesign) -> dict[str, File]:
    """The pictures that a design shows; one that is missing is not shown."""
    kept = LayoutPicture.objects.filter(sha256__in=pictures_in(design))
    return {picture.sha256: File(bytes(picture.content), picture.media_type) for picture in kept}
