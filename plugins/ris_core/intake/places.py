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
from collections.abc import Iterable

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


def segment_of(place: Place, segments: Iterable[Segment]) -> Segment | None:
    """The first of ``segments`` that ``place`` is in; none when there is no such segment."""
    return next((segment for segment in segments if place.is_in(segment)), None)
