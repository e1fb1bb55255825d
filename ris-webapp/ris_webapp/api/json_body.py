"""The JSON of a request, read so that nothing in it can surprise the database."""

from __future__ import annotations

from typing import Any

import msgspec

from ris_core.access.errors import RequestUnreadable

_DEEPEST = 40


def read_json(raw: bytes) -> Any:
    """The value that ``raw`` is.

    :raises RequestUnreadable: no JSON in UTF-8, nested too deep, or a text with a NUL character, which no database
        text can hold
    """
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestUnreadable("the body is no JSON in UTF-8") from error
    _check(value, 0)
    return value


def _check(value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise RequestUnreadable(f"the body is nested more than {_DEEPEST} levels deep")
    if isinstance(value, str):
        if "\0" in value:
            raise RequestUnreadable("a text of the body has a NUL character")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(name, depth + 1)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
