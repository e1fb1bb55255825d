"""The parts of a ``multipart/related`` body (RFC 2387) as STOW-RS sends it: each part's content, without its header."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ris_core.errors import InvalidValue

_BOUNDARY = re.compile(r"""boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE)
MAXIMUM_PARTS = 64


def boundary_of(content_type: str) -> bytes:
    """:raises InvalidValue: no multipart/related, or without its boundary"""
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or match is None:
        raise InvalidValue("the body is no multipart/related with a boundary", field="Content-Type")
    return (match[1] or match[2]).encode("ascii", "strict")


def parts_of(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Each part's content.

    :raises InvalidValue: no part ends where the boundary says, or there are too many
    """
    delimiter = b"--" + boundary
    start = body.find(delimiter)
    if start < 0:
        raise InvalidValue("the body has no part", field="body")
    for _ in range(MAXIMUM_PARTS):
        start += len(delimiter)
        if body[start : start + 2] == b"--":
            return
        header_end = body.find(b"\r\n\r\n", start)
        following = body.find(b"\r\n" + delimiter, start)
        if header_end < 0 or following < 0:
            raise InvalidValue("a part of the body does not end", field="body")
        # a part without content has its header's blank line directly before the delimiter
        yield body[header_end + 4 : max(header_end + 4, following)]
        start = following + 2
    raise InvalidValue(f"the body has more than {MAXIMUM_PARTS} parts", field="body")
