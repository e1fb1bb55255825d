"""Pictures, documents, waveforms and videos as a browser takes them: one part, with its media type, videos by ranges.

Orthanc answers bulk data only as multipart octets, and draws images whose files name no window nearly black. Who may
ask is decided as in its request filter: by the grammar and the grants in the cookies.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeVar

import pydicom
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.views.decorators.http import require_GET

from ris_core.engine.answers import StoredImage
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_core.errors import InvalidValue
from ris_core.identifiers import StudyInstanceUID
from ris_core.watermarks.apart import OthersBeingMarked, marked_apart
from ris_core.watermarks.pictures import LARGEST_SIDE, PictureTooLarge, marked_picture
from ris_webapp.gateway.fragments import Stream, video_stream
from ris_webapp.gateway.grants import mark_granted, marking_grants
from ris_webapp.permission import public

MAXIMUM_DOCUMENT_BYTES: Final = 96 * 1024 * 1024
_PIECE: Final = 2 * 1024 * 1024
"""Of a video, in one answer to a range: a player asks for the next."""
_VIDEO_TYPES: Final = {
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (102, 103, 104, 105, 106, 107, 108)), "video/mp4"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{number}" for number in (100, 101)), "video/mpeg"),
}
"""Transfer Syntax UID → media type: H.264, HEVC, MPEG-2; fragmentable variants (ending in .1) are of the same type."""
_QUALITY: Final = 90
"""Of a JPEG, in percent, where none is asked for."""
_OCTETS: Final = "application/octet-stream"
_MARKED_WITHIN: Final = (LARGEST_SIDE, LARGEST_SIDE)
"""Of a picture with a mark, where all its pixels are more: what one costs is bounded."""
_DOCUMENT: Final = "00420011"
"""Encapsulated Document (PS3.3 C.24.2)."""
_DOCUMENTS: Final = "1.2.840.10008.5.1.4.1.1.104."
R = TypeVar("R", bound=HttpResponseBase)
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


@public
@require_GET
def rendered(request: HttpRequest, study: str, series: str, instance: str) -> HttpResponseBase:
    """What a person sees of an instance: a document, a video, or the first frame as JPEG.

    Documents that a mark cannot be drawn on, and videos where only pictures may be seen, are refused.
    """
    with _engine() as engine:
        found = _granted(request, engine, study, series, instance)
        if found is None:
            return HttpResponse(status=403)
        image, mark = found
        if image.sop_class_uid.startswith(_DOCUMENTS):
            return _document(engine, image, mark)
        media_type = _VIDEO_TYPES.get(_base(image.transfer_syntax_uid))
        if media_type is not None:
            only_pictures = all(grant.pictures_only for grant in marking_grants(request, study))
            return HttpResponse(status=403) if only_pictures else _video(request, image, media_type)
        return _drawn(request, engine, image.orthanc_id, 1, mark)


@public
@require_GET
def rendered_frame(request: HttpRequest, study: str, series: str, instance: str, number: str) -> HttpResponseBase:
    """One frame as JPEG, as large and in the window that is asked for (PS3.18 8.3.5)."""
    with _engine() as engine:
        found = _granted(request, engine, study, series, instance)
        if found is None:
            return HttpResponse(status=403)
        image, mark = found
        return _drawn(request, engine, image.orthanc_id, int(number), mark)


@public
@require_GET
def thumbnail(request: HttpRequest, study: str, series: str) -> HttpResponseBase:
    """The image in the middle of a series, small."""
    mark = mark_granted(request)
    if mark is None:
        return HttpResponse(status=403)
    with _engine() as engine:
        for series_id in engine.find_series(StudyInstanceUID(study), series):
            instances = engine.series(series_id).instance_ids
            return _drawn(request, engine, instances[len(instances) // 2], 1, mark)
    return HttpResponse(status=404)


@public
@require_GET
def bulk(request: HttpRequest, study: str, series: str, instance: str, tags: str) -> HttpResponseBase:
    """One element's bytes in one part.

    :param tags: ``{tag}[/{item}/{tag}…]``; items are counted from 0 as in Orthanc's addresses
    """
    with _engine() as engine:
        found = _granted(request, engine, study, series, instance)
        if found is None or (found[1] and tags.endswith(_DOCUMENT)):
            return HttpResponse(status=403)  # a document bears its mark where it is drawn
        value = _element(_file(engine, found[0]), tags)
    return HttpResponse(status=404) if value is None else _kept(HttpResponse(value, content_type=_OCTETS))


def _granted(
    request: HttpRequest, engine: Engine, study: str, series: str, instance: str
) -> tuple[StoredImage, str] | None:
    """The instance and the mark on what is seen of it, if the grants cover it and there is one; a stranger learns not
    which."""
    mark = mark_granted(request)
    if mark is None:
        return None
    for study_id in engine.find_studies(StudyInstanceUID(study)):
        found = engine.images_of(study_id, SOPInstanceUID=instance, SeriesInstanceUID=series)
        if found:
            return found[0], mark
    return None


def _drawn(request: HttpRequest, engine: Engine, orthanc_id: str, frame: int, mark: str) -> HttpResponse:
    """As the parameters ask, whose forms the grammar has checked; 406 for what cannot be drawn."""
    asked = request.GET
    quality = int(asked.get("quality", _QUALITY))
    try:
        if asked.get("accept", request.headers.get("Accept", "")) == "image/png":
            picture, media_type = engine.lossless_frame(orthanc_id, frame, _window(asked)), "image/png"
        else:
            media_type = "image/jpeg"
            picture = engine.rendered_frame(orthanc_id, frame, _window(asked), within=_viewport(asked), quality=quality)
        if mark:
            try:
                picture = marked_picture(picture, mark, quality=quality)
            except PictureTooLarge:
                if media_type == "image/png":
                    raise
                smaller = engine.rendered_frame(orthanc_id, frame, _window(asked), within=_MARKED_WITHIN)
                picture = marked_picture(smaller, mark, quality=quality)
    except (EngineFailed, InvalidValue):
        return HttpResponse(status=406)
    return _kept(HttpResponse(picture, content_type=media_type))


def _window(asked: QueryDict) -> tuple[float, float] | None:
    """:raises InvalidValue: no centre, or no width that an image can be shown in"""
    centre, _, rest = asked.get("window", "").partition(",")
    if not centre:
        return None
    try:
        window = float(centre), float(rest.partition(",")[0])
    except ValueError as error:
        raise InvalidValue("a window has a centre and a width", field="window") from error
    if window[1] <= 0:
        raise InvalidValue("a window has a width above 0", field="window")
    return window


def _viewport(asked: QueryDict) -> tuple[int, int] | None:
    sides = [int(float(side)) for side in asked.get("viewport", "").split(",")[:2] if side]
    return (sides[0], sides[1]) if len(sides) == 2 and min(sides) > 0 else None


def _document(engine: Engine, image: StoredImage, mark: str) -> HttpResponseBase:
    file = _file(engine, image)
    value = _element(file, _DOCUMENT)
    if value is None:
        return HttpResponse(status=404)
    length = pydicom.dcmread(io.BytesIO(file), specific_tags=["EncapsulatedDocumentLength"]).get(
        "EncapsulatedDocumentLength"
    )
    document = value[: int(length)] if length else value
    if mark:
        try:
            document = marked_apart(document, mark)
        except OthersBeingMarked:
            return HttpResponse(status=503, headers={"Retry-After": "10"})
        except InvalidValue:
            return HttpResponse(status=403)
    if document.lstrip()[:5] != b"%PDF-":
        # any other kind is offered to be saved: markup of others is never run under this address
        response = HttpResponse(document, content_type=_OCTETS)
        response["Content-Disposition"] = "attachment"
        return _kept(response)
    response = _kept(HttpResponse(document, content_type="application/pdf"))
    response["Content-Security-Policy"] = "frame-ancestors 'self'"
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _video(request: HttpRequest, image: StoredImage, media_type: str) -> HttpResponseBase:
    stream = _stream_of(image.orthanc_id)
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None:
        whole = StreamingHttpResponse(_pieces(image.orthanc_id, stream), content_type=media_type)
        whole["Content-Length"] = str(stream.length)
        whole["Accept-Ranges"] = "bytes"
        return _kept(whole)
    start = int(match[1])
    if start >= stream.length:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{stream.length}"})
    end = min(int(match[2]) + 1 if match[2] else stream.length, stream.length, start + _PIECE)
    with _engine() as engine:
        part = _bytes_of(engine, image.orthanc_id, stream, start, end)
    response = HttpResponse(part, status=206, content_type=media_type)
    response["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{stream.length}"
    response["Accept-Ranges"] = "bytes"
    return _kept(response)


def _pieces(orthanc_id: str, stream: Stream) -> Iterator[bytes]:
    with _engine() as engine:
        for start in range(0, stream.length, _PIECE):
            yield _bytes_of(engine, orthanc_id, stream, start, min(start + _PIECE, stream.length))


def _bytes_of(engine: Engine, orthanc_id: str, stream: Stream, start: int, end: int) -> bytes:
    return b"".join(engine.instance_part(orthanc_id, *span) for span in stream.parts(start, end))


@lru_cache(maxsize=64)
def _stream_of(orthanc_id: str) -> Stream:
    """:raises InvalidValue: the file holds no video that can be found"""
    with _engine() as engine:
        return video_stream(lambda offset, length: engine.instance_part(orthanc_id, offset, length))


def _file(engine: Engine, image: StoredImage) -> bytes:
    file = engine.instance_file(image.orthanc_id)
    if len(file) > MAXIMUM_DOCUMENT_BYTES:
        raise InvalidValue("the object is too large to be opened here", field="instance")
    return file


def _element(file: bytes, tags: str) -> bytes | None:
    try:
        dataset = pydicom.dcmread(io.BytesIO(file))
        steps = tags.split("/")
        for tag, item in zip(steps[:-1:2], steps[1::2], strict=True):
            dataset = dataset[int(tag, 16)].value[int(item)]
        value = dataset[int(steps[-1], 16)].value
    except (pydicom.errors.InvalidDicomError, KeyError, IndexError, TypeError, ValueError, OSError):
        return None
    return value if isinstance(value, bytes) else None


def _base(transfer_syntax_uid: str) -> str:
    """Without the last part of a fragmentable variant: ``1.2.840.10008.1.2.4.102.1``."""
    parts = transfer_syntax_uid.split(".")
    return ".".join(parts[:-1]) if len(parts) == 9 else transfer_syntax_uid


def _kept(response: R) -> R:
    response["Cache-Control"] = "private, max-age=600"
    return response


def _engine() -> Engine:
    return Engine.from_settings(settings.QUANG, "web", timeout_seconds=30.0)
