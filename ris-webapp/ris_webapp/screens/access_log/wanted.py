"""What the access log's address asks for, and the events that fit; a page is a walk along an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.patients.models import Patient
from ris_webapp.asked import Asked
from ris_webapp.numbers import whole_number
from ris_webapp.screens.patients.finding import found

PAGE_ROWS = 100
PERIODS = {"1": 1, "7": 7, "30": 30, "366": 366, "all": None}
"""Days back."""
NOBODY = (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Asked):
    """Filters; ``before`` continues a page (``<microseconds since the epoch>-<key>``)."""

    CHOICES: ClassVar = {"outcome": ("done", "failed"), "days": tuple(PERIODS)}

    actor: str = ""
    patient: str = ""
    """Words of the name, any number, or ``#key``."""
    action: str = ""
    outcome: str = ""
    address_of: str = ""
    days: str = "7"
    since: str = ""
    until: str = ""
    """Local times as ``2026-11-22T08:00``; stronger than ``days``."""
    before: str = ""

    def patient_ids(self) -> Sequence[int] | None:
        """Whose data; none: anybody's. Records that were merged belong together."""
        if not self.patient:
            return None
        key = whole_number(self.patient.removeprefix("#")) if self.patient.startswith("#") else None
        keys = {key} if key is not None else {each.patient.pk for each in found(self.patient, None)}
        return with_merged(keys) or NOBODY

    def events(self, patient_ids: Sequence[int] | None) -> QuerySet[AuditEvent]:
        """All that fit, the newest first."""
        events = AuditEvent.objects.order_by("-at", "-pk")
        if patient_ids is not None:
            events = events.filter(patient_id__in=patient_ids)
        if self.actor:
            events = events.filter(actor=self.actor)
        if self.action:
            events = events.filter(action=self.action)
        if self.outcome:
            events = events.filter(success=self.outcome == "done")
        if self.address_of:
            events = events.filter(address=self.address_of)
        since, until = _moment(self.since), _moment(self.until)
        days = PERIODS[self.days]
        if since is None and until is None and days is not None:
            since = timezone.now() - timedelta(days=days)
        if since:
            events = events.filter(at__gte=since)
        if until:
            events = events.filter(at__lt=until + timedelta(minutes=1))
        return events


@dataclass(frozen=True, slots=True)
class Page:
    """Events with where the next page begins."""

    rows: list[AuditEvent] = field(default_factory=list)
    before: str = ""


def page_of(events: QuerySet[AuditEvent], before: str) -> Page:
    """A page of ``events`` (the newest first) after the position ``before``; costs the same however far down."""
    moment, _, key = before.partition("-")
    microseconds, pk = whole_number(moment), whole_number(key)
    if microseconds is not None and pk is not None and microseconds < 4_000_000_000_000_000:
        at = datetime.fromtimestamp(0, ZoneInfo("UTC")) + timedelta(microseconds=microseconds)
        events = events.filter(at__lte=at).exclude(Q(at=at, pk__gte=pk))
    rows = list(events.select_related("user", "patient")[: PAGE_ROWS + 1])
    if len(rows) <= PAGE_ROWS:
        return Page(rows)
    last = rows[PAGE_ROWS - 1]
    since_epoch = last.at - datetime.fromtimestamp(0, ZoneInfo("UTC"))
    return Page(rows[:PAGE_ROWS], f"{since_epoch // timedelta(microseconds=1)}-{last.pk}")


def with_merged(keys: Iterable[int]) -> list[int]:
    """The records of ``keys`` and every one that was merged into them, however many merges ago."""
    known = newest = set(keys)
    while newest:
        newest = set(Patient.objects.filter(merged_into_id__in=newest).values_list("pk", flat=True)) - known
        known = known | newest
    return sorted(known)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(settings.QUANG.site.time_zone)) if text else None
    except ValueError:
        return None
