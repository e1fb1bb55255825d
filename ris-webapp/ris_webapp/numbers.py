"""Whole numbers in addresses and forms, which people edit and programs fill with anything."""

from __future__ import annotations

from collections.abc import Iterable

_MOST_DIGITS = 18
"""Every number so long fits into a key of either database (64 bits)."""


def whole_number(text: str) -> int | None:
    """``text`` as a key or a count; none for what can be neither."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def whole_numbers(texts: Iterable[str]) -> list[int]:
    """Those of ``texts`` that are whole numbers, in their order."""
    return [number for text in texts if (number := whole_number(text)) is not None]
