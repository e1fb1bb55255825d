"""How the messages of one sender are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from ris_core.intake.profile import DEFAULT_PROFILE, Profile


@dataclass(frozen=True, slots=True)
class Reading:
    """What readers of segments need to know beside the message."""

    facility: str
    """MSH-4: who issued an identifier that names no assigning authority."""
    zone: tzinfo
    """Of times that the message gives without an offset."""
    identity_confirmed: bool = False
    """A person has made sure that the patient is the one whom a held message would change."""
    may_query: bool = False
    """The sender may be told of orders and patients."""
    profile: Profile = DEFAULT_PROFILE
    """Where this sender puts what, and what its words mean."""
