"""The worklist of exams: the page, the rows that changed, the preview of one exam."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_webapp.client import actor_of
from ris_webapp.feed import newest_position
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.worklist import filters
from ris_webapp.screens.worklist.exams import rows_of
from ris_webapp.screens.worklist.facets import facets
from ris_webapp.screens.worklist.listing import PAGE_ROWS, claimed_by, exam_page, filtered
from ris_webapp.screens.worklist.preview import exam_preview

COLUMNS = ("patient_id", "age", "accession", "modality", "room", "time", "images", "reader", "waiting", "department")
"""Columns that a user may hide; patient, service, priority and state always show."""


@requires(Function.VIEW_WORKLIST)
@require_GET
def worklist(request: UserRequest) -> HttpResponse:
    """The page; or, for a page further down (``after``), only its rows."""
    position = newest_position()  # before the rows: what changes meanwhile is told by the live connection
    parameters = request.GET.dict()
    wanted = filters.Filter.parse(parameters)
    after = filters.Cursor.parse(parameters["after"]) if "after" in parameters else None
    exams = filtered(wanted, request.user.pk)
    page = exam_page(wanted, request.user.pk, after, exams=exams)
    if wanted.searching and after is None:
        patients = sorted({row.patient_key for row in page.rows})
        record(actor_of(request), "worklist.searched", subject="worklist", patients=patients)
    context = {"wanted": wanted, "page": page}
    if after:
        return render(request, "worklist/rows.html", context)
    period = wanted.period()
    context |= {
        "live_position": position,
        "facets": facets(wanted, narrowed=exams if wanted.narrowed else None),
        "mine_count": claimed_by(request.user.pk).count(),
        "filters": filters,
        "columns": COLUMNS,
        "period": [int(moment.timestamp()) for moment in period] if period else [],
    }
    return render(request, "worklist/worklist.html", context)


@requires(Function.VIEW_WORKLIST)
@require_GET
def rows(request: UserRequest) -> HttpResponse:
    """The rows of the exams ``ids`` as they are now, for those that a page shows already."""
    ids = whole_numbers(request.GET.get("ids", "").split(","))[: 4 * PAGE_ROWS]
    return render(request, "worklist/rows.html", {"page": {"rows": rows_of(ids), "next_cursor": None}})


@requires(Function.VIEW_WORKLIST)
@require_GET
def preview(request: UserRequest, procedure_id: int) -> HttpResponse:
    """One exam in the drawer beside the list: order, steps, images, history."""
    exam = exam_preview(procedure_id)
    record(actor_of(request), "exam.viewed", subject=f"exam:{procedure_id}", patient_id=exam.procedure.patient_id)
    return render(request, "worklist/preview.html", {"exam": exam})
