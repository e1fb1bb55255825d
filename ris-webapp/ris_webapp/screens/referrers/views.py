"""Where doctors outside work: released results of the exams that name them, new ones first; report and images (F4)."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.delivery.outside import version_for_outside
from ris_core.errors import NotFound
from ris_core.orders.models import RequestedProcedure
from ris_core.referrers.services import links_of, note_opened
from ris_core.reports.models import ReportVersion
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.referrers.found import results_of, waiting_of
from ris_webapp.screens.viewer_launch.grants import grant_viewing
from ris_webapp.screens.viewer_launch.ohif import viewer_address
from ris_webapp.screens.viewer_launch.pages import outsider_headers, refuse, waiting_page
from ris_webapp.screens.viewer_launch.results import closed_reports, report_pdf, shown_studies
from ris_webapp.searched import note_search

PAGE_ROWS = 30


@requires(Function.VIEW_REFERRED)
@require_GET
def results(request: UserRequest) -> HttpResponse:
    """The doctor's results; ``?q=`` finds among them."""
    query = " ".join(request.GET.get("q", "").replace("\0", " ").split())[:100]
    page = Paginator(results_of(request.user, query), PAGE_ROWS).get_page(request.GET.get("page"))
    note_search(request, "worklist.searched", query, {exam.patient_id for exam in page})
    context = {
        "query": query,
        "page": page,
        "waiting": waiting_of(request.user),
        "linked": bool(links_of(request.user.pk)),
    }
    return render(request, "referrers/results.html", context)


@requires(Function.VIEW_REFERRED)
@require_GET
def report(request: UserRequest, exam_id: int) -> HttpResponse:
    """The report in force as PDF; it is not new to the doctor any more."""
    exam, version = _released(request.user, exam_id)
    pdf = report_pdf(version)
    if pdf is None:
        return waiting_page(request)
    record(
        actor_of(request), "report.viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id,
        version=version.number,
    )  # fmt: skip
    note_opened(request.user, version)
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="report-v{version.number}.pdf"'
    return outsider_headers(response)


@requires(Function.VIEW_REFERRED)
@require_GET
def images(request: UserRequest, exam_id: int) -> HttpResponse:
    """Grant this login the exam's images, and go to the viewer."""
    exam, _version = _released(request.user, exam_id)
    uids = list(dict.fromkeys(study.study_instance_uid for study in shown_studies(exam.pk)))
    if not uids:
        return refuse(request, "QUANG-3107")
    record(actor_of(request), "images.opened", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    response = HttpResponseRedirect(viewer_address(uids))
    closed = closed_reports(uids, frozenset({exam.pk}))
    grant_viewing(request, response, [uids], request.user.username, without_series=closed)
    return outsider_headers(response)


def _released(user: User, exam_id: int) -> tuple[RequestedProcedure, ReportVersion]:
    """What the doctor's list shows of the exam, and nothing besides: an exam that was granted may have a preliminary
    report only.

    :raises NotFound: the exam has no report that may be shown
    """
    exam = results_of(user).filter(pk=exam_id).first()
    if exam is None or version_for_outside(exam_id) is None:
        raise NotFound("there is no result of this exam to show", field="exam")
    versions = ReportVersion.objects.select_related("reading__procedure")
    return exam, versions.get(pk=exam.version_id)  # type: ignore[attr-defined]  # annotated by results_of
