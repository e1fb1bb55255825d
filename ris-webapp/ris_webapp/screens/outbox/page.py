"""What is owed to receivers, as a page of people: what a kind of outbox says of itself, and the rows of one page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from ris_core.jobs.models import Job, JobState
from ris_core.outbox.entries import OutboxState
from ris_core.outbox.rules import MAY_BE_DISMISSED, MAY_BE_REPLAYED
from ris_core.outbox.sending import Entry, Outbox
from ris_webapp.asked import Asked
from ris_webapp.screens.outbox.reasons import error_code, reason
from ris_webapp.screens.outbox.shown_message import ShownMessage
from ris_webapp.words import Text

PAGE_SIZE = 50

BOXES: dict[str, tuple[OutboxState, ...]] = {
    "dead": (OutboxState.DEAD,),
    "retry": (OutboxState.RETRY,),
    "waiting": (OutboxState.QUEUED, OutboxState.SENDING),
    "acknowledged": (OutboxState.ACKNOWLEDGED,),
    "settled": (OutboxState.DISMISSED, OutboxState.SUPERSEDED),
}
"""What one looks for, and the states in it."""

BOX_LABELS = {
    "dead": _("Cần xử lý"),
    "retry": _("Sẽ tự gửi lại"),
    "waiting": _("Đang đợi gửi"),
    "acknowledged": _("Đã nhận"),
    "settled": _("Bỏ qua, thay thế"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Asked):
    """What the address of such a page asks for."""

    CHOICES: ClassVar = {"box": BOXES}

    box: str = "dead"
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """One entry in words: whom or what it is about, and a note of its own."""

    title: str
    about: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry in full, beyond its row."""

    address: str
    """Where it is sent."""
    facts: tuple[tuple[Text, str], ...]
    """Labels and values."""
    thread: tuple[tuple[int, str, str], ...]
    """Key, name and state of all that reaches the receiver in order, itself included."""
    answer: ShownMessage | str | None
    message: ShownMessage | str | None
    """HL7 decoded, other messages as text; none before there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a page speaks of its entries."""

    title: Text
    search: Text
    entries: Text
    none_matches: Text
    none_dead: Text
    none_dead_hint: Text
    none_here: Text
    choose: Text
    next_one: Text
    former_one: Text
    replay_this: Text
    replaying: Text
    """With ``count``, as the next two."""
    dismissed: Text
    kept: Text
    dismissing: Text
    """What it means that the receiver does not get this one."""


class OutboxPage(ABC, Generic[Entry]):
    """One kind of outbox on the screen."""

    namespace: ClassVar[str]
    """Of its addresses; its tab."""
    outbox: Outbox[Entry]
    words: ClassVar[Words]

    @abstractmethod
    def loaded(self) -> QuerySet[Entry]:
        """All entries with what a row shows of them."""

    @abstractmethod
    def found_by(self, query: str) -> Q:
        """What a search finds."""

    @abstractmethod
    def receivers(self) -> QuerySet[Any]:
        """Who is sent something."""

    @abstractmethod
    def described(self, entry: Entry) -> Described: ...

    @abstractmethod
    def detail(self, entry: Entry) -> Detail: ...

    @abstractmethod
    def waits(self, older: Entry) -> str:
        """That an entry waits for ``older``."""

    def held(self, entry: Entry) -> str:
        """That an entry is held back, and until when; empty: it is not."""
        return ""

    @abstractmethod
    def patient_id(self, entry: Entry) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Row(Generic[Entry]):
    """One entry as it is listed and shown."""

    entry: Entry
    described: Described
    reason: str
    code: str
    next_attempt_at: datetime | None
    may_replay: bool
    may_dismiss: bool


@dataclass(frozen=True, slots=True)
class Inbox(Generic[Entry]):
    """One page of the box that is asked for."""

    wanted: Wanted
    counts: dict[str, int]
    """Over all that match the search."""
    rows: tuple[Row[Entry], ...]
    total: int
    receivers: tuple[Any, ...]

    @property
    def has_next_page(self) -> bool:
        return self.wanted.page * PAGE_SIZE < self.total


def inbox(page: OutboxPage[Entry], wanted: Wanted) -> Inbox[Entry]:
    """The newest first."""
    matching = _matching(page, wanted)
    by_state = dict(matching.select_related(None).order_by().values_list("state").annotate(Count("pk")))
    counts = {box: sum(by_state.get(state, 0) for state in states) for box, states in BOXES.items()}
    first = (wanted.page - 1) * PAGE_SIZE
    found = matching.filter(state__in=BOXES[wanted.box]).order_by("-queued_at", "-pk")
    rows = tuple(rows_of(page, list(found[first : first + PAGE_SIZE])))
    return Inbox(wanted, counts, rows, counts[wanted.box], tuple(page.receivers()))


def selected(page: OutboxPage[Entry], wanted: Wanted) -> QuerySet[Entry]:
    """Everything in the box that is asked for, older ones first: a newer one that went first would be refused an older
    one after it."""
    return _matching(page, wanted).filter(state__in=BOXES[wanted.box]).order_by("sequence", "pk")


def rows_of(page: OutboxPage[Entry], entries: list[Entry]) -> list[Row[Entry]]:
    """The entries with their reasons and when they are tried next."""
    keys = [str(entry.pk) for entry in entries]
    waiting = Job.objects.filter(kind=page.outbox.job_kind, subject_id__in=keys, state=JobState.QUEUED)
    due = dict(waiting.values_list("subject_id", "run_at"))
    return [_row(page, entry, due.get(str(entry.pk))) for entry in entries]


def _row(page: OutboxPage[Entry], entry: Entry, next_attempt_at: datetime | None) -> Row[Entry]:
    may_wait = entry.state in (OutboxState.QUEUED, OutboxState.RETRY)
    older = page.outbox.waits_for(entry) if may_wait else None
    return Row(
        entry=entry,
        described=page.described(entry),
        reason=page.waits(older) if older else (may_wait and page.held(entry)) or reason(entry),
        code=error_code(entry) if entry.state in (OutboxState.DEAD, OutboxState.RETRY) else "",
        next_attempt_at=next_attempt_at if entry.state == OutboxState.RETRY else None,
        may_replay=entry.state in MAY_BE_REPLAYED,
        may_dismiss=entry.state in MAY_BE_DISMISSED,
    )


def _matching(page: OutboxPage[Entry], wanted: Wanted) -> QuerySet[Entry]:
    entries = page.loaded()
    if wanted.receiver:
        entries = entries.filter(receiver__code=wanted.receiver)
    return entries.filter(page.found_by(wanted.query)) if wanted.query else entries
