"""Places in a message, written as HL7 writes them, and what stands there.

======================  =============================================================================================
``OBR-18``              field 18 of the order's OBR segment: its first component where one value is wanted
``ORC-2.1``             component 1 of that field
``PV1-3.4.2``           subcomponent 2 of component 4
``OBX[3.1=8302-2]-5``   field 5 of the first OBX whose component 3.1 is ``8302-2``
``DG1-3/4``             field 3, or field 4 of the same segment when field 3 is empty
======================  =============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ris_core.errors import InvalidValue
from ris_core.hl7.er7 import Segment

_FORM = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})"
    r"(?:\[(?P<key_field>[1-9]\d{0,2})(?:\.(?P<key_component>\d{1,3}))?=(?P<key>[^\]]{1,64})\])?"
    r"-(?P<field>[1-9]\d{0,2})"
    r"(?:\.(?P<component>\d{1,3})(?:\.(?P<subcomponent>\d{1,3}))?|/(?P<otherwise>\d{1,3}))?"
)


class Place:
    """One place in a message. Immutable; equal to another that is written the same.

    :raises InvalidValue: when ``text`` is no place
    """

    __slots__ = ("_key", "_subcomponent", "_text", "component", "field", "otherwise", "segment")

    def __init__(self, text: str) -> None:
        found = _FORM.fullmatch(text)
        if found is None:
            raise InvalidValue(f"{text[:64]!r} is no place in a message; write it as OBR-18, ORC-2.1 or OBX[3.1=…]-5")
        self._text = text
        self.segment = found["segment"]
        self.field = int(found["field"])
        self.component = int(found["component"] or 0)
        """0: not written."""
        self.otherwise = int(found["otherwise"] or 0)
        """The field of the same segment that is read when this one is empty; 0: none."""
        self._subcomponent = int(found["subcomponent"] or 1)
        self._key = (int(found["key_field"]), int(found["key_component"] or 1), found["key"]) if found["key"] else None

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Place({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def is_in(self, segment: Segment) -> bool:
        """Whether ``segment`` is the one that is meant."""
        if segment.name != self.segment:
            return False
        if self._key is None:
            return True
        field, component, value = self._key
        return segment.value(field, component) == value

    def value_in(self, segment: Segment) -> str:
        """The text of this place's component (the first when none is written); empty when nothing stands there."""
        text = segment.value(self.field, self.component or 1, self._subcomponent)
        return text or (segment.value(self.otherwise) if self.otherwise else "")


Places = tuple[Place, ...]
"""Alternatives in their order: the first at which something stands is taken."""


def at(*places: str) -> Places:
    """Places written in code."""
    return tuple(map(Place, places))


class Found(NamedTuple):
    """A text and where it was read."""

    text: str
    place: Place
    segment: Segment


class Segments:
    """Segments among which places are looked up; of several that a place is in, the first counts.

    :param beyond: where a place is looked up that is in none of ``segments``: what all orders of a message share
    """

    __slots__ = ("_beyond", "_by_name")

    def __init__(self, segments: Iterable[Segment], beyond: Segments | None = None) -> None:
        self._beyond = beyond
        by_name: dict[str, list[Segment]] = {}
        for segment in segments:
            by_name.setdefault(segment.name, []).append(segment)
        self._by_name = by_name

    def all(self, name: str) -> Sequence[Segment]:
        """Every segment called ``name``, without those beyond."""
        return self._by_name.get(name, ())

    def every(self, place: Place) -> list[Segment]:
        """Every segment that ``place`` is in; those beyond when there is none here."""
        found = [segment for segment in self._by_name.get(place.segment, ()) if place.is_in(segment)]
        return found if found or self._beyond is None else self._beyond.every(place)

    def of(self, place: Place) -> Segment | None:
        """The segment that ``place`` is in."""
        for segment in self._by_name.get(place.segment, ()):
            if place.is_in(segment):
                return segment
        return self._beyond.of(place) if self._beyond else None

    def find(self, places: Places) -> Found | None:
        """What stands at the first of ``places`` that is not empty."""
        for place in places:
            segment = self.of(place)
            if segment is not None and (text := place.value_in(segment)):
                return Found(text, place, segment)
        return None

    def value(self, places: Places) -> str:
        """The text of :meth:`find`; empty when nothing stands there."""
        found = self.find(places)
        return found.text if found else ""

    def saying(self, places: Places) -> tuple[Place, Segment] | None:
        """The first of ``places`` whose field says anything, also "delete" (``""``)."""
        for place in places:
            segment = self.of(place)
            if segment is not None and segment.raw(place.field):
                return place, segment
        return None
