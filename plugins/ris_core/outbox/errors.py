"""Why an attempt did not end with an acknowledgement."""

from __future__ import annotations

from ris_core.errors import QuangError


class ReceiverUnreachable(QuangError):
    """No connection to the receiver could be opened: it cannot have seen anything."""

    code = "QUANG-5101"


class ReceiverInactive(QuangError):
    """The receiver was switched off after the message was owed to it."""

    code = "QUANG-5102"


class NotAcknowledged(QuangError):
    """The receiver answered, but did not accept.

    :param answer: what it answered, as kept for people
    """

    code = "QUANG-5103"

    def __init__(self, detail: str, *, answer: bytes = b"") -> None:
        super().__init__(detail)
        self.answer = answer


class AnswerUnreadable(QuangError):
    """The receiver answered, but in no frame of its protocol, or in one that is too long."""

    code = "QUANG-5104"
