"""Doctors whom an order names by a number (XCN.1), with who gave it (XCN.9): who ordered, referred, gets a copy."""

from __future__ import annotations

from ris_core.intake.places import Places, Segments
from ris_core.intake.profile import OrderPlaces
from ris_core.intake.reading import Reading
from ris_core.orders.rules import NamedAs, PractitionerNumber

_AUTHORITY = 9


def read_practitioners(
    segments: Segments, places: OrderPlaces, reading: Reading
) -> dict[NamedAs, tuple[PractitionerNumber, ...]]:
    """The numbers of each part that the order says anything of; a part that it does not mention is not there."""
    parts = {
        NamedAs.REQUESTING: places.requesting_physician,
        NamedAs.REFERRING: places.referring_physician,
        NamedAs.COPY: places.copies_to,
    }
    found = {part: _numbers(segments, where, reading) for part, where in parts.items()}
    return {part: numbers for part, numbers in found.items() if numbers is not None}


def _numbers(segments: Segments, places: Places, reading: Reading) -> tuple[PractitionerNumber, ...] | None:
    said = segments.saying(places)
    if said is None:
        return None
    place, segment = said
    if place.component > 1:  # a sender's name field; numbers stand in whole fields
        return ()
    words, numbers = reading.profile.words, []
    for repetition in segment.repetitions(place.field):
        identifier = next(iter(segment.components(repetition)), "").strip('"').strip()[:64]
        authority = next((part for part in segment.subcomponents(repetition, _AUTHORITY) if part), "")
        issuer = words.issuers.get(authority.upper(), authority) or reading.facility
        if identifier and issuer:
            numbers.append(PractitionerNumber(identifier, issuer[:128]))
    return tuple(dict.fromkeys(numbers))
