"""Key images on the reading page: chosen in the viewer, described, arranged, taken away; and what was measured."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.annotations.measurements import MeasurementReport, ReportUnreadable, measurements_in
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineError
from ris_core.identifiers import OrthancId
from ris_core.key_images import choosing
from ris_core.key_images.errors import NoSuchImage
from ris_core.key_images.models import KeyImage
from ris_core.key_images.rules import Choice, View, Window
from ris_core.key_images.seeing import seen_by
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import Study
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.reading.actions import action
from ris_webapp.screens.reading.bodies import Body, body_of
from ris_webapp.screens.reading.views import exam_or_refuse
from ris_webapp.screens.viewer_launch.results import shown_studies
from ris_webapp.thumbnails import RecentPictures

MAXIMUM_REPORTS = 20
"""Structured reports of one exam that are read for their measurements, the newest first."""
_LARGEST_REPORT_BYTES = 8 * 1024 * 1024
_TIMEOUT_SECONDS = 20.0

_reports = RecentPictures(limit_bytes=4 * 1024 * 1024)


class WindowBody(Body, frozen=True):
    lower: float
    upper: float


class ViewBody(Body, frozen=True):
    """Corners of the viewport in pixels of the image."""

    top_left: tuple[float, float]
    top_right: tuple[float, float]
    bottom_left: tuple[float, float]
    width: int
    height: int


class ChoiceBody(Body, frozen=True):
    study: str
    series: str
    instance: str
    frame: int = 1
    window: WindowBody | None = None
    inverted: bool = False
    view: ViewBody | None = None

    def choice(self) -> Choice:
        """:raises InvalidValue: a number is out of range"""
        window = None
        if self.window is not None:
            # as cornerstone does: the window from lower to upper, both included
            width = abs(self.window.upper - self.window.lower) + 1
            window = Window(center=(self.window.lower + self.window.upper + 1) / 2, width=width)
        view = None
        if self.view is not None:
            view = View(
                self.view.top_left, self.view.top_right, self.view.bottom_left, self.view.width, self.view.height
            )
        return Choice(self.study, self.series, self.instance, self.frame, window, self.inverted, view)


class CaptionBody(Body, frozen=True):
    caption: str


class OrderBody(Body, frozen=True):
    order: list[int]


@action(Function.READ_EXAM)
def choose(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Keep the image that the viewer shows, as it shows it."""
    exam = exam_or_refuse(exam_id)
    choice = body_of(request, ChoiceBody).choice()
    study = next(
        (each for each in shown_studies(exam.pk) if each.study_instance_uid == choice.study_instance_uid), None
    )
    if study is None:
        raise NoSuchImage("the study is not one of the exam's", field="study")
    with _engine() as engine:
        kept = choosing.choose(exam.pk, study, choice, engine, actor_of(request))
    return JsonResponse({"id": kept.pk})


@action(Function.READ_EXAM)
def describe(request: UserRequest, exam_id: int, key_image_id: int) -> HttpResponseBase:
    """Write the line under an image."""
    kept = choosing.describe(exam_id, key_image_id, body_of(request, CaptionBody).caption, actor_of(request))
    return JsonResponse({"caption": kept.caption})


@action(Function.READ_EXAM)
def remove(request: UserRequest, exam_id: int, key_image_id: int) -> HttpResponseBase:
    choosing.remove(exam_id, key_image_id, actor_of(request))
    return JsonResponse({})


@action(Function.READ_EXAM)
def restore(request: UserRequest, exam_id: int, key_image_id: int) -> HttpResponseBase:
    choosing.restore(exam_id, key_image_id, actor_of(request))
    return JsonResponse({})


@action(Function.READ_EXAM)
def arrange(request: UserRequest, exam_id: int) -> HttpResponseBase:
    choosing.arrange(exam_or_refuse(exam_id).pk, body_of(request, OrderBody).order[:1000], actor_of(request))
    return JsonResponse({})


@requires(Function.VIEW_IMAGES)
@require_GET
def picture(request: UserRequest, exam_id: int, key_image_id: int) -> HttpResponse:
    """The JPEG, as it is printed; it never changes."""
    images = KeyImage.objects.filter(procedure_id=exam_id)
    if may(request.user.role, Function.READ_EXAM):
        images = seen_by(request.user.pk, exam_id)
    kept = images.filter(pk=key_image_id).first()
    if kept is None:
        raise NoSuchImage("the exam has no such key image", field="key_image")
    response = HttpResponse(bytes(kept.picture), content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=3600, immutable"
    return response


@requires(Function.VIEW_REPORT)
@require_GET
def measurements(request: UserRequest, exam_id: int) -> HttpResponse:
    """What was measured, as a fragment: read from the structured reports of the exam's studies."""
    exam = exam_or_refuse(exam_id)
    try:
        found, unread = _measured(exam)
        unavailable = False
    except EngineError:
        found, unread, unavailable = [], 0, True
    context = {"reports": found, "unread": unread, "unavailable": unavailable}
    return render(request, "reading/measurements.html", context)


def _measured(exam: RequestedProcedure) -> tuple[list[MeasurementReport], int]:
    found: list[MeasurementReport] = []
    unread = 0
    with _engine() as engine:
        for study in shown_studies(exam.pk):
            for orthanc_id in _report_ids(engine, study):
                try:
                    report = measurements_in(_file(engine, orthanc_id))
                except ReportUnreadable:
                    unread += 1
                    continue
                if report.measurements:
                    found.append(report)
    return sorted(found, key=lambda each: (each.content_date, each.content_time), reverse=True), unread


def _report_ids(engine: Engine, study: Study) -> list[OrthancId]:
    return [image.orthanc_id for image in engine.images_of(study.orthanc_id, Modality="SR")][-MAXIMUM_REPORTS:]


def _file(engine: Engine, orthanc_id: str) -> bytes:
    """A stored file never changes under its identifier for long enough: kept for the next look."""
    kept = _reports.get((orthanc_id,))
    if kept is None:
        kept = engine.instance_file(orthanc_id)
        if len(kept) > _LARGEST_REPORT_BYTES:
            raise ReportUnreadable("the structured report is too large to be read here")
        _reports.put((orthanc_id,), kept)
    return kept


def _engine() -> Engine:
    return Engine.from_settings(settings.QUANG, "web", timeout_seconds=_TIMEOUT_SECONDS)
