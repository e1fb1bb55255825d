"""What ORC-1 and ORC-5 ask for."""

from __future__ import annotations

from enum import Enum


class Action(Enum):
    """What a sender wants to be done with an order."""

    PLACE = "place"
    CHANGE = "change"
    CANCEL = "cancel"
    DISCONTINUE = "discontinue"
    NOTHING = "nothing"
    """A status that changes nothing here; the order must be known."""


ORDER_CONTROLS: dict[str, Action] = {
    "NW": Action.PLACE,
    "RO": Action.PLACE,
    "XO": Action.CHANGE,
    "CA": Action.CANCEL,
    "OC": Action.CANCEL,
    "RP": Action.CANCEL,
    "DC": Action.DISCONTINUE,
}
"""ORC-1, HL7 table 0119. RP and RO replace an order: the old one is cancelled, the new one placed."""

ORDER_STATUSES: dict[str, Action] = {
    "CA": Action.CANCEL,
    "DC": Action.DISCONTINUE,
    "A": Action.NOTHING,
    "CM": Action.NOTHING,
    "IP": Action.NOTHING,
    "SC": Action.NOTHING,
}
"""ORC-5 of a status change (ORC-1 SC), HL7 table 0038. How far an exam has come is known here, not at the sender."""
