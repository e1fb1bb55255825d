"""Migrated databases, without a row of anybody's or with the demo in them, made once from these migrations and copied
for suites and unit tests.

Making one takes most of the time in which a suite of a scenario starts. Its own ``migrate`` and ``seed_demo`` still run
and find nothing left to do.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import django

from ris_suite import layout
from ris_suite.layout import SuiteHome
from ris_suite.settings import Database
from ris_suite.suite import Suite

KEPT: Final = layout.PYTHON.parent.parent / "migrated"
"""Inside the virtual environment: ``make clean`` takes it along."""
_DATABASE: Final = "database"
_LOGINS: Final = "demo-logins.json"


def begin_migrated(home: SuiteHome, database: Database, *, demo: bool = False) -> None:
    """Give a home that has no database yet a migrated one."""
    here = _stored(home, database)
    if here.exists():
        return
    here.parent.mkdir(parents=True, exist_ok=True)
    made = _made(database, demo=demo)
    _copy(made / _DATABASE, here)
    if demo:
        _copy(made / _LOGINS, home.path / _LOGINS)


def migrated_sqlite() -> Path:
    """The file that copies are made of."""
    return _made("sqlite", demo=False) / _DATABASE


def _stored(home: SuiteHome, database: Database) -> Path:
    """The file or the cluster's folder."""
    return home.postgres if database == "postgresql" else home.sqlite_database


def _made(database: Database, *, demo: bool) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    name = f"{database}-demo" if demo else database
    made = KEPT / f"{name}.{_fingerprint()}"
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other worker waits and finds it made
        if not made.exists():
            for older in KEPT.glob(f"{name}.*"):
                if older.is_dir():
                    shutil.rmtree(older)
            unfinished = made.with_name(f"{made.name}-unfinished")
            unfinished.mkdir()
            _make(database, unfinished, demo=demo)
            unfinished.rename(made)
    return made


def _make(database: Database, kept: Path, *, demo: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="quang-migrated-") as folder:
        suite = Suite.at(Path(folder) / "home", database=database, demo=demo, parts=frozenset({"postgres"}))
        if demo:
            begin_migrated(suite.settings.home, database)
        try:
            suite.up()
        finally:
            suite.down()
        _copy(_stored(suite.settings.home, database), kept / _DATABASE)
        if demo:
            _copy(suite.settings.home.path / _LOGINS, kept / _LOGINS)


def _copy(source: Path, target: Path) -> None:
    """With owners and modes, which PostgreSQL looks at."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True, timeout=120)


def _fingerprint() -> str:
    """Of everything that the databases are made from."""
    digest = hashlib.sha256(django.__version__.encode())
    for root in (layout.PLUGINS, layout.RIS_WEBAPP / "ris_webapp"):
        for path in sorted(root.rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:24]
