"""A patient's results: over time, one with its guidance, the report, the images; and who has looked at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from ris_core.access.tokens import portal_grant
from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import record
from ris_core.portal.entering import ends_at, visitor
from ris_core.portal.looks import begin_look
from ris_core.portal.models import PortalVisit
from ris_core.portal.releasing import Result, results_of_slip
from ris_core.portal.secrets import handle_in
from ris_core.reports.models import ReportVersion
from ris_webapp.client import client_address
from ris_webapp.screens.access_log.views import SEEING
from ris_webapp.screens.access_log.wanted import with_merged
from ris_webapp.screens.portal.visiting import gone, portal_page, visiting
from ris_webapp.screens.viewer_launch.grants import grant_viewing
from ris_webapp.screens.viewer_launch.ohif import viewer_address
from ris_webapp.screens.viewer_launch.pages import outsider_headers, waiting_page
from ris_webapp.screens.viewer_launch.report_text import report_text
from ris_webapp.screens.viewer_launch.results import closed_reports, report_pdf, shown_studies

MOST_VIEWERS = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A result with what its page needs."""

    result: Result
    handle: str
    """In this visit's addresses."""
    images: bool

    @property
    def guidance(self) -> str:
        english = self.result.guidance_en if get_language() == "en" else ""
        return english or self.result.guidance


def shown_results(visit: PortalVisit) -> list[Shown]:
    """Everything that the visit shows now, the newest exam first."""
    return [
        Shown(result, handle_in(visit, "exam", result.exam.pk), result.is_ready and result.with_images)
        for result in results_of_slip(visit.slip)
    ]


@require_GET
@visiting
def results(request: HttpRequest, visit: PortalVisit) -> HttpResponse:
    """Exams and how each stands."""
    _note(request, visit, "portal.results_viewed", f"portal_slip:{visit.slip_id}")
    return portal_page(request, "results", {"shown": shown_results(visit)}, visit=visit)


@require_GET
@visiting
def result(request: HttpRequest, visit: PortalVisit, handle: str) -> HttpResponse:
    """One exam: how it stands, what to do, what there is to open."""
    found = _shown(visit, handle)
    if found is None:
        return gone(request, visit)
    has_images = found.images and bool(shown_studies(found.result.exam.pk))
    return portal_page(request, "result", {"shown": found, "has_images": has_images}, visit=visit)


@require_GET
@visiting
def report(request: HttpRequest, visit: PortalVisit, handle: str) -> HttpResponse:
    """The report that is released, as PDF; ``?save`` to keep."""
    found = _ready(visit, handle)
    if found is None or found.result.version_id is None:
        return gone(request, visit)
    version = ReportVersion.objects.get(pk=found.result.version_id)
    pdf = report_pdf(version)
    if pdf is None:
        return waiting_page(request)
    exam, kept = found.result.exam, "save" in request.GET
    action = "portal.report_downloaded" if kept else "report.viewed"
    _note(request, visit, action, f"exam:{exam.pk}", version=version.number)
    response = HttpResponse(pdf, content_type="application/pdf")
    how = "attachment" if kept else "inline"
    response["Content-Disposition"] = f'{how}; filename="ket-qua-{exam.scheduled_at:%Y-%m-%d}.pdf"'
    return outsider_headers(response)


@require_GET
@visiting
def report_page(request: HttpRequest, visit: PortalVisit, handle: str) -> HttpResponse:
    """The same report as a page."""
    found = _ready(visit, handle)
    if found is None or found.result.version_id is None:
        return gone(request, visit)
    version = ReportVersion.objects.get(pk=found.result.version_id)
    _note(request, visit, "report.viewed", f"exam:{found.result.exam.pk}", version=version.number)
    return portal_page(request, "report", {"shown": found, **report_text(version)}, visit=visit)


@require_GET
@visiting
def images(request: HttpRequest, visit: PortalVisit, handle: str) -> HttpResponseBase:
    """Grant the images of one exam to this browser, and go to the viewer."""
    found = _ready(visit, handle)
    exam = found.result.exam if found is not None and found.images else None
    uids = list(dict.fromkeys(study.study_instance_uid for study in shown_studies(exam.pk))) if exam else []
    if exam is None or not uids:
        return gone(request, visit)
    until = ends_at(visit)
    look = begin_look(exam.pk, visit.slip, until, visit=visit)
    response = HttpResponseRedirect(viewer_address(uids))
    grant_viewing(
        request,
        response,
        [uids],
        visitor(visit, "").name,
        grant=portal_grant(look.pk),
        until=until,
        may_download=False,
        without_series=closed_reports(uids, frozenset({exam.pk})),
    )
    _note(request, visit, "portal.images_viewed", f"exam:{exam.pk}")
    return outsider_headers(response)


@require_GET
@visiting
def viewers(request: HttpRequest, visit: PortalVisit) -> HttpResponse:
    """Who of the hospital has looked at the patient's data, where the site shows that."""
    if not settings.QUANG.portal.shows_viewers or visit.slip.procedure_id is not None:
        return gone(request, visit)
    events = AuditEvent.objects.filter(patient_id__in=with_merged([visit.patient_id]), action__in=SEEING, success=True)
    seen = events.filter(kind=ActorKind.USER)
    rows = seen.values("user__full_name", "role").annotate(times=Count("pk"), last=Max("at")).order_by("-last")
    _note(request, visit, "audit.viewers_viewed", f"patient:{visit.patient_id}")
    return portal_page(request, "viewers", {"rows": list(rows[:MOST_VIEWERS])}, visit=visit)


def _shown(visit: PortalVisit, handle: str) -> Shown | None:
    return next((shown for shown in shown_results(visit) if shown.handle == handle), None)


def _ready(visit: PortalVisit, handle: str) -> Shown | None:
    found = _shown(visit, handle)
    return found if found is not None and found.result.is_ready else None


def _note(request: HttpRequest, visit: PortalVisit, action: str, subject: str, **facts: Any) -> None:
    actor = visitor(visit, client_address(request))
    record(actor, action, subject=subject, patient_id=visit.patient_id, slip=visit.slip_id, **facts)
