"""The job ``settle_urgency``: no exam stays where a target put it that was changed while the exam was being written.

A new target moves at once all exams that are there (:mod:`ris_core.exam_search.urgency`). Another transaction may at
that moment be writing an exam by the target of before, and neither sees the other. So the exams are looked at again
until every transaction is over that was under way when the target was committed. Nobody waits for a lock meanwhile.
SQLite has one writer at a time and nothing to settle.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from ris_core.exam_search.urgency import REFRESHED
from ris_core.jobs.services import enqueue
from ris_core.orders.models import Urgency

JOB_KIND: Final = "settle_urgency"
_TARGET_CHANGED: Final = "target"
_AGAIN_AFTER: Final = timedelta(seconds=5)
_UNFINISHED: Final = f"{REFRESHED} AND orders_requestedprocedure.urgency < {Urgency.FINISHED.value}"


def settle_urgency() -> None:
    """Have it done after the caller's transaction, which changes a target."""
    if connection.vendor == "postgresql":
        enqueue(JOB_KIND, _TARGET_CHANGED)


def run_settle_urgency(subject_id: str) -> None:
    """Put every unfinished exam where it belongs; again later while a transaction from before is under way.

    :param subject_id: the first transaction that cannot have read what was before the change; not known at first
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() s")
        oldest, next_one = cursor.fetchone()
    after = next_one if subject_id == _TARGET_CHANGED else subject_id
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_UNFINISHED)
        if int(oldest) < int(after):
            enqueue(JOB_KIND, after, run_at=timezone.now() + _AGAIN_AFTER)
