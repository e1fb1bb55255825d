"""From which place of a message each value was read: for the test bench, and for whoever looks for a missing value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from ris_core.hl7.acknowledgement import MessageRefused
from ris_core.hl7.er7 import Message
from ris_core.intake.commands import order_groups
from ris_core.intake.places import Places, Segments
from ris_core.intake.profile import Part, Profile

_ALL_COUNT = frozenset({"clinical_indication", "comments", "allergies"})
"""Values that are made of everything that stands at their places."""


@dataclass(frozen=True, slots=True)
class Source:
    """One value of the domain and where it was found."""

    part: str
    """``order``, ``step``, ``patient``, ``visit``."""
    name: str
    """As the profile calls it: ``accession_number``."""
    place: str
    """Where it was found; empty when it stands at none of its places."""
    text: str
    tried: tuple[str, ...]
    """All its places, in their order."""


@dataclass(frozen=True, slots=True)
class SourcesOfOrder:
    """One order of a message; the number is 0 for what is no order's: patient and visit."""

    number: int
    sources: list[Source]


def sources(message: Message, profile: Profile) -> list[SourcesOfOrder]:
    """Patient and visit first, then every order as far as they can be told apart."""
    everything = Segments(message.segments)
    shared = [*_identifiers(everything, profile), *_of(profile.patient, "patient", everything)]
    shared += _of(profile.visit, "visit", everything)
    found = [SourcesOfOrder(0, shared)]
    try:
        for number, group in enumerate(order_groups(message), start=1):
            parts = [*_of(profile.order, "order", group.segments)]
            parts += _of(profile.step, "step", group.segments)
            found.append(SourcesOfOrder(number, parts))
    except MessageRefused:
        pass  # segments in an order that makes no groups: the answer tells it
    return found


def _identifiers(segments: Segments, profile: Profile) -> Iterator[Source]:
    for one in profile.patient.identifiers:
        texts = [text for segment in segments.every(one.place) for text in segment.repetitions(one.place.field)]
        yield Source("patient", "identifiers", str(one.place) if texts else "", " ~ ".join(texts), (str(one.place),))


def _of(part: Part, name: str, segments: Segments) -> Iterator[Source]:
    for field in msgspec.structs.fields(part):
        places = getattr(part, field.name)
        if isinstance(places, tuple) and field.name != "identifiers":
            yield _source(name, field.name, places, segments)


def _source(part: str, name: str, places: Places, segments: Segments) -> Source:
    tried = tuple(map(str, places))
    if name in _ALL_COUNT:
        said = [
            (str(place), segment.text(place.field))
            for place in places
            for segment in segments.every(place)
            if segment.raw(place.field)
        ]
        return Source(part, name, _joined(place for place, _ in said), _joined((text for _, text in said), "; "), tried)
    if (saying := segments.saying(places)) is None:
        return Source(part, name, "", "", tried)
    found = segments.find(places)
    place, segment = (found.place, found.segment) if found else saying
    text = place.value_in(segment) if place.component else segment.text(place.field)
    return Source(part, name, str(place), text, tried)


def _joined(texts: Iterable[str], between: str = ", ") -> str:
    return between.join(dict.fromkeys(texts))
