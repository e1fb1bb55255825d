"""The log of each part: one file, bounded by keeping two older pieces of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAXIMUM_BYTES = 20 * 1024 * 1024
KEPT_PIECES = 2


def rotate(path: Path, maximum_bytes: int = MAXIMUM_BYTES) -> bool:
    """Moves a log that has grown too large aside. True when it did.

    The processes write with O_APPEND and keep the file open, so its content is copied and the file emptied in place.
    Lines written between the two are lost; the audit trail is in the database, not here.
    """
    if not path.exists() or path.stat().st_size <= maximum_bytes:
        return False
    for piece in range(KEPT_PIECES - 1, 0, -1):
        older = Path(f"{path}.{piece}")
        if older.exists():
            older.replace(f"{path}.{piece + 1}")
    shutil.copy2(path, f"{path}.1")
    os.truncate(path, 0)
    return True


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def last_lines(path: Path, count: int, since_bytes: int = 0) -> list[str]:
    """The last lines of a log, however large it is; only those written after its first ``since_bytes``."""
    if not path.exists():
        return []
    with path.open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        log.seek(max(0, end - 400 * count, since_bytes if since_bytes <= end else 0))
        return log.read().decode(errors="replace").splitlines()[-count:]
