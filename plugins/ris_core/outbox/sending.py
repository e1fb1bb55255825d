"""An outbox: attempts, retries and dead letters in order, and what a person may do about them.

What happens when the worker is killed during an attempt: before the message is kept, nothing has been sent; after it,
the same bytes with the same control id are sent again, and the receiver can tell the repeat. A message may come twice,
never not at all and never before an older one of its order.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, QuangError, TransitionRefused
from ris_core.jobs.rules import retry_delay_seconds
from ris_core.jobs.services import enqueue
from ris_core.outbox import rules
from ris_core.outbox.entries import OutboxEntry, OutboxState
from ris_core.outbox.errors import NotAcknowledged, ReceiverInactive, ReceiverUnreachable
from ris_core.settings import Settings

WORKER = Actor("worker")
Entry = TypeVar("Entry", bound=OutboxEntry)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt that has been recorded and may now go out."""

    number: int
    message: bytes
    first_on_wire: bool
    """Whether no earlier attempt may have reached the receiver."""


class Outbox(ABC, Generic[Entry]):
    """One kind of thing owed to receivers. Entries of one :meth:`order` go strictly by ``sequence``."""

    name: ClassVar[str]
    """Begins the names of audit actions and subjects; the topic of the change feed."""
    job_kind: ClassVar[str]

    # what an outbox says of its entries

    @abstractmethod
    def entries(self) -> QuerySet[Entry]:
        """All of them."""

    @abstractmethod
    def order(self, entry: Entry) -> QuerySet[Entry]:
        """The entries that reach the same receiver in order with ``entry``, itself included."""

    @abstractmethod
    def lane(self, entry: Entry) -> str:
        """The name of its order among jobs."""

    @abstractmethod
    def channel(self, entry: Entry) -> str:
        """The name of its receiver among jobs."""

    @abstractmethod
    def receiver_is_active(self, entry: Entry) -> bool: ...

    @abstractmethod
    def compose(self, entry: Entry, now: datetime, settings: Settings) -> bytes | None:
        """The message; none when another job has the entry sent as soon as it can be composed.

        :raises QuangError: it cannot be composed (now)
        """

    @abstractmethod
    def exchange(self, entry: Entry, message: bytes, settings: Settings) -> bytes:
        """Send the message; the receiver's acknowledgement.

        :raises QuangError: there was none, or the receiver did not accept
        """

    @abstractmethod
    def locked(self, entry_id: int) -> Entry:
        """The entry, locked until the transaction ends.

        :raises NotFound: there is no such entry
        """

    @abstractmethod
    def facts(self, entry: Entry) -> dict[str, Any]:
        """What audit events say of it; ``patient_id`` among them."""

    def is_held(self, entry: Entry) -> bool:
        """Whether it must not be sent for now, for a reason of its own; whoever ends that has it sent."""
        return False

    def kept(self, entry: Entry, composed: Entry) -> bool:
        """Whether the message may be kept for good, asked when ``entry`` is locked; False: what it says has changed
        since, and it is composed anew.

        :param composed: as :meth:`compose` had it
        """
        return True

    def settled(self, entry: Entry) -> None:
        """Nothing is owed of it any more; in the caller's transaction."""

    # what the worker does

    def attempt(self, entry_id: int) -> None:
        """Try once to send, unless nothing is owed any more or an older entry has to go first.

        A failed attempt is no error of this function: it is recorded, and the next attempt is queued, or the entry is
        dead after ``delivery.max_attempts``.
        """
        settings: Settings = django_settings.QUANG
        entry = self.entries().get(pk=entry_id)
        if entry.state not in rules.OWED or self.waits_for(entry) or self.is_held(entry):
            return
        now = datetime.now(ZoneInfo(settings.site.time_zone))
        try:
            if not self.receiver_is_active(entry):
                raise ReceiverInactive("the receiver is switched off: switch it on, or dismiss the message")
            message = bytes(entry.message) or self.compose(entry, now, settings)
        except QuangError as error:
            self._record_failure(entry_id, error, settings)
            return
        attempt = self._begun(entry, message, now) if message is not None else None
        if attempt is None:
            return
        try:
            answer = self.exchange(entry, attempt.message, settings)
        except QuangError as error:
            self._record_failure(entry_id, error, settings, attempt)
        else:
            self._record_acknowledged(entry_id, answer)

    def job_died(self, entry_id: int, error: str) -> None:
        """An entry whose attempts end in a fault of ours is dead too, where people look for dead letters."""
        entry = self.locked(entry_id)
        if entry.state in rules.OWED:
            self._die(entry, error)

    def enqueue(self, entry: Entry, delay_seconds: float = 0.0) -> None:
        """Have one attempt made: one receiver's attempts one after the other, those of one order in order."""
        enqueue(
            self.job_kind,
            entry.pk,
            lane=self.lane(entry),
            channel=self.channel(entry),
            run_at=timezone.now() + timedelta(seconds=delay_seconds),
        )

    # what a person may do

    @transaction.atomic
    def replay(self, entry_id: int, actor: Actor) -> None:
        """A person has a message sent again: the same bytes, its attempts counted anew.

        :raises NotFound: no such entry
        :raises TransitionRefused: it is queued or being sent already, superseded, or the receiver may have a newer one
        """
        entry = self.locked(entry_id)
        self._refuse_unless(entry, rules.MAY_BE_REPLAYED, "sent again")
        if self.order(entry).filter(sequence__gt=entry.sequence, possibly_seen=True).exists():
            raise TransitionRefused("the receiver may have a newer one already", field="sequence")
        former = entry.state
        entry.state = OutboxState.QUEUED
        entry.attempts = 0
        entry.dismissed_reason = ""
        entry.save()
        self.enqueue(entry)
        self.tell(entry, actor, "replayed", former_state=former)

    @transaction.atomic
    def dismiss(self, entry_id: int, reason: str, actor: Actor) -> None:
        """A person decides that this is no longer owed to this receiver; what waits behind goes on.

        :raises InvalidValue: no reason
        :raises TransitionRefused: it is being sent right now, acknowledged or superseded
        """
        if not reason.strip():
            raise InvalidValue("say why this is dismissed", field="reason")
        entry = self.locked(entry_id)
        self._refuse_unless(entry, rules.MAY_BE_DISMISSED, "dismissed")
        entry.state = OutboxState.DISMISSED
        entry.dismissed_reason = reason.strip()[:255]
        entry.save()
        self.tell(entry, actor, "dismissed", reason=entry.dismissed_reason)
        self._after_settled(entry)

    def waits_for(self, entry: Entry) -> Entry | None:
        """The older entry that must be settled before this one may be sent; none: it may go."""
        older = self.order(entry).filter(sequence__lt=entry.sequence)
        return older.exclude(state__in=rules.SETTLED).order_by("-sequence").first()

    def tell(self, entry: Entry, actor: Actor, what: str, *, success: bool = True, **details: Any) -> None:
        """Audit and announce what happened to an entry, in the caller's transaction."""
        facts = {**self.facts(entry), **details}
        record(actor, f"{self.name}.{what}", subject=f"{self.name}:{entry.pk}", success=success, **facts)
        announce(self.name, entry.pk)

    # the parts

    @transaction.atomic
    def _begun(self, composed: Entry, message: bytes, now: datetime) -> _Attempt | None:
        """The next attempt, recorded; the message is the first attempt's ever after. None when nothing must be sent
        (now)."""
        entry = self.locked(composed.pk)
        if entry.state not in rules.OWED or self.waits_for(entry) or self.is_held(entry):
            return None
        if entry.control_id != composed.control_id:  # it was owed anew since it was read: what was to be sent is void
            self.enqueue(entry)
            return None
        if not entry.message and not self.kept(entry, composed):
            self.enqueue(entry)
            return None
        entry.message = bytes(entry.message) or message
        entry.state = OutboxState.SENDING
        entry.attempts += 1
        entry.last_attempt_at = now
        attempt = _Attempt(entry.attempts, bytes(entry.message), first_on_wire=not entry.possibly_seen)
        entry.possibly_seen = True
        entry.save()
        return attempt

    @transaction.atomic
    def _record_acknowledged(self, entry_id: int, answer: bytes) -> None:
        entry = self.locked(entry_id)
        if entry.state in rules.SETTLED:
            return  # another worker that believed this one dead was quicker
        entry.state = OutboxState.ACKNOWLEDGED
        entry.acknowledged_at = timezone.now()
        entry.last_acknowledgement = answer
        entry.last_error = ""
        entry.save()
        self.tell(entry, WORKER, "acknowledged", attempts=entry.attempts)
        self._after_settled(entry)

    @transaction.atomic
    def _record_failure(
        self, entry_id: int, error: QuangError, settings: Settings, attempt: _Attempt | None = None
    ) -> None:
        """:param attempt: none when it failed before anything could be sent"""
        entry = self.locked(entry_id)
        if entry.state not in rules.OWED:
            return
        if attempt is None:
            entry.attempts += 1
            entry.last_attempt_at = timezone.now()
        elif attempt.number != entry.attempts:
            return  # another worker that believed this one dead has made an attempt since; its outcome counts
        elif attempt.first_on_wire and isinstance(error, ReceiverUnreachable):
            entry.possibly_seen = False
        entry.last_acknowledgement = error.answer if isinstance(error, NotAcknowledged) else b""
        limits = settings.delivery
        text = f"{error.code} {error.detail}"
        if entry.attempts >= limits.max_attempts:
            self._die(entry, text)
            return
        entry.state = OutboxState.RETRY
        entry.last_error = text
        entry.save()
        delay = retry_delay_seconds(
            entry.attempts,
            first_seconds=limits.first_retry_seconds,
            longest_seconds=limits.longest_retry_seconds,
            chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        self.enqueue(entry, delay)
        self.tell(entry, WORKER, "failed", success=False, attempts=entry.attempts, error=error.code)

    def _die(self, entry: Entry, error: str) -> None:
        entry.state = OutboxState.DEAD
        entry.last_error = error
        entry.save()
        self.tell(entry, WORKER, "dead", success=False, attempts=entry.attempts)

    def _after_settled(self, entry: Entry) -> None:
        # RETRY too: its job ended without an attempt while this older one was sent again
        owed = (OutboxState.QUEUED, OutboxState.RETRY)
        following = self.order(entry).filter(sequence__gt=entry.sequence, state__in=owed)
        for waiting in following.order_by("sequence")[:1]:
            self.enqueue(waiting)
        self.settled(entry)

    def _refuse_unless(self, entry: Entry, states: frozenset[str], what: str) -> None:
        if entry.state not in states:
            raise TransitionRefused(f"in state {entry.state} it cannot be {what}", field="state")
