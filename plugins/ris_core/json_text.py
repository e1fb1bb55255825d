"""JSON that somebody sent: read into what is expected, or refused by name, also when it is nested without end."""

from __future__ import annotations

from typing import Any, TypeVar, overload

import msgspec

from ris_core.errors import InvalidValue

T = TypeVar("T")


@overload
def read_json(text: bytes | str, *, field: str) -> Any: ...
@overload
def read_json(text: bytes | str, kind: type[T], *, field: str) -> T: ...
def read_json(text: bytes | str, kind: Any = Any, *, field: str) -> Any:
    """The value that ``text`` is.

    :raises InvalidValue: ``field``: it is no JSON in UTF-8, not of this kind, or nested too deep
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidValue(f"not what is expected: {error}", field=field) from error
    except RecursionError as error:
        raise InvalidValue("nested too deep", field=field) from error
