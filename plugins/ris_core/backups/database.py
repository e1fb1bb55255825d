"""The database, whole and as it was at one moment, out and in again; while everything else goes on.

SQLite: its own online copy. PostgreSQL: every table by COPY in one read-only transaction that sees one state; into a
schema that this version's own migrations have made, so that neither programs nor versions of the server matter.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from ris_core.backups.errors import BackupRefused

_PART: Final = 8 * 2**20
_LONGEST_SECONDS: Final = 3600.0


def migrations() -> list[str]:
    """Every migration that the database has, as ``app.name``."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _within(deadline: float) -> Callable[[int, int, int], None]:
    def progress(_status: int, _remaining: int, _total: int) -> None:
        if time.monotonic() > deadline:  # it would wait for ever for whoever has locked the database
            raise OSError("the database could not be copied: another program has locked it")

    return progress


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite database that is in use; in the journal mode WAL nobody waits for it.

    :raises OSError: it cannot be copied
    """
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as origin,
            closing(sqlite3.connect(target)) as copy,
        ):
            origin.backup(
                copy, progress=_within(time.monotonic() + _LONGEST_SECONDS)
            )  # in one step: with several it begins anew whenever somebody writes
    except sqlite3.Error as error:
        raise OSError(f"{source} could not be copied: {error}") from error


def tables_out() -> Iterator[tuple[str, Iterator[bytes]]]:
    """PostgreSQL: each table with its rows in pieces of some mebibytes, all of one moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        for table in _tables():
            yield table, _rows_of(table)


def _rows_of(table: str) -> Iterator[bytes]:
    waiting = bytearray()
    driver = connection.connection
    columns = ", ".join(connection.ops.quote_name(name) for name in _columns(table))
    with (
        connection.wrap_database_errors,
        driver.cursor() as cursor,
        cursor.copy(f"COPY {connection.ops.quote_name(table)} ({columns}) TO STDOUT (FORMAT binary)") as rows,
    ):
        for data in rows:
            waiting += data
            if len(waiting) >= _PART:
                yield bytes(waiting)
                waiting.clear()
    yield bytes(waiting)


def tables_in(parts: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    """PostgreSQL: fill the empty schema of this version, all or nothing; triggers of the database rest meanwhile.

    :raises BackupRefused: the backup has a table that this version has not
    """
    known = _tables()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        quote = connection.ops.quote_name
        for table in known:
            cursor.execute(f"ALTER TABLE {quote(table)} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(quote(table) for table in known)} CASCADE")
        for table, rows in parts:
            if table not in known:
                raise BackupRefused(f"the backup has a table {table} that this version has not")
            columns = ", ".join(quote(name) for name in _columns(table))
            with (
                connection.wrap_database_errors,
                connection.connection.cursor() as copying,
                copying.copy(f"COPY {quote(table)} ({columns}) FROM STDIN (FORMAT binary)") as target,
            ):
                for data in rows:
                    target.write(data)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        _numbers_go_on()
        for table in known:
            cursor.execute(f"ALTER TABLE {quote(table)} ENABLE TRIGGER USER")


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' "
            "AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname"
        )
        return [name for (name,) in cursor.fetchall()]


def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = '' ORDER BY attname",
            [connection.ops.quote_name(table)],
        )
        return [name for (name,) in cursor.fetchall()]


def _numbers_go_on() -> None:
    """New rows get keys after those that are there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname, pg_get_serial_sequence(quote_ident(c.relname), a.attname) "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'r' "
            "AND c.relnamespace = current_schema()::regnamespace AND a.attidentity <> ''"
        )
        for table, column, sequence in cursor.fetchall():
            quote = connection.ops.quote_name
            cursor.execute(
                f"SELECT setval(%s, COALESCE(max({quote(column)}), 0) + 1000, true) FROM {quote(table)}",  # noqa: S608
                [sequence],
            )
