"""Keys of links, browsers and devices: made once, known again by their SHA-256, which is all that is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_key() -> str:
    """256 random bits in 43 characters that every address and cookie takes."""
    return secrets.token_urlsafe(32)


def new_handle() -> str:
    return secrets.token_hex(6)


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def digest_of(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def code_digest(share_id: int, code: str) -> str:
    """What is kept of a code; six digits alone would be guessed from it, so it is only worth ten minutes."""
    return hashlib.sha256(f"{share_id}:{code}".encode()).hexdigest()
