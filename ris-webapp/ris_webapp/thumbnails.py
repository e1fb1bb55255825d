"""Small pictures of a study or of one of its series, for lists: made by the engine, for users who may see the study.

A browser asks the web app, never the engine; what was made is kept for a while, since lists show the same ones again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed, NotInEngine
from ris_core.errors import NotFound
from ris_core.identifiers import OrthancId
from ris_core.studies.models import LINKED_STATES, Study
from ris_webapp.permission import UserRequest, requires

PIXELS: Final = 192
"""Largest height and width of a picture."""
TIMEOUT_SECONDS: Final = 8.0
KEPT_BYTES: Final = 16 * 1024 * 1024
"""All pictures kept by one process."""
_SEES_EVERY_STUDY: Final = (Function.RESOLVE_UNMATCHED, Function.MANAGE_STUDIES)


class RecentPictures:
    """The pictures asked for last, up to ``limit_bytes`` together; threads share it."""

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[str, ...], picture: bytes) -> None:
        with self._lock:
            self._size += len(picture) - len(self._kept.pop(key, b""))
            self._kept[key] = picture
            while self._size > self._limit:
                self._size -= len(self._kept.popitem(last=False)[1])


_pictures = RecentPictures()


@requires(*_SEES_EVERY_STUDY, Function.VIEW_IMAGES)
@require_GET
def study_thumbnail(request: UserRequest, study_id: int) -> HttpResponse:
    """An image from the middle of the study's first series that has one."""
    study = _visible_study(request, study_id)
    with engine_for_pictures() as engine:
        try:
            series_ids = engine.study(study.orthanc_id).series_ids
        except NotInEngine:  # images that are being put right are under another identifier in a moment
            return HttpResponse(status=204)
        return _answer(engine, study, series_ids[0])


@requires(*_SEES_EVERY_STUDY, Function.VIEW_IMAGES)
@require_GET
def series_thumbnail(request: UserRequest, study_id: int, series_id: str) -> HttpResponse:
    """An image from the middle of one series.

    :param series_id: the engine's identifier; it must be a series of this study
    """
    study = _visible_study(request, study_id)
    series = OrthancId(series_id)
    with engine_for_pictures() as engine:
        if series not in engine.study(study.orthanc_id).series_ids:
            raise NotFound("the study has no such series", field="series")
        return _answer(engine, study, series)


def _answer(engine: Engine, study: Study, series_id: OrthancId) -> HttpResponse:
    key = (series_id, str(study.instance_count))
    picture = _pictures.get(key)
    if picture is None:
        instances = engine.series(series_id).instance_ids
        try:
            picture = engine.rendered(instances[len(instances) // 2], PIXELS)
        except EngineFailed:
            return HttpResponse(status=204)  # a document, a report, a video
        _pictures.put(key, picture)
    return HttpResponse(picture, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


def _visible_study(request: UserRequest, study_id: int) -> Study:
    """A study that waits is seen by those who sort it; one that belongs to an exam by all who see images.

    :raises NotFound: there is none that this user may see
    """
    study = Study.objects.filter(pk=study_id).only("orthanc_id", "state", "instance_count").first()
    sorts = any(may(request.user.role, function) for function in _SEES_EVERY_STUDY)
    if study is None or (study.state not in LINKED_STATES and not sorts):
        raise NotFound("there is no such study", field="study")
    return study


def engine_for_pictures() -> Engine:
    """A connection that gives up soon: a list does not wait for its pictures."""
    return Engine.from_settings(settings.QUANG, "web", timeout_seconds=TIMEOUT_SECONDS)
