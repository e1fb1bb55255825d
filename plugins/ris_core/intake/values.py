"""Single values of a segment, each checked when it is read: what is wrong is refused by its place in the message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TypeVar

from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Segment
from ris_core.hl7.timestamps import read_timestamp

_Value = TypeVar("_Value")


def refused(detail: str, error: ErrorCode, segment: Segment, field: int, component: int = 0) -> MessageRefused:
    """A refusal that names ``segment`` and ``field``; ``detail`` is completed with the field's name."""
    place = f"{segment.name}-{field}" + (f".{component}" if component else "")
    location = Location(segment.name, segment.sequence, field, 1 if component else 0, component)
    return MessageRefused(f"{place}: {detail}", error=error, location=location)


def missing(what: str, segment: Segment, field: int) -> MessageRefused:
    """``what`` is required and not there."""
    return refused(f"{what} is missing; send it", ErrorCode.REQUIRED_FIELD_MISSING, segment, field)


def bounded(segment: Segment, field: int, limit: int, component: int = 1) -> str:
    """A value that means something as a whole, such as a code: too long is refused, never cut."""
    value = segment.value(field, component)
    if len(value) > limit:
        raise refused(f"longer than {limit} characters", ErrorCode.DATA_TYPE_ERROR, segment, field, component)
    return value


def checked(kind: Callable[[str], _Value], segment: Segment, field: int, value: str) -> _Value:
    """``value`` as one of the domain's identifiers.

    :raises MessageRefused: 102 when it cannot be one
    """
    try:
        return kind(value)
    except InvalidValue as error:
        raise refused(error.detail, ErrorCode.DATA_TYPE_ERROR, segment, field) from error


def moment(segment: Segment | None, field: int, zone: tzinfo, component: int = 1) -> datetime | None:
    """A date and time; none when there is none.

    :raises MessageRefused: 102 when it is no date of the calendar
    """
    text = segment.value(field, component) if segment else ""
    if segment is None or not text:
        return None
    try:
        return read_timestamp(text, zone)
    except InvalidValue as error:
        raise refused(
            error.detail, ErrorCode.DATA_TYPE_ERROR, segment, field, component if component > 1 else 0
        ) from error


def person(segment: Segment, field: int) -> str | None:
    """A doctor's name as it is read (XCN): title, family, middle, given name; none when nothing is said."""
    repetitions = segment.repetitions(field)
    if not repetitions:
        return None
    parts = [*segment.components(repetitions[0]), *[""] * 7][:7]
    number, family, given, middle, _, prefix, degree = parts
    words = [prefix or degree, family, middle, given]
    return " ".join(word for word in words if word)[:255] if family or given else number.strip('"')[:255]


def coded_text(segment: Segment, field: int) -> str:
    """The text of a coded field's first repetition (CE, CWE), or its code when there is no text."""
    return segment.value(field, 2) or segment.value(field, 1)
