"""Apply a message: the same for one that came over MLLP, one that a person replays, and one that is only tried out."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings

from ris_core.audit.services import Actor
from ris_core.hl7.acknowledgement import AcknowledgementCode, ErrorCode, Location, MessageRefused, Reply
from ris_core.hl7.er7 import Message
from ris_core.intake.kinds import kind_of
from ris_core.intake.profile import Profile
from ris_core.intake.reading import Reading
from ris_core.intake.senders import sender_of

_zone = cache(ZoneInfo)


def apply_message(
    message: Message, actor: Actor, *, identity_confirmed: bool = False, profile: Profile | None = None
) -> Reply | None:
    """Carry out what ``message`` says, in the current transaction; what is answered beyond the acknowledgement.

    :param identity_confirmed: a person has made sure that the patient is the one whom the message would change
    :param profile: read the message by this one instead of its sender's
    :raises MessageRefused: AR for a message that is not taken here, AE naming what is missing or wrong
    """
    kind = kind_of(message)
    reading = reading_of(message, identity_confirmed=identity_confirmed, profile=profile)
    taken = reading.profile.message_types
    if taken and message.type not in taken:
        raise MessageRefused(
            f"MSH-9: this sender is registered to send {', '.join(taken)} only",
            error=ErrorCode.UNSUPPORTED_MESSAGE_TYPE,
            location=Location("MSH", 1, 9),
            acknowledgement=AcknowledgementCode.REJECT,
        )
    return kind.effect(message, reading, actor)


def reading_of(message: Message, *, identity_confirmed: bool = False, profile: Profile | None = None) -> Reading:
    """How the messages of this one's sender are read."""
    sender = sender_of(message)
    profile = profile or sender.profile
    return Reading(
        facility=message.header.value(4),
        zone=_zone(settings.QUANG.site.time_zone),
        profile=profile,
        identity_confirmed=identity_confirmed,
        may_query=sender.may_query or profile.queries == "answered",
    )
