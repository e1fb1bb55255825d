"""Events may be lost, ledgers may not: compare the engine's studies with ours and queue jobs for what was missed.

Two comparisons. The engine's journal (``/changes``) is read on from where it was left, which finds what happened since
in a few requests; it does not tell of deletions. From time to time, and whenever the journal cannot be trusted
(another engine database, a first start), all studies are compared, page by page.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from ris_core.engine.answers import EngineChange
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue
from ris_core.sharing.models import CopiedStudy
from ris_core.studies.models import EnginePosition, Study
from ris_core.studies.reconsidering import worth_another_look

CHANGES_AT_ONCE: Final = 500
CHANGES_A_SWEEP: Final = 100_000
"""Beyond this many entries a full comparison is cheaper than reading on."""
STUDIES_AT_ONCE: Final = 500
FULL_COMPARISON_EVERY = timedelta(hours=6)
SETTLED_AFTER = timedelta(seconds=30)
"""A study still marked as arriving this long after its last image has lost its event."""


def sweep(engine: Engine, now: datetime) -> None:
    """Queue a job for each study whose event was lost, and flag studies that the engine has no more."""
    position, _ = EnginePosition.objects.get_or_create(pk=1)
    last = engine.last_change_sequence()
    full_at = position.last_full_comparison_at
    trusted = full_at is not None and position.sequence <= last <= position.sequence + CHANGES_A_SWEEP
    if not trusted or full_at is None or full_at < now - FULL_COMPARISON_EVERY:
        _compare_all(engine)
        _keep_position(last, full_comparison_at=now)
    else:
        _keep_position(_read_on(engine, position.sequence))
    _revisit(now)


def _read_on(engine: Engine, since: int) -> int:
    """Follow the journal from ``since``; returns up to where every study that it tells of has a row here.

    A job may be lost too: what has no row yet is read again at the next sweep, unless the engine has it no more.
    """
    settled: int | None = None
    while True:
        page = engine.changes(since, CHANGES_AT_ONCE)
        told = [change for change in page.changes if change.kind in ("NewStudy", "StableStudy")]
        mentioned = {change.orthanc_id for change in told}
        known = dict(Study.objects.filter(orthanc_id__in=mentioned).values_list("orthanc_id", "complete"))
        known |= dict.fromkeys(_copies(mentioned), True)
        for orthanc_id in sorted(mentioned):
            if not known.get(orthanc_id, False):
                enqueue("study_arrived", orthanc_id)
        if settled is None:
            settled = next((c.sequence - 1 for c in told if c.orthanc_id not in known and _is_there(engine, c)), None)
        since = page.last_sequence
        if page.done:
            return since if settled is None else settled


def _copies(orthanc_ids: Collection[str]) -> frozenset[str]:
    """Which of them were made for a share: no arrivals."""
    return frozenset(CopiedStudy.objects.filter(orthanc_id__in=orthanc_ids).values_list("orthanc_id", flat=True))


def _is_there(engine: Engine, change: EngineChange) -> bool:
    try:
        engine.study(OrthancId(change.orthanc_id))
    except NotInEngine:
        return False
    return True


def _compare_all(engine: Engine) -> None:
    """Every study there against every row here. Studies that come or go meanwhile are in the journal."""
    ours = set(Study.objects.filter(gone_from_engine_at__isnull=True).values_list("orthanc_id", flat=True))
    there: set[str] = set()
    while page := engine.study_page(since=len(there), limit=STUDIES_AT_ONCE):
        before = len(there)
        there.update(page)
        copies = _copies(page)
        for orthanc_id in page:
            if orthanc_id not in ours and orthanc_id not in copies:
                enqueue("study_arrived", orthanc_id)
        if len(there) == before:
            break
    for missing in sorted(ours - there):
        # each is asked for by itself: pages may have shifted while a study was stored or deleted
        enqueue("study_arrived", missing)


def _revisit(now: datetime) -> None:
    """Studies whose jobs ended too early: still marked as arriving, or waiting for an order that has come since."""
    present = Study.objects.filter(gone_from_engine_at__isnull=True)
    arriving = present.filter(complete=False, updated_at__lt=now - SETTLED_AFTER)
    for orthanc_id in arriving.values_list("orthanc_id", flat=True):
        enqueue("study_arrived", orthanc_id)
    position = EnginePosition.objects.get(pk=1)
    for orthanc_id in sorted(worth_another_look(position.orders_seen_until, now)):
        enqueue("study_arrived", orthanc_id)
    EnginePosition.objects.filter(pk=1).update(orders_seen_until=now)


def _keep_position(sequence: int, full_comparison_at: datetime | None = None) -> None:
    changed: dict[str, object] = {"sequence": sequence}
    if full_comparison_at is not None:
        changed["last_full_comparison_at"] = full_comparison_at
    EnginePosition.objects.filter(pk=1).update(**changed)
