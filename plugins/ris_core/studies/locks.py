"""Studies in work are locked against change from elsewhere (P6): who holds one, and how an administrator breaks it.

A lock is not a row of its own: a study is in work while somebody reads an exam that it belongs to, or while an
operation on it runs. Corrections of what an order says are not stopped by it; they change no image.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q

from ris_core.audit.services import Actor, record
from ris_core.errors import TransitionRefused
from ris_core.reports.models import Reading, ReadingState
from ris_core.studies.models import OperationState, Study, StudyOperation

_IN_WORK = (ReadingState.CLAIMED, ReadingState.DRAFT)
_UNDER_WAY = (OperationState.RUNNING, OperationState.UNDOING)


class LockKind(StrEnum):
    READING = "READING"
    OPERATION = "OPERATION"


class StudyLocked(TransitionRefused):
    """Somebody reads the study's exam, or another operation on it is under way."""

    code = "QUANG-4121"


@dataclass(frozen=True, slots=True)
class Lock:
    """Why a study may not be changed now."""

    kind: LockKind
    holder: str
    """The person's name; empty for the system."""
    since: datetime | None
    breakable: bool
    """An administrator may go on all the same, saying why."""


def lock_of(study: Study, *, apart_from: int | None = None) -> Lock | None:
    """What locks ``study`` now, if anything does.

    :param apart_from: an operation that does not count
    """
    mine = Q(study=study) | Q(other_study=study)
    under_way = StudyOperation.objects.filter(mine, state__in=_UNDER_WAY).exclude(pk=apart_from or 0)
    running = under_way.select_related("started_by").first()
    if running is not None:
        by = running.started_by
        return Lock(LockKind.OPERATION, by.full_name if by else "", running.started_at, breakable=False)
    readings = Reading.objects.filter(
        procedure__links__study=study, procedure__links__undone_at__isnull=True, state__in=_IN_WORK
    ).select_related("claimed_by")
    reading = readings.order_by("claimed_at").first()
    if reading is None:
        return None
    by = reading.claimed_by
    return Lock(LockKind.READING, by.full_name if by else "", reading.claimed_at, breakable=True)


def respect_lock(study: Study, actor: Actor, breaking_reason: str = "", *, apart_from: int | None = None) -> None:
    """Go on only when ``study`` is not locked, or when an administrator breaks the lock and says why.

    The caller has checked that ``actor`` may break locks when ``breaking_reason`` is given.

    :param apart_from: an operation that does not lock
    :raises StudyLocked: it is locked
    """
    lock = lock_of(study, apart_from=apart_from)
    if lock is None:
        return
    if not lock.breakable or not breaking_reason.strip():
        raise StudyLocked("the study is in work; wait until it is free", field=lock.kind)
    record(
        actor,
        "study.lock_broken",
        subject=f"study:{study.pk}",
        patient_id=study.patient_id,
        reason=breaking_reason.strip()[:255],
    )
