"""Frames for slow links: losslessly compressed on the way, exact when they are there (PS3.18 10.4.1.1.6).

The front door sends here only requests whose Accept names HTJ2K and, behind it, whatever is stored. An answer other
than 200 or 403 means "as stored": the front door then asks the engine itself, so nothing here can keep an image from
its reader. Nothing is kept: encoding a frame costs less than finding it again would save (decision 27).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineError, NotInEngine
from ris_core.identifiers import OrthancId
from ris_webapp.gateway.grants import is_granted
from ris_webapp.gateway.htj2k import MEDIA_TYPE, TRANSFER_SYNTAX, compressed
from ris_webapp.gateway.pixel_layout import HeadTooShort, KeptAsStored, PixelLayout, layout_of
from ris_webapp.permission import public

HEAD_BYTES: Final = 1024 * 1024
"""Read first: all of a slice, or the attributes of what is larger."""
LONGEST_HEAD_BYTES: Final = 8 * 1024 * 1024
"""Attributes of a multi-frame object with thousands of frames."""
_PATIENCE_SECONDS: Final = 0.2
"""Longest wait for others' frames; a thread that waits serves no page."""
_BOUNDARY: Final = b"quang-frame-3f1c9a7e5b20"
_CANDIDATES: Final = 4
"""Instances under one SOPInstanceUID that are looked at; in most archives there is one."""


@public
@require_GET
def frame(request: HttpRequest, study: str, series: str, instance: str, number: str) -> HttpResponse:
    """One frame in one part; 406 when it goes as stored, 503 when others' frames are being compressed."""
    if not is_granted(request):
        return HttpResponse(status=403)
    with _turn() as mine:
        if not mine:
            return HttpResponse(status=503)
        try:
            with Engine.from_settings(settings.QUANG, "web", timeout_seconds=20.0) as engine:
                codestream = _codestream(engine, (study, series, instance), int(number))
        except (KeptAsStored, NotInEngine):
            return HttpResponse(status=406)
        except EngineError:
            return HttpResponse(status=503)
    return _multipart(codestream)


def _codestream(engine: Engine, uids: tuple[str, str, str], number: int) -> bytes:
    orthanc_id, layout, head = _only(engine, uids)
    offset, length = layout.span(number)
    pixels = head[offset : offset + length]
    if len(pixels) < length:
        pixels = engine.instance_part(orthanc_id, offset, length)
        if not _is_unchanged(engine, orthanc_id, layout, head):
            raise KeptAsStored("another file has taken the place of this one", field="PixelData")
    if len(pixels) != length:
        raise KeptAsStored("the file ends within the frame", field="PixelData")
    return compressed(layout, pixels)


def _is_unchanged(engine: Engine, orthanc_id: OrthancId, layout: PixelLayout, head: bytes) -> bool:
    """Whether the file is still the one whose layout was read: what was read since lies where the layout says."""
    if layout.frame_count > 1:
        known = _LAYOUTS.get(orthanc_id)
        return known is not None and known == (engine.instance_md5(orthanc_id), layout)
    return engine.instance_head(orthanc_id, layout.offset) == head[: layout.offset]


def _only(engine: Engine, uids: tuple[str, str, str]) -> tuple[OrthancId, PixelLayout, bytes]:
    """The one instance of the study and series, by what its own file says, with the beginning of the file if it was
    read.

    :raises KeptAsStored: there is none, or several: which of them is shown is the engine's to say
    """
    found = []
    for orthanc_id in engine.find_instances(uids[2])[:_CANDIDATES]:
        layout, head = _layout(engine, orthanc_id)
        if (layout.study_uid, layout.series_uid, layout.instance_uid) == uids:
            found.append((orthanc_id, layout, head))
    if len(found) != 1:
        raise KeptAsStored("none or several instances of this UID in the study", field="SOPInstanceUID")
    return found[0]


def _layout(engine: Engine, orthanc_id: OrthancId) -> tuple[PixelLayout, bytes]:
    """Read from the file; remembered for objects of many frames, as long as the file is the same."""
    known = _LAYOUTS.get(orthanc_id)
    if known is not None and known[0] == engine.instance_md5(orthanc_id):
        return known[1], b""
    layout, head = _read(engine, orthanc_id)
    if layout.frame_count > 1:
        digest = engine.instance_md5(orthanc_id)
        layout, head = _read(engine, orthanc_id)  # again, so that digest and layout are of one file
        if len(_LAYOUTS) >= _LAYOUTS_KEPT:
            _LAYOUTS.clear()
        _LAYOUTS[orthanc_id] = digest, layout
    return layout, head


def _read(engine: Engine, orthanc_id: OrthancId) -> tuple[PixelLayout, bytes]:
    head = engine.instance_head(orthanc_id, HEAD_BYTES)
    try:
        return layout_of(head), head
    except HeadTooShort:
        if len(head) < HEAD_BYTES:
            raise
    head = engine.instance_head(orthanc_id, LONGEST_HEAD_BYTES)
    return layout_of(head), head


_LAYOUTS: dict[OrthancId, tuple[str, PixelLayout]] = {}
"""With the digest of the file."""
_LAYOUTS_KEPT: Final = 256


@contextmanager
def _turn() -> Iterator[bool]:
    """Whether this frame may be compressed now: so many at once in each process, and no page waits behind them."""
    turns = _turns(settings.QUANG.viewer.frames_at_once)
    mine = turns is not None and turns.acquire(timeout=_PATIENCE_SECONDS)
    try:
        yield mine
    finally:
        if mine and turns is not None:
            turns.release()


@lru_cache(maxsize=1)
def _turns(count: int) -> threading.BoundedSemaphore | None:
    return threading.BoundedSemaphore(count) if count > 0 else None


def _multipart(codestream: bytes) -> HttpResponse:
    """A ``multipart/related`` body (RFC 2387) of one part."""
    part_type = f"{MEDIA_TYPE}; transfer-syntax={TRANSFER_SYNTAX}".encode()
    body = b"".join(
        (b"--", _BOUNDARY, b"\r\nContent-Type: ", part_type, b"\r\n\r\n", codestream, b"\r\n--", _BOUNDARY, b"--\r\n")
    )
    content_type = f'multipart/related; type="{MEDIA_TYPE}"; boundary={_BOUNDARY.decode()}'
    response = HttpResponse(body, content_type=content_type)
    response["Content-Length"] = str(len(body))
    response["Vary"] = "Accept"
    return response
