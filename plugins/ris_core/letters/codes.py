"""One-time codes that are sent by letter: six digits, the newest one good once, for ten minutes."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

CODE_LASTS: Final = timedelta(minutes=10)
CODES_AT_ONCE: Final = 3
"""Codes that are sent to one receiver within :data:`CODES_WITHIN`."""
CODES_WITHIN: Final = timedelta(minutes=15)


def new_code() -> str:
    """Six digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def good_code(codes: Iterable[tuple[str, datetime]], entered_digest: str, now: datetime) -> bool:
    """Whether ``entered_digest`` is that of the newest of the unused codes, and still good.

    :param codes: digest and time of sending, the newest first
    """
    newest = next(iter(codes), None)
    return newest is not None and compare_digest(newest[0], entered_digest) and now - newest[1] <= CODE_LASTS
