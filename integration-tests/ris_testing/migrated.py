"""A migrated SQLite database without a row of anybody's, made once from these migrations and copied for every suite.

Making it takes most of the time in which a suite of a scenario starts. The suite's own ``migrate`` still runs and finds
nothing left to do; suites on PostgreSQL are always migrated from nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import django

from ris_suite import layout

KEPT = layout.PYTHON.parent.parent / "migrated"
"""Inside the virtual environment: ``make clean`` takes it along."""


def copy_migrated(target: Path) -> None:
    """Put a migrated database at ``target``, which is not there yet."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_made(), target)


def _made() -> Path:
    KEPT.mkdir(exist_ok=True)
    made = KEPT / f"{_fingerprint()}.sqlite3"
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other worker waits and finds it made
        if not made.exists():
            for older in KEPT.glob("*.sqlite3*"):
                older.unlink()
            unfinished = made.with_suffix(".sqlite3-unfinished")
            _make(unfinished)
            unfinished.rename(made)
    return made


def _make(path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUANG_")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "ris_testing.django_settings",
        "QUANG_TEST_DATABASE_URL": f"sqlite:///{path}",
        "PYTHONPATH": os.pathsep.join(map(str, (layout.PLUGINS, layout.RIS_WEBAPP, Path(__file__).parents[1]))),
    }
    command = [str(layout.PYTHON), "-m", "django", "migrate", "--noinput", "--skip-checks", "--verbosity", "0"]
    subprocess.run(command, env=environment, check=True, timeout=600)
    with sqlite3.connect(path) as database:  # all in the one file that is copied
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode=DELETE")
    database.close()


def _fingerprint() -> str:
    """Of everything that the database is made from."""
    digest = hashlib.sha256(django.__version__.encode())
    for root in (layout.PLUGINS, layout.RIS_WEBAPP / "ris_webapp"):
        for path in sorted(root.rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:24]
