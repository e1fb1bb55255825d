"""A file on disk as an answer that a broken download can go on with (RFC 9110 §13, §14): strong ETag, one byte range,
``If-Range``. Sent piece by piece; a download under way ends when it may not go on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

PIECE_BYTES: Final = 1024 * 1024
LOOK_SECONDS: Final = 2.0
"""How often it is asked whether sending may go on."""
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def wanted_range(request: HttpRequest, etag: str, length: int) -> tuple[int, int] | None:
    """First byte and the one behind the last; none: the whole file. Equal: no such bytes.

    A range that was asked for on condition of another file (``If-Range``), several ranges and what is none are answered
    with the whole file, as RFC 9110 §14.2 says.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    condition = request.headers.get("If-Range")
    if match is None or not (match[1] or match[2]) or (condition is not None and condition != etag):
        return None
    if not match[1]:
        wanted = int(match[2])
        return (length, length) if wanted == 0 else (max(0, length - wanted), length)
    start = int(match[1])
    end = min(int(match[2]) + 1 if match[2] else length, length)
    if match[2] and int(match[2]) < start:
        return None
    return (start, end) if start < length else (length, length)


def file_answer(
    request: HttpRequest, path: Path, *, name: str, etag: str, media_type: str, still_open: Callable[[], bool]
) -> HttpResponseBase:
    """The file to be saved under ``name``.

    :param etag: in quotes; the same for the same bytes only
    :param still_open: asked while it is sent; when it says no the answer ends early
    """
    length = path.stat().st_size
    if etag in (tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")):
        return _with_headers(HttpResponse(status=304), name, etag)
    wanted = wanted_range(request, etag, length)
    if wanted is not None and wanted[0] == wanted[1]:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{length}"})
    start, end = wanted or (0, length)
    answer: HttpResponseBase
    if request.method == "HEAD":
        answer = HttpResponse(content_type=media_type)
    else:
        answer = StreamingHttpResponse(_pieces(path, start, end, still_open), content_type=media_type)
    if wanted is not None:
        answer.status_code = 206
        answer["Content-Range"] = f"bytes {start}-{end - 1}/{length}"
    answer["Content-Length"] = str(end - start)
    return _with_headers(answer, name, etag)


def _with_headers(answer: HttpResponseBase, name: str, etag: str) -> HttpResponseBase:
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["X-Accel-Buffering"] = "no"  # a front door that buffers would copy gigabytes to its own disk
    return answer


def _pieces(path: Path, start: int, end: int, still_open: Callable[[], bool]) -> Iterator[bytes]:
    looked_at = time.monotonic()
    with path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
            left -= len(piece)
            yield piece
            if time.monotonic() - looked_at > LOOK_SECONDS:
                looked_at = time.monotonic()
                if not still_open():
                    return
