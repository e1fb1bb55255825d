"""A message of ours as people read it: decoded, with the embedded document and other long values cut short."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ris_webapp.screens.messages.decoded import DecodedField, decoded

LONGEST_VALUE = 400
LONGEST_LINE = 2000
"""Characters that are shown; an embedded PDF has a hundred thousand."""


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field that is not empty."""

    position: str
    name: str
    text: str
    hidden_characters: int
    """How many more it has than are shown."""


@dataclass(frozen=True, slots=True)
class ShownSegment:
    name: str
    number: int
    """Which segment of its name this is, from 1."""
    fields: tuple[ShownField, ...]


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message; no segments when it cannot be read as HL7."""

    segments: tuple[ShownSegment, ...]
    raw_text: str
    byte_count: int


def shown_message(raw: bytes) -> ShownMessage | None:
    """``raw`` decoded; none when there is no message at all."""
    if not raw:
        return None
    if raw.startswith(b"{"):
        return ShownMessage((), _pretty(raw), len(raw))
    message = decoded(raw)
    counts: dict[str, int] = {}
    segments = []
    for segment in message.segments:
        counts[segment.name] = counts.get(segment.name, 0) + 1
        fields = tuple(_cut(field) for field in segment.fields)
        segments.append(ShownSegment(segment.name, counts[segment.name], fields))
    lines = message.raw_text.split("\n")
    raw_text = "\n".join(
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}… (+{len(line) - LONGEST_LINE})" for line in lines
    )
    return ShownMessage(tuple(segments), raw_text, len(raw))


def _pretty(raw: bytes) -> str:
    """JSON in lines, long texts cut short; what is none after all as it is."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")[:LONGEST_LINE]
    return json.dumps(_shortened(value), ensure_ascii=False, indent=2)


def _shortened(value: Any) -> Any:
    match value:
        case dict():
            return {name: _shortened(each) for name, each in value.items()}
        case list():
            return [_shortened(each) for each in value]
        case str() if len(value) > LONGEST_VALUE:
            return f"{value[:LONGEST_VALUE]}… (+{len(value) - LONGEST_VALUE})"
        case _:
            return value


def _cut(field: DecodedField) -> ShownField:
    hidden = max(0, len(field.text) - LONGEST_VALUE)
    return ShownField(field.position, field.name, field.text[:LONGEST_VALUE], hidden)
