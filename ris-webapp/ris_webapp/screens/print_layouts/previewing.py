"""A design as pages: of an invented exam, or of a real one for who may see its report."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db.models import Q

from ris_core.accounts.models import User
from ris_core.audit.services import Actor, record
from ris_core.delivery.outside import version_in_force
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.choosing import files_of
from ris_core.print_layouts.design import Design, LabelDesign
from ris_core.print_layouts.labels import print_labels
from ris_core.print_layouts.pages import page_pictures
from ris_core.print_layouts.samples import sample_label, sample_sheet
from ris_core.print_layouts.typesetting import Printed
from ris_core.reports.documents import sheet_of
from ris_core.reports.sheet import ReportSheet, print_report
from ris_core.sight.seeing import seen_exams
from ris_webapp.screens.labels.facts import label_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a preview shows."""

    images: int = 6
    state: str = "F"
    """F, P, C, D or R (recalled)."""
    exam: str = ""
    """Accession number of a real exam; empty: an invented one."""
    user: User | None = None
    """Who sees a real exam."""


def shown_pages(design: Design, wanted: Wanted, actor: Actor) -> tuple[Printed, dict[str, Any]]:
    """The PDF, and its first pages as the page shows them.

    :raises NotFound: there is no such exam, or nothing of it is approved
    :raises InvalidValue: exams of several patients are meant
    :raises LayoutFaulty, DocumentTooLarge, DocumentNotMade: it cannot be printed
    """
    result = _print(design, wanted, actor)
    pictures, count = page_pictures(result.pdf)
    pages = ["data:image/png;base64," + base64.b64encode(picture).decode() for picture in pictures]
    return result, {"pages": pages, "count": count, "notes": list(result.notes)}


def _print(design: Design, wanted: Wanted, actor: Actor) -> Printed:
    procedure = _exam(wanted.exam, wanted.user, actor) if wanted.exam and wanted.user else None
    if isinstance(design, LabelDesign):
        facts = label_of(procedure) if procedure else sample_label(settings.QUANG)
        return print_labels([facts] * (1 if design.sheet.single else 5), design, settings.QUANG.site.language)
    if procedure is None:
        sheet = _in_state(sample_sheet(settings.QUANG, images=max(0, min(12, wanted.images))), wanted.state)
    else:  # a real report never looks more final than it is
        sheet = _in_state(_sheet_of(procedure), wanted.state if wanted.state in ("D", "R") else "")
    return print_report(sheet, design, files_of(design))


def _in_state(sheet: ReportSheet, state: str) -> ReportSheet:
    if state == "R":
        return replace(sheet, recalled_at=sheet.approved_at, viewer_url="")
    return replace(sheet, status=state) if state in ("F", "P", "C", "D") else sheet


def _exam(number: str, user: User, actor: Actor) -> RequestedProcedure:
    """The exam of an accession number, its being shown written down.

    :raises NotFound: there is none that the user sees
    :raises InvalidValue: orders of two patients have the number; nobody guesses between them
    """
    numbered = Q(request__accession_number=number) | Q(request__sent_accession_number=number)
    exams = RequestedProcedure.objects.select_related("request", "patient").filter(numbered)
    patients = exams.order_by().values_list("patient", flat=True).distinct()[:2]
    if len(patients) > 1:
        raise InvalidValue("orders of several patients have this number", field="exam")
    found = seen_exams(exams, user).order_by("-pk").first()
    if found is None:
        raise NotFound("there is no such exam", field="exam")
    record(actor, "report.previewed", subject=f"exam:{found.pk}", patient_id=found.patient_id, by_layout=True)
    return found


def _sheet_of(procedure: RequestedProcedure) -> ReportSheet:
    """:raises NotFound: it has no report in force"""
    version = version_in_force(procedure.pk)
    if version is None:
        raise NotFound("the exam has no report in force", field="exam")
    return sheet_of(version, settings.QUANG)
