"""Audit events in files: one event a line (JSON Lines), in the order of the chain, with a closing line (ADR 33).

What a folder has already is told by the names of its files, so nothing is kept elsewhere of what was exported, and a
file that somebody took away is written again. A file appears under its name when it is complete and on disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings as django_settings
from django.db.models import Max
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.sealing import facts_of, seal_events
from ris_core.audit.verify import CLOSING, canonical

EVENTS_IN_A_FILE: Final = 500_000
_NAME: Final = re.compile(r"audit-(\d{12})-(\d{12})\.jsonl")


def line_of(facts: dict[str, Any]) -> str:
    """An event's line."""
    return canonical(facts) + "\n"


def export_events(folder: Path, *, newer_than: timedelta = timedelta(0)) -> list[Path]:
    """Write what is sealed and in no file of ``folder`` yet; returns the new files, none when there is nothing new.

    :param newer_than: nothing is written while the latest file is younger than this
    :raises OSError: the folder cannot be written; what is complete stays, the rest is written the next time
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left_over in folder.glob("*.unfinished"):
        left_over.unlink()
    ranges = exported_ranges(folder)
    latest = max((file.stat().st_mtime for *_, file in ranges), default=0.0)
    if ranges and timezone.now().timestamp() - latest < newer_than.total_seconds():
        return []
    last = AuditEvent.objects.aggregate(last=Max("sequence"))["last"] or 0
    written = []
    for first, until in _missing([(first, until) for first, until, _ in ranges], last):
        written.append(_write(folder, first, until))
    return written


def exported_ranges(folder: Path) -> list[tuple[int, int, Path]]:
    """First and last event of each file of ``folder``, in order."""
    found = []
    for file in folder.glob("audit-*.jsonl"):
        if match := _NAME.fullmatch(file.name):
            found.append((int(match[1]), int(match[2]), file))
    return sorted(found)


def run_export_audit(_subject_id: str) -> None:
    """The periodic job ``export_audit``."""
    settings = django_settings.QUANG
    seal_events()
    export_events(settings.home / "audit", newer_than=timedelta(hours=settings.audit.export_hours))


def _missing(present: list[tuple[int, int]], last: int) -> Iterator[tuple[int, int]]:
    """What of 1 … ``last`` is in no file, in pieces of a file's size."""
    following = 1
    for first, until in [*present, (last + 1, last)]:
        for start in range(following, first, EVENTS_IN_A_FILE):
            yield start, min(start + EVENTS_IN_A_FILE, first) - 1
        following = max(following, until + 1)


def _write(folder: Path, first: int, until: int) -> Path:
    path = folder / f"audit-{first:012}-{until:012}.jsonl"
    unfinished = path.with_suffix(".unfinished")
    events = AuditEvent.objects.filter(sequence__range=(first, until)).order_by("sequence")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        write_chain(events.iterator(chunk_size=2_000), file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return path


def write_chain(events: Iterator[AuditEvent], file: IO[str]) -> None:
    """Events that follow one another, and the closing line."""
    event = None
    for event in events:
        file.write(line_of(facts_of(event)))
    if event is not None:
        file.write(line_of({CLOSING: event.sequence, "hash": event.hash}))
