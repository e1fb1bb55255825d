"""Single values of a segment, each checked when it is read: what is wrong is refused by its place in the message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TypeVar

from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Segment
from ris_core.hl7.timestamps import read_timestamp
from ris_core.intake.places import Found, Place, Places, Segments

_Value = TypeVar("_Value")


def refused(detail: str, error: ErrorCode, segment: Segment, field: int, component: int = 0) -> MessageRefused:
    """A refusal that names ``segment`` and ``field``; ``detail`` is completed with the field's name."""
    place = f"{segment.name}-{field}" + (f".{component}" if component else "")
    location = Location(segment.name, segment.sequence, field, 1 if component else 0, component)
    return MessageRefused(f"{place}: {detail}", error=error, location=location)


def place_of(places: Places, segments: Segments) -> tuple[str, Location] | None:
    """Where a value was read, or where it belongs when it is at none of its ``places``: ``OBR-18`` and its location."""
    if not places:
        return None
    found = segments.find(places)
    place = found.place if found else places[0]
    segment = found.segment if found else segments.of(place)
    component = place.component if place.component > 1 else 0
    name = f"{place.segment}-{place.field}" + (f".{component}" if component else "")
    sequence = segment.sequence if segment else 1
    return name, Location(place.segment, sequence, place.field, 1 if component else 0, component)


def refused_at(found: Found, detail: str, error: ErrorCode) -> MessageRefused:
    """A refusal of what was read at a place; a first component is named by its field."""
    component = found.place.component
    return refused(detail, error, found.segment, found.place.field, component if component > 1 else 0)


def refused_here(detail: str, error: ErrorCode, places: Places, segments: Segments) -> MessageRefused:
    """A refusal that names where a value was read, or where it belongs."""
    named = place_of(places, segments)
    return MessageRefused(f"{named[0]}: {detail}" if named else detail, error=error, location=named and named[1])


def missing_at(what: str, places: Places, segments: Segments) -> MessageRefused:
    """``what`` is required and at none of its places; the first of them is named."""
    return refused_here(f"{what} is missing; send it", ErrorCode.REQUIRED_FIELD_MISSING, places, segments)


def missing(what: str, segment: Segment, field: int) -> MessageRefused:
    """``what`` is required and not there."""
    return refused(f"{what} is missing; send it", ErrorCode.REQUIRED_FIELD_MISSING, segment, field)


def bounded(segment: Segment, field: int, limit: int, component: int = 1) -> str:
    """A value that means something as a whole, such as a code: too long is refused, never cut."""
    value = segment.value(field, component)
    if len(value) > limit:
        raise refused(f"longer than {limit} characters", ErrorCode.DATA_TYPE_ERROR, segment, field, component)
    return value


def bounded_at(found: Found | None, limit: int) -> str:
    """Like :func:`bounded`, of what was read at a place."""
    if found is not None and len(found.text) > limit:
        detail = f"longer than {limit} characters"
        raise refused(detail, ErrorCode.DATA_TYPE_ERROR, found.segment, found.place.field, found.place.component or 1)
    return found.text if found else ""


def checked_at(kind: Callable[[str], _Value], found: Found) -> _Value:
    """Like :func:`checked`, of what was read at a place."""
    try:
        return kind(found.text)
    except InvalidValue as error:
        raise refused_at(found, error.detail, ErrorCode.DATA_TYPE_ERROR) from error


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


def moment_at(found: Found | None, zone: tzinfo) -> datetime | None:
    """Like :func:`moment`, of what was read at a place."""
    try:
        return read_timestamp(found.text, zone) if found else None
    except InvalidValue as error:
        assert found is not None  # noqa: S101 - only what was read can be wrong
        raise refused_at(found, error.detail, ErrorCode.DATA_TYPE_ERROR) from error


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


def coded_text_at(place: Place, segment: Segment) -> str:
    """The text of what stands at a place: of a whole field as :func:`coded_text`, else of the component."""
    return place.value_in(segment) if place.component else coded_text(segment, place.field)
