"""Texts that a message says in several places: an order's indication, its comments, a patient's allergies."""

from __future__ import annotations

from collections.abc import Iterator

from ris_core.hl7.er7 import NULL, Segment
from ris_core.intake.places import Place, Places, Segments
from ris_core.intake.values import coded_text

_FREE_TEXT = frozenset({("OBR", 13), ("NTE", 3), ("DG1", 4)})
"""Fields of types ST, TX and FT among those that may tell an indication; Z fields are taken for text too."""

_REPEATED = frozenset({"NTE", "DG1", "OBX", "AL1"})
"""Segments that add to a text; ``""`` in them deletes nothing."""


def said_of_order(segments: Segments, places: Places, limit: int) -> str | None:
    """What an order's own segments say at all of ``places``; none when they say nothing, empty when they delete it."""
    return _joined([(place, segment) for place in places for segment in segments.all(place.segment)], limit)


def said_anywhere(segments: Segments, places: Places, limit: int) -> str | None:
    """Like :func:`said_of_order`, also of what the orders of a message share."""
    return _joined([(place, segment) for place in places for segment in segments.every(place)], limit)


def _joined(found: list[tuple[Place, Segment]], limit: int) -> str | None:
    """Each text once, in their order."""
    texts: dict[str, None] = {}
    deleted = False
    for place, segment in found:
        if place.is_in(segment):
            texts.update(dict.fromkeys(_texts(place, segment)))
            deleted = deleted or (segment.raw(place.field) == NULL and place.segment not in _REPEATED)
    said = [text for text in texts if text and text != NULL]
    if not said:
        return "" if deleted else None
    return "; ".join(said)[:limit]


def _texts(place: Place, segment: Segment) -> Iterator[str]:
    if place.component:
        yield place.value_in(segment)
    elif segment.name == "OBX" and place.field == 5:
        yield _observation(segment)
    elif (segment.name, place.field) in _FREE_TEXT or segment.name[0] == "Z":
        yield segment.text(place.field)
    else:
        for repetition in segment.repetitions(place.field):
            parts = [*segment.components(repetition), ""]
            yield parts[1] or parts[0]
        if place.otherwise and not segment.raw(place.field):
            yield segment.text(place.otherwise)


def _observation(obx: Segment) -> str:
    if obx.value(2) in ("ED", "RP"):
        return ""
    value = obx.text(5) if obx.value(2) in ("ST", "TX", "FT") else coded_text(obx, 5)
    if not value:
        return ""
    label, unit = coded_text(obx, 3), obx.value(6)
    return f"{label}: {value} {unit}".strip() if label else value
