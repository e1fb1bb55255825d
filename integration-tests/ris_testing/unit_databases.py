"""``pytest -p ris_testing.unit_databases``: makes the unit tests' databases from migrated ones, and empties them.

Without what keeps audit events for ever: tests that commit have every table emptied afterwards (see the setting
``AUDIT_MAY_BE_EMPTIED``).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.backends.base.creation import BaseDatabaseCreation
from django.db.backends.postgresql.creation import DatabaseCreation as PostgresqlCreation
from django.db.backends.sqlite3.creation import DatabaseCreation as SqliteCreation

from ris_suite.suite import SuiteFailed
from ris_testing.migrated import migrated_sqlite


class _AuditMayBeEmptied(BaseDatabaseCreation):
    triggers: str
    """The query of their names."""

    def create_test_db(self, *args: Any, **options: Any) -> str:
        name = super().create_test_db(*args, **options)
        with self.connection.cursor() as cursor:
            cursor.execute(self.triggers)
            for (trigger,) in cursor.fetchall():
                on = " ON audit_auditevent" if self.connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER {trigger}{on}")
        return name


class CopiedSqlite(_AuditMayBeEmptied, SqliteCreation):
    """A copy of the migrated file."""

    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_auditevent'"

    def _create_test_db(self, verbosity: int, autoclobber: bool, keepdb: bool = False) -> str:
        name: str = super()._create_test_db(verbosity, autoclobber, keepdb)  # type: ignore[misc]
        try:
            shutil.copyfile(migrated_sqlite(), name)
        except (OSError, SuiteFailed, subprocess.SubprocessError):  # no suite can be started: ``migrate`` makes it all
            Path(name).unlink(missing_ok=True)
        return name


class PostgresqlFromTemplate(_AuditMayBeEmptied, PostgresqlCreation):
    """Made from the database that ``TEST: {"TEMPLATE": …}`` names."""

    triggers = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_auditevent'::regclass AND NOT tgisinternal"


class _Emptied:
    """Empties tables after a test that has committed; ``post_migrate`` then finds what it makes still there."""

    kept = frozenset({"django_content_type", "auth_permission"})

    def __init__(self, flush: Callable[..., list[str]]) -> None:
        self._flush = flush

    def __call__(self, style: object, tables: Iterable[str], **options: bool) -> list[str]:
        emptied = [name for name in tables if name not in self.kept]
        if connection.vendor == "postgresql":
            # a tenth of what TRUNCATE takes for so many tables of so few rows; and no trigger keeps or repeats anything
            names = [f'"{name}"' for name in (*emptied, "exam_search")]
            alone = f"LOCK TABLE {', '.join(names)} IN SHARE ROW EXCLUSIVE MODE"
            silent = "SET LOCAL session_replication_role = replica"
            return [alone, silent, *(f"DELETE FROM {name}" for name in names)]  # noqa: S608
        return self._flush(style, emptied, **options)


def pytest_collection_finish() -> None:
    made = PostgresqlFromTemplate if connection.vendor == "postgresql" else CopiedSqlite
    connection.creation = made(connection)
    connection.ops.sql_flush = _Emptied(connection.ops.sql_flush)  # type: ignore[method-assign]
