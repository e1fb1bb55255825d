"""Take in requests over HTTP that change something: each is kept with its effect and its answer in one transaction.

The same promises as for HL7 (:mod:`ris_core.messages.services`): what was applied under an Idempotency-Key is answered
again word for word and without effect; the key does not come to stand for another request; one that was refused had no
effect, and may come again under its key as it was or corrected. When the process dies at any point, either all of it
is there or nothing.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DatabaseError, DataError, IntegrityError, OperationalError, connection, transaction

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import collected
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, QuangError
from ris_core.messages.keeping import effects_of
from ris_core.messages.models import InboundMessage, MessageState, Protocol, Resolution
from ris_core.messages.rules import EarlierMessage, Step, next_step, says_nothing_new
from ris_core.names import folded
from ris_core.statements import insert

log = logging.getLogger(__name__)

LONGEST_KEY = 199
_SEARCHED = ("placer_order_number", "accession_number")
"""What is told of an order in the audit trail, and looked for in the inbox."""
_ATTEMPTS = 3
"""How often a request is tried when another one's transaction got in between."""


class IdempotencyKeyReused(QuangError):
    """An Idempotency-Key that stands for another request which was applied."""

    code = "QUANG-7101"


class RequestNotStored(QuangError):
    """The database cannot be used now, or others' changes kept getting in between; nothing was done, send it again."""

    code = "QUANG-7102"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """One request as it came."""

    protocol: Protocol
    sender: str
    idempotency_key: str
    """Empty when the caller gave none."""
    kind: str
    """Method and form of the path, for people: ``POST orders/{id}/cancel``."""
    raw: bytes
    """Request line, blank line, body."""
    peer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and kept."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default=())
    refusal: QuangError | None = None
    """Why nothing was done."""

    @property
    def refused_because(self) -> str:
        return self.refusal.detail if self.refusal else ""

    def encoded(self) -> bytes:
        """Status line, headers, blank line, body."""
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    @classmethod
    def decoded(cls, kept: bytes) -> Answer:
        """What :meth:`encoded` made."""
        head, _, body = kept.partition(b"\r\n\r\n")
        first, *others = head.decode().split("\r\n")
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in others))
        return cls(int(first.split()[1]), body, headers)


CarryOut = Callable[[], Answer]
"""The effect of a request, in the current transaction; an answer from 400 on has none."""
Refuse = Callable[[QuangError], Answer]
"""The answer to an error, in the words of the interface."""


def receive_request(request: ReceivedRequest, carry_out: CarryOut, refuse: Refuse) -> Answer:
    """Carry out ``request`` once, however often it comes, and keep it with its answer.

    Two of the same at the same time: the second waits for the first, and is answered as the first was.
    """
    for _ in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _received(request, carry_out, refuse)
        except (IntegrityError, OperationalError) as error:
            log.warning("requests: %s got in between or failed (%s)", request.kind, type(error).__name__)
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
    return refuse(RequestNotStored("nothing was done: the database cannot be used now; send the request again later"))


def _received(request: ReceivedRequest, carry_out: CarryOut, refuse: Refuse) -> Answer:
    digest = hashlib.sha256(request.raw).hexdigest()
    earlier = _earlier(request)
    step, before = next_step(digest, earlier)
    if before and step is Step.ANSWER_AGAIN:
        return Answer.decoded(before.acknowledgement)
    events: list[AuditEvent] = []
    if step is Step.REFUSE_REUSED_ID:
        reused = IdempotencyKeyReused(
            "this Idempotency-Key was used for another request that was applied; send this one under a key of its own",
            field="Idempotency-Key",
        )
        answer = refuse(reused)
    else:
        with collected() as events:
            answer = _tried(request, carry_out, refuse)
    if answer.status < 400 or not says_nothing_new(digest, answer.refused_because, earlier):
        _keep(request, digest, answer, events)
    return answer


def _earlier(request: ReceivedRequest) -> list[EarlierMessage]:
    if not request.idempotency_key:
        return []
    found = InboundMessage.objects.filter(
        protocol=request.protocol, sender=request.sender, control_id=request.idempotency_key
    ).order_by("id")
    return [
        EarlierMessage(
            message.pk, None, message.state, message.digest, message.error_detail, bytes(message.acknowledgement)
        )
        for message in found
    ]


def _tried(request: ReceivedRequest, carry_out: CarryOut, refuse: Refuse) -> Answer:
    try:
        with transaction.atomic():
            answer = carry_out()
            if answer.status >= 400:
                transaction.set_rollback(True)
            return answer
    except DataError:  # the database's own limit of a value
        return refuse(InvalidValue("a value of the request is too long or cannot be stored"))
    except DatabaseError:
        raise
    except QuangError as error:
        return refuse(error)
    except Exception:  # a fault of ours: the request is kept, and both sides are told
        log.exception("requests: %s could not be carried out", request.kind)
        return refuse(QuangError("the request could not be carried out because of a fault in the receiving system"))


def _keep(request: ReceivedRequest, digest: str, answer: Answer, events: Sequence[AuditEvent]) -> None:
    refused = answer.status >= 400
    refusal = answer.refusal
    row = InboundMessage(
        protocol=request.protocol,
        sender=request.sender,
        control_id=request.idempotency_key,
        digest=digest,
        message_type=request.kind[:32],
        raw=request.raw,
        peer=request.peer[:64],
        state=MessageState.REFUSED if refused else MessageState.APPLIED,
        acknowledgement=answer.encoded(),
        acknowledgement_code=str(answer.status),
        error_code=refusal.code if refusal else "",
        error_location=refusal.field[:64] if refusal else "",
        error_detail=answer.refused_because,
        effects=[] if refused else effects_of(events),
        patient_id=None if refused else next((event.patient_id for event in events if event.patient_id), None),
        search_text="" if refused else _search_text(events),
        resolved_at=request.at if refused else None,
        resolution=Resolution.ANSWERED if refused else "",
        received_at=request.at,
    )
    insert(row)
    if refused:
        announce("message", row.id)


def _search_text(events: Sequence[AuditEvent]) -> str:
    """The numbers of the orders that were placed."""
    numbers = (str(event.details[name]) for event in events for name in _SEARCHED if name in event.details)
    return folded(" ".join(dict.fromkeys(numbers)))[: InboundMessage._meta.get_field("search_text").max_length]
