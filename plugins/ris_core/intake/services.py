"""Apply a message: the same for one that came over MLLP, one that a person replays, and one that is only tried out."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings

from ris_core.audit.services import Actor
from ris_core.hl7.acknowledgement import Reply
from ris_core.hl7.er7 import Message
from ris_core.intake.kinds import kind_of
from ris_core.intake.reading import Reading

_zone = cache(ZoneInfo)


def apply_message(message: Message, actor: Actor, *, identity_confirmed: bool = False) -> Reply | None:
    """Carry out what ``message`` says, in the current transaction; what is answered beyond the acknowledgement.

    :raises MessageRefused: AR for a message that is not taken here, AE naming what is missing or wrong
    """
    return kind_of(message).effect(message, reading_of(message, identity_confirmed=identity_confirmed), actor)


def reading_of(message: Message, *, identity_confirmed: bool = False) -> Reading:
    """How the messages of this one's sender are read."""
    zone = _zone(settings.QUANG.site.time_zone)
    return Reading(facility=message.header.value(4), zone=zone, identity_confirmed=identity_confirmed)
