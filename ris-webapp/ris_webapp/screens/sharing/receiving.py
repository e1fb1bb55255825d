"""Where a receiver comes: the door that takes the link, and the page of what it opens.

The link's secret stands behind ``#`` in the address: browsers send it to nobody, and no log has it. The door's script
takes it out of the address and posts it; what opens then hangs on a cookie of this share's own pages.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from ris_core.audit.services import record
from ris_core.delivery.outside import version_for_outside
from ris_core.errors import QuangError
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import ReportVersion
from ris_core.sharing.errors import ShareRefused, ShareTriedTooOften
from ris_core.sharing.lineage import gives_pictures_only, mark_of
from ris_core.sharing.models import Share, ShareOpening
from ris_core.sharing.opening import Asked, Knock, open_share, opened_with, visitor
from ris_core.sharing.passing_on import room_in
from ris_core.watermarks.documents import marked_document
from ris_core.watermarks.rules import lines_of
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.sharing.archive import zip_of
from ris_webapp.screens.sharing.contents import exam_of, exams_of, images_grant, images_of, open_exams
from ris_webapp.screens.viewer_launch.grants import grant_viewing
from ris_webapp.screens.viewer_launch.ohif import pictures_address, viewer_address
from ris_webapp.screens.viewer_launch.pages import outsider_headers, refuse, waiting_page
from ris_webapp.screens.viewer_launch.report_text import report_text
from ris_webapp.screens.viewer_launch.results import closed_reports, report_pdf

_OPENED: Final = "quang_share"
_DEVICE: Final = "quang_device"
_DEVICE_DAYS: Final = 400


@public
@require_GET
def door(request: HttpRequest) -> HttpResponse:
    """The empty page whose script posts the link's secret."""
    return outsider_headers(render(request, "sharing/door.html", {}))


@public
@sensitive_post_parameters()
@require_POST
def open_link(request: HttpRequest) -> HttpResponse:
    """Take link and answer: 200 with where to go, or with what is asked for; else 403 or 429, always the same."""
    knock = Knock(
        secret=request.POST.get("link", "")[:64],
        answer=request.POST.get("answer", "")[:128],
        device=request.COOKIES.get(_DEVICE, "")[:64],
        address=client_address(request),
        browser=request.headers.get("User-Agent", ""),
    )
    try:
        outcome = open_share(knock)
    except (ShareRefused, ShareTriedTooOften) as error:
        return _json({"code": error.code}, status=429 if isinstance(error, ShareTriedTooOften) else 403)
    if isinstance(outcome, Asked):
        return _json({"ask": outcome.lock})
    page = reverse("sharing:shown", args=[outcome.opening.share.handle])
    response = _json({"to": page})
    _keep(response, _OPENED, outcome.key, page, int((outcome.opening.until - timezone.now()).total_seconds()))
    _keep(response, _DEVICE, outcome.device, "/share/", _DEVICE_DAYS * 86400)
    return response


@public
@require_GET
def shown(request: HttpRequest, handle: str) -> HttpResponse:
    """What the link opens: exams, reports, images."""
    try:
        opening = opening_of(request, handle)
    except ShareRefused as error:
        return refuse(request, error.code)
    share = opening.share
    context = {
        "share": share,
        "exams": exams_of(share),
        "may_pass_on": room_in(share) is not None,
        "mark": _mark_lines(share),
    }
    return outsider_headers(render(request, "sharing/shown.html", context))


@public
@require_GET
def images(request: HttpRequest, handle: str, number: int) -> HttpResponse:
    """Grant the images of one exam to this browser, and go to the viewer."""
    try:
        opening = opening_of(request, handle)
        exam = exam_of(opening.share, number)
    except ShareRefused as error:
        return refuse(request, error.code)
    share = opening.share
    uids = images_of(share, exam.pk)
    if not uids:
        return refuse(request, "QUANG-3107")
    only_pictures = gives_pictures_only(share)
    response = HttpResponseRedirect(pictures_address(uids) if only_pictures else viewer_address(uids))
    grant_viewing(
        request,
        response,
        [uids],
        f"share:{share.pk}",
        grant=images_grant(opening, exam.pk),
        until=opening.until,
        may_download=share.may_download,
        without_series=_closed_reports(share, uids),
        mark=mark_of(share),
        pictures_only=only_pictures,
    )
    _note(request, opening, "share.viewed", exam)
    return outsider_headers(response)


@public
@require_GET
def report(request: HttpRequest, handle: str, number: int) -> HttpResponse:
    """The report in force as PDF; one that was recalled since is not there. It is the printed one, which never bears a
    digital signature, so that a mark breaks none."""
    try:
        opening, exam, version = _reported(request, handle, number)
    except ShareRefused as error:
        return refuse(request, error.code)
    if version is None:
        return refuse(request, "QUANG-3109")
    pdf = report_pdf(version)
    if pdf is None:
        return waiting_page(request)
    if mark := mark_of(opening.share):
        pdf = marked_document(pdf, mark)
    _note(request, opening, "report.viewed", exam, version=version.number)
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="report-v{version.number}.pdf"'
    return outsider_headers(response)


@public
@require_GET
def report_page(request: HttpRequest, handle: str, number: int) -> HttpResponse:
    """The same report as a page."""
    try:
        opening, exam, version = _reported(request, handle, number)
    except ShareRefused as error:
        return refuse(request, error.code)
    if version is None:
        return refuse(request, "QUANG-3109")
    _note(request, opening, "report.viewed", exam, version=version.number)
    mark = _mark_lines(opening.share)
    context = {"handle": handle, "number": number, "mark": mark, **report_text(version)}
    return outsider_headers(render(request, "sharing/report.html", context))


@public
@require_GET
def files(request: HttpRequest, handle: str, number: int) -> HttpResponseBase:
    """The exam's DICOM files in one ZIP, when they may be kept."""
    try:
        opening = opening_of(request, handle)
        exam = exam_of(opening.share, number)
        if not opening.share.may_download:
            raise ShareRefused("its files may not be kept")
    except ShareRefused as error:
        return refuse(request, error.code)
    key = request.COOKIES.get(_OPENED, "")
    uids = images_of(opening.share, exam.pk)
    _note(request, opening, "share.downloaded", exam)
    response = StreamingHttpResponse(
        zip_of(
            settings.QUANG,
            uids,
            without_series=_closed_reports(opening.share, uids),
            still_open=lambda: _is_open(key, handle) and set(uids) <= set(images_of(opening.share, exam.pk)),
        ),
        content_type="application/zip",
    )
    response["Content-Disposition"] = f'attachment; filename="images-{number}.zip"'
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response


def opening_of(request: HttpRequest, handle: str) -> ShareOpening:
    return opened_with(request.COOKIES.get(_OPENED, ""), handle)


def _reported(
    request: HttpRequest, handle: str, number: int
) -> tuple[ShareOpening, RequestedProcedure, ReportVersion | None]:
    """What was opened, which exam, and its report in force; none when none is, or none is shared.

    :raises ShareRefused: it is not open here, or has no such exam
    """
    opening = opening_of(request, handle)
    exam = exam_of(opening.share, number)
    return opening, exam, version_for_outside(exam.pk) if opening.share.with_report else None


def _closed_reports(share: Share, study_uids: list[str]) -> list[str]:
    """Series of reports that lie in the studies and are not shared with the images."""
    if share.anonymous:
        return []  # no report is copied
    if mark_of(share):
        return closed_reports(study_uids, frozenset())  # it is given by the share's page, with its mark
    return closed_reports(study_uids, open_exams(share) if share.with_report else frozenset())


def _mark_lines(share: Share) -> tuple[str, ...]:
    """What is drawn over its pages."""
    mark = mark_of(share)
    return lines_of(mark) if mark else ()


def _is_open(key: str, handle: str) -> bool:
    try:
        opened_with(key, handle)
    except QuangError:
        return False
    return True


def _note(request: HttpRequest, opening: ShareOpening, action: str, exam: RequestedProcedure, **facts: Any) -> None:
    actor = visitor(opening.share, client_address(request))
    record(actor, action, subject=f"exam:{exam.pk}", patient_id=exam.patient_id, share=opening.share_id, **facts)


def _json(content: dict[str, object], status: int = 200) -> HttpResponse:
    return outsider_headers(JsonResponse(content, status=status))


def _keep(response: HttpResponse, name: str, value: str, path: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=max(1, seconds),
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
