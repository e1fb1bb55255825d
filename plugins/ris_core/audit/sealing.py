"""Put audit events in a chain in which none can be changed, taken out or put in unnoticed (ADR 33).

Events are written without a place, in the transaction of their cause, so that nobody waits for anybody. One sealer at a
time gives those that have been committed their place, in order of their keys: number, hash of the event before, own
hash. A sealer that is killed leaves whole transactions only: the next goes on, without gaps and doubles.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from django.db import connection, transaction

from ris_core.audit.models import AuditEvent
from ris_core.audit.verify import GENESIS, digest

EVENTS_AT_ONCE: Final = 500
"""In one transaction: on SQLite nobody else writes meanwhile."""
BATCHES_A_RUN: Final = 200
_SEAL_LOCK: Final = 0x5155_414E_4702
"""Key of the PostgreSQL advisory lock that a sealer holds; SQLite has one writer anyway."""


def seal_events() -> int:
    """Seal what has been committed; returns how many events that were."""
    sealed = 0
    for _ in range(BATCHES_A_RUN):
        if (
            not _unsealed().exists()
        ):  # asked without a lock: an idle sealer must not stand in the way of those who write
            break
        sealed += _seal_batch()
    return sealed


def run_seal_audit(_subject_id: str) -> None:
    """The periodic job ``seal_audit``."""
    seal_events()


def facts_of(event: AuditEvent) -> dict[str, Any]:
    """A sealed event as its line tells it, with ``hash``."""
    return {**_told(event), "sequence": event.sequence, "previous": event.previous, "hash": event.hash}


def _told(event: AuditEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": event.kind,
        "actor": event.actor,
        "user": event.user_id,
        "role": event.role,
        "action": event.action,
        "subject": event.subject,
        "patient": event.patient_id,
        "address": event.address,
        "success": event.success,
        "reason": event.reason,
        "details": event.details,
    }


def _unsealed() -> Any:
    return AuditEvent.objects.filter(sequence__isnull=True)


@transaction.atomic
def _seal_batch() -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEAL_LOCK])
    newest = AuditEvent.objects.filter(sequence__isnull=False).order_by("-sequence")
    last = newest.values_list("sequence", "hash").first()
    sequence, previous = (last[0] or 0, last[1]) if last else (0, GENESIS)
    seals: list[tuple[int, str, str, int]] = []
    for event in _unsealed().order_by("pk")[:EVENTS_AT_ONCE]:
        sequence += 1
        own = digest({**_told(event), "sequence": sequence, "previous": previous})
        seals.append((sequence, previous, own, event.pk))
        previous = own
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE audit_auditevent SET sequence = %s, previous = %s, hash = %s WHERE id = %s", seals)
    return len(seals)
