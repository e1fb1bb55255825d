"""What to do with a message that may have come before: by its identity (sender and MSH-10) and its body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    """A message with the same identity that was kept before."""

    message_id: int
    replay_of: int | None
    state: str
    digest: str
    error_detail: str
    acknowledgement: bytes


class Step(Enum):
    """What is done with a message."""

    APPLY = "apply"
    ANSWER_AGAIN = "answer again"
    REFUSE_REUSED_ID = "refuse, its control id stands for another message"


def next_step(digest: str, earlier: Sequence[EarlierMessage]) -> tuple[Step, EarlierMessage | None]:
    """How to treat a message with ``digest``, given ``earlier`` ones of its identity, oldest first.

    One that was applied is answered again, word for word and without effect, also when a person had to correct it for
    that; the control id of an applied message does not come to stand for another one, because an order would then be
    swallowed silently. One that was refused or held had no effect: it is tried again, as it came or corrected.
    """
    for message in earlier:
        if message.state == "APPLIED":
            return (Step.ANSWER_AGAIN if digest in _digests(message, earlier) else Step.REFUSE_REUSED_ID), message
    return Step.APPLY, None


def _digests(applied: EarlierMessage, earlier: Sequence[EarlierMessage]) -> Iterator[str]:
    """Of the applied message, and of the one that it is the correction of."""
    yield applied.digest
    yield from (message.digest for message in earlier if message.message_id == applied.replay_of)


def says_nothing_new(digest: str, error_detail: str, earlier: Sequence[EarlierMessage]) -> bool:
    """Whether a refusal repeats the sender's last one: the same body, refused for the same reason, is kept once."""
    sent = [message for message in earlier if message.replay_of is None]
    return bool(sent) and sent[-1].digest == digest and sent[-1].error_detail == error_detail
