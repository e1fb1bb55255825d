"""A copy of the engine's index (SQLite) while the engine holds it: its lock lets nobody else read it.

The engine writes ahead (journal mode WAL): changes go to the end of ``index-wal`` and are later copied into ``index``;
only when all of them have been is the file begun anew, under other salts (sqlite.org/fileformat2.html, 4.1). So when
``index`` is copied first and ``index-wal`` after it, and the latter was not begun anew in between, whatever was written
into the one meanwhile is in the other too, and opening the two gives the state of the last complete transaction. The
copy is opened and checked before it counts.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 3.0
_HEADER: Final = 32
"""Bytes of the header of ``index-wal``: its salts are in it."""


def copy_engine_index(source: Path, target: Path) -> None:
    """A consistent copy in one file.

    :raises OSError: the engine writes too much for a copy of one moment, or the index is damaged
    """
    for tried in range(_TRIES):
        if tried:
            time.sleep(_PAUSE_SECONDS)
        if _copied(source, target) and _is_whole(target):
            return
    raise OSError(
        f"the engine's index {source} could not be copied as of one moment: it is written to all the time, or damaged; "
        "make the backup at a quieter time"
    )


def _copied(source: Path, target: Path) -> bool:
    """Whether nothing was begun anew while both files were copied."""
    ahead, its_copy = (path.with_name(path.name + "-wal") for path in (source, target))
    for path in (target, its_copy):
        path.unlink(missing_ok=True)
    before = _beginning(ahead), source.stat().st_mtime_ns
    shutil.copyfile(source, target)
    if before[0]:
        shutil.copyfile(ahead, its_copy)
    after = _beginning(ahead), source.stat().st_mtime_ns
    return before == after if not before[0] else before[0] == after[0]


def _beginning(ahead: Path) -> bytes:
    try:
        with ahead.open("rb") as file:
            return file.read(_HEADER)
    except FileNotFoundError:
        return b""


def _is_whole(copy: Path) -> bool:
    try:
        with closing(sqlite3.connect(copy)) as index:
            index.execute("PRAGMA journal_mode = DELETE").fetchall()  # takes in what was written ahead: one file
            whole = index.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
    except sqlite3.DatabaseError:
        return False
    descriptor = os.open(copy, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return whole
