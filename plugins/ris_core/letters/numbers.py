"""Telephone numbers as people write them."""

from __future__ import annotations

import re
from typing import Final

_PHONE: Final = re.compile(r"\+?[0-9]{8,15}")


def phone_number(text: str) -> str:
    """Without what people put between the digits."""
    return re.sub(r"[ .()-]", "", text)


def is_phone_number(text: str) -> bool:
    return _PHONE.fullmatch(phone_number(text)) is not None
