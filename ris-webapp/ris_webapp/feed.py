"""The feed of changes as screens receive it: read once for all listeners, with what lists filter by, nameless."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from ris_core.changes.models import Change
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import StudyLink

BATCH = 1000
"""Changes read at one go; who is further behind is told to load anew."""
SETTLING_SECONDS = 15
"""A transaction may commit after one that began later: so far back changes are looked for again."""
NEW_WITHIN_SECONDS = 30
POSITION = "quang.live_position"
"""Under what a request keeps the feed's position (:func:`note_position`)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What has changed: the messages for screens, and the feed's position after them."""

    position: int
    changes: list[dict[str, Any]]


class Feed:
    """Reads the feed of changes in the order of commits; one reader a process, not to be shared between threads."""

    def __init__(self) -> None:
        self._floor = 0
        self._seen: OrderedDict[int, datetime] = OrderedDict()
        """What has been told and may still have an earlier one committed after it, with its time."""
        self.position = 0

    def start(self) -> None:
        """Begin at the end: what was committed before is not told."""
        newest = newest_position()
        self._floor = max(0, newest - BATCH)
        self._seen = OrderedDict(Change.objects.filter(pk__gt=self._floor).order_by("pk").values_list("pk", "at"))
        self.position = newest

    def read(self) -> Batch:
        """What has been committed since the last call; of very much, the beginning."""
        behind = Change.objects.filter(pk__gt=self._floor, pk__lte=self.position).values_list("pk", flat=True)
        late = [pk for pk in behind if pk not in self._seen]
        columns = Change.objects.order_by("pk").values_list("pk", "topic", "subject_id", "at")
        fresh: list[tuple[str, int]] = []
        for pk, topic, subject_id, at in [
            *(columns.filter(pk__in=late) if late else ()),
            *columns.filter(pk__gt=self.position)[: 4 * BATCH],
        ]:
            self._seen[pk] = at
            fresh.append((topic, subject_id))
            self.position = max(self.position, pk)
        self._forget_settled(timezone.now() - timedelta(seconds=SETTLING_SECONDS))
        return Batch(self.position, described(fresh))

    def _forget_settled(self, settled: datetime) -> None:
        while self._seen:
            pk, at = next(iter(self._seen.items()))
            if at >= settled:
                return
            self._floor = max(self._floor, pk)
            del self._seen[pk]


def note_position(request: HttpRequest) -> None:
    """Remember where the feed stands before a page is made: what changes meanwhile is told by its live connection."""
    of_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "text/html")
    if of_page and not any(name in request.headers for name in ("HX-Request", "X-Quang-Background")):
        request.META[POSITION] = newest_position()


def newest_position() -> int:
    """The feed's position now: what a page shows is what was committed up to here, or a little more."""
    return Change.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def since(position: int) -> Batch | None:
    """What was committed after ``position``; none when that is too much to tell one by one, or no longer known."""
    found = Change.objects.filter(pk__gt=position).order_by("pk").values_list("pk", "topic", "subject_id")
    rows = list(found[: BATCH + 1])
    known = position == 0 or Change.objects.filter(pk__lte=position).exists()
    if len(rows) > BATCH or not known:
        return None
    return Batch(rows[-1][0] if rows else position, described([(topic, subject) for _, topic, subject in rows]))


def described(changes: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """Each change once, with the exam's state and what lists filter by; a study's change is its exams' change too."""
    unique = list(dict.fromkeys(changes))
    exam_ids = {subject for topic, subject in unique if topic == "exam"}
    studies = [subject for topic, subject in unique if topic == "study"]
    if studies:
        links = StudyLink.objects.filter(study_id__in=studies, undone_at__isnull=True)
        exam_ids |= set(links.values_list("procedure_id", flat=True))
    told: list[dict[str, Any]] = [{"topic": topic, "id": subject} for topic, subject in unique if topic != "exam"]
    if exam_ids:
        columns = ("pk", "exam_state", "modality", "priority", "urgency", "due_at", "scheduled_at", "created_at")
        recently = timezone.now() - timedelta(seconds=NEW_WITHIN_SECONDS)
        exams = RequestedProcedure.objects.filter(pk__in=exam_ids).values_list(*columns)
        told += [
            {
                "topic": "exam",
                "id": pk,
                "exam_state": state,
                "modality": modality,
                "priority": priority,
                "urgency": urgency,
                "due_at": due_at.timestamp(),
                "scheduled_at": scheduled_at.timestamp(),
                "is_new": created_at > recently,
            }
            for pk, state, modality, priority, urgency, due_at, scheduled_at, created_at in exams
        ]
    return told
