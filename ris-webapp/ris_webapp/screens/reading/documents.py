"""The report as paper: approved versions as the documents that were made of them, the draft as a preview."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.reports.documents import recalled_pdf
from ris_core.reports.models import ReportRecall, ReportVersion
from ris_core.reports.texts import content_of
from ris_core.second_readings.plans import shown_reading
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.reading.preview import draft_pdf
from ris_webapp.screens.reading.rights import rights_of
from ris_webapp.screens.reading.views import exam_or_refuse
from ris_webapp.screens.viewer_launch.results import report_pdf


@requires(Function.VIEW_REPORT)
@require_GET
def version_pdf(request: UserRequest, exam_id: int, number: int) -> HttpResponse:
    """The document of one approved version, the very bytes of its approval; while it is being made, a page that asks
    again by itself. Of a recalled version a copy marked as such, unless ``?original=1`` asks for those bytes."""
    exam = exam_or_refuse(exam_id)
    version = ReportVersion.objects.filter(reading__procedure=exam, number=number).order_by("reading__ordinal").first()
    if version is None:
        raise NotFound("no such version of this report")
    pdf = report_pdf(version)
    if pdf is None:
        response = render(request, "reading/pdf_waiting.html", {}, status=202)
        response["Refresh"] = "2"
        return response
    recall = ReportRecall.objects.filter(version=version).first()
    marked = recall is not None and request.GET.get("original") != "1"
    if recall is not None and marked:
        pdf = recalled_pdf(version, recall.recalled_at)
    record(
        actor_of(request), "report.viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id, version=number,
        marked_as_recalled=marked,
    )  # fmt: skip
    return _inline(pdf, f"{exam.request.accession_number}-v{number}.pdf")


@requires(Function.READ_EXAM)
@require_GET
def preview(request: UserRequest, exam_id: int) -> HttpResponse:
    """The print preview: the draft while one is being written, else the version in force."""
    exam = exam_or_refuse(exam_id)
    reading = shown_reading(exam.pk, request.user.pk)
    if reading is None or not rights_of(request.user, exam, reading).sees_draft:
        raise NotFound("nobody has begun to read this exam")
    newest = reading.versions.order_by("-number").first()
    if newest is not None and content_of(newest) == content_of(reading):
        return HttpResponseRedirect(reverse("reading:version_pdf", args=[exam.pk, newest.number]))
    record(actor_of(request), "report.previewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    return _inline(draft_pdf(reading, request.user), f"{exam.request.accession_number}-draft.pdf")


def _inline(pdf: bytes, name: str) -> HttpResponse:
    response = HttpResponse(pdf, content_type="application/pdf")
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    response["Content-Disposition"] = f'inline; filename="{safe}"'
    return response
