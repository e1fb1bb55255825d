"""Passwords that an identity system sends all the same: refused, and kept nowhere (Q6)."""

from __future__ import annotations

import json
from typing import Any, Final

from ris_core.access.errors import RequestUnreadable
from ris_webapp.api.json_body import read_json

LEFT_OUT: Final = "…"
"""Stands in the inbox where a password stood."""
_NAME: Final = "password"


def without_passwords(body: bytes) -> bytes:
    """``body`` for the inbox: as it came when no password is named in it, else without what was one; what cannot be
    read is not kept then."""
    if _NAME not in body.decode(errors="replace").lower() and b"\\u" not in body:
        return body
    try:
        value = read_json(body)
    except RequestUnreadable:
        return LEFT_OUT.encode()
    cleared = _cleared(value)
    return body if cleared == value else json.dumps(cleared, ensure_ascii=False).encode()


def _cleared(value: Any) -> Any:
    if isinstance(value, list):
        return [_cleared(each) for each in value]
    if not isinstance(value, dict):
        return value
    sets_one = _NAME in str(next((each for name, each in value.items() if name.lower() == "path"), "")).lower()
    return {
        name: LEFT_OUT if _NAME in name.lower() or (sets_one and name.lower() == "value") else _cleared(each)
        for name, each in value.items()
    }
