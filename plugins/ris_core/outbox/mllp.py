"""Send one HL7 message over MLLP and judge what comes back."""

from __future__ import annotations

import socket

from ris_core.errors import InvalidValue
from ris_core.hl7.er7 import Message
from ris_core.hl7.mllp import FramingError, MllpClient, MllpFailure
from ris_core.outbox import rules
from ris_core.outbox.errors import AnswerUnreadable, NotAcknowledged, ReceiverUnreachable
from ris_core.outbox.rules import Acknowledgement, Answer
from ris_core.settings import Delivery


def exchange(host: str, port: int, message: bytes, control_id: str, limits: Delivery) -> bytes:
    """The receiver's acknowledgement of ``message``, whose MSH-10 is ``control_id``.

    :raises NotAcknowledged: it answered otherwise than by accepting this message
    :raises ReceiverUnreachable: no connection could be opened
    :raises AnswerUnreadable: it answered in no MLLP frame, or in one that is too long
    :raises MllpFailure: it did not answer in time, or closed the connection; it may have the message
    """
    try:
        with MllpClient(host, port, limits.timeout_seconds, limits.max_acknowledgement_bytes) as client:
            answer = client.send(message)
    except MllpFailure as failure:
        if isinstance(failure.__cause__, ConnectionRefusedError | socket.gaierror):
            raise ReceiverUnreachable(failure.detail) from failure
        if isinstance(failure.__cause__, FramingError):
            raise AnswerUnreadable(failure.detail) from failure
        raise
    verdict, reason = rules.judged(_acknowledgement(answer), control_id)
    if verdict is not Answer.ACCEPTED:
        raise NotAcknowledged(reason, answer=answer)
    return answer


def reach(host: str, port: int, limits: Delivery) -> None:
    """Open a connection and close it again.

    :raises ReceiverUnreachable: none could be opened
    """
    try:
        socket.create_connection((host, port), limits.timeout_seconds).close()
    except OSError as error:
        raise ReceiverUnreachable(f"{host}:{port}: {error}") from error


def _acknowledgement(answer: bytes) -> Acknowledgement | None:
    try:
        message = Message.parse(answer)
    except InvalidValue:
        return None
    msa = message.first("MSA")
    if msa is None:
        return None
    err = message.first("ERR")
    text = msa.text(3) or (err.text(8) or err.text(3) or err.text(1) if err else "")
    return Acknowledgement(msa.value(1), msa.value(2), text)
