"""What an acknowledgement means and which states allow what, decided without database, clock or network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SETTLED = frozenset({"ACKNOWLEDGED", "DISMISSED", "SUPERSEDED"})
"""States in which nothing is owed any more: what waits behind may go."""

OWED = frozenset({"QUEUED", "SENDING", "RETRY"})
"""States in which the worker goes on by itself."""

MAY_BE_REPLAYED = frozenset({"RETRY", "DEAD", "ACKNOWLEDGED", "DISMISSED"})
MAY_BE_DISMISSED = frozenset({"QUEUED", "RETRY", "DEAD"})
MAY_BE_SUPERSEDED = frozenset({"QUEUED", "RETRY", "DEAD"})


class Answer(StrEnum):
    """How a receiver answered."""

    ACCEPTED = "ACCEPTED"
    """AA, CA: the receiver has the message."""
    ERROR = "ERROR"
    """AE, CE: the receiver could not process it; often it can later (a locked record, a visit not yet known)."""
    REJECTED = "REJECTED"
    """AR, CR: the receiver does not take such a message. Tried again all the same, since a wrongly configured receiver
    is repaired by its owner and the message is still owed; it ends on the dead-letter screen like any other."""
    UNREADABLE = "UNREADABLE"
    """No acknowledgement of this message: no HL7, no MSA, another message's control id, an unknown code."""


ANSWER_BY_CODE: dict[str, Answer] = {
    "AA": Answer.ACCEPTED,
    "CA": Answer.ACCEPTED,
    "AE": Answer.ERROR,
    "CE": Answer.ERROR,
    "AR": Answer.REJECTED,
    "CR": Answer.REJECTED,
}
"""By MSA-1, HL7 table 0008."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The parts of an ACK that decide (MSA-1, MSA-2, MSA-3 and ERR-8 or ERR-1 as text)."""

    code: str
    control_id: str
    text: str = ""


def judged(acknowledgement: Acknowledgement | None, control_id: str) -> tuple[Answer, str]:
    """What an acknowledgement says about the message ``control_id``, and a sentence for the screen.

    :param acknowledgement: none when the answer could not be read at all
    """
    if acknowledgement is None:
        return Answer.UNREADABLE, "the receiver's answer is not an HL7 acknowledgement"
    if acknowledgement.control_id != control_id:
        return Answer.UNREADABLE, "the receiver acknowledged another message (MSA-2 is not our MSH-10)"
    answer = ANSWER_BY_CODE.get(acknowledgement.code)
    if answer is None:
        return Answer.UNREADABLE, f"the receiver answered an unknown code in MSA-1: {acknowledgement.code[:8]!r}"
    if answer is Answer.ACCEPTED:
        return answer, ""
    reason = f": {acknowledgement.text[:500]}" if acknowledgement.text else ""
    return answer, f"the receiver answered {acknowledgement.code}{reason}"
