"""Statements on the driver itself, and blocks in which PostgreSQL is not waited for after each of them.

A wait is a switch between two processes, and on a busy machine that is most of what a statement costs. SQLite runs
inside our own process; there every statement runs when it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_PREPARE_AFTER = 3
"""PostgreSQL prepares a statement when it has run so often on one connection."""

_MOST_WRITES = 16
"""How many rows one statement adds."""


def database_here() -> BaseDatabaseWrapper:
    """Django's connection of this thread: looked up once for each statement, for ``connection`` does it at each use."""
    return connections[DEFAULT_DB_ALIAS]


def execute(database: BaseDatabaseWrapper, sql: str, params: Sequence[Any], *, prepare: bool | None = None) -> Any:
    """Run ``sql``, with the database's own placeholders, on a cursor of the driver itself; the cursor.

    :param prepare: False: PostgreSQL plans it for these very values, each time
    """
    with database.wrap_database_errors:
        if database.connection is None:
            database.ensure_connection()
        driver = database.connection
        if database.vendor != "postgresql":
            return driver.execute(sql, params)
        from psycopg import RawCursor  # server-side binding: values never become part of the statement

        if driver.prepare_threshold is None:
            driver.prepare_threshold = _PREPARE_AFTER
        cursor = RawCursor(driver)
        cursor.execute(sql, params, prepare=prepare)
        return cursor


@lru_cache(maxsize=512)
def with_placeholders(vendor: str, *statements: str) -> str:
    """Statements with Django's ``%s`` in the database's own words; of several the one that does what all of them do."""
    *others, last = statements
    beside = ", ".join(f"write{place} AS ({sql})" for place, sql in enumerate(others))
    sql = f"WITH {beside} {last}" if others else last
    count = sql.count("%s")
    if vendor == "postgresql":
        return sql % tuple(f"${place}" for place in range(1, count + 1))
    return sql % (("?",) * count)


class Block:
    """A :func:`pipelined` block: what it has asked ahead, and what it has yet to write."""

    def __init__(self, database: BaseDatabaseWrapper, pipeline: Any) -> None:
        self.database = database
        self._pipeline = pipeline
        self.answers: dict[tuple[Any, ...], Any] = {}
        """Cursors of the queries that were sent ahead, by query and values."""
        self._writes: list[tuple[str, list[Any]]] = []

    def add(self, sql: str, values: list[Any], *, overwriting: bool) -> None:
        """Gather what adds a row; one statement cannot overwrite a row that it has added itself."""
        if len(self._writes) == _MOST_WRITES or (overwriting and any(sql == one for one, _ in self._writes)):
            self.write()
        self._writes.append((sql, values))

    def write(self) -> None:
        """Send what was gathered, as one statement."""
        if self._writes:
            writes, self._writes = self._writes, []
            sql = with_placeholders("postgresql", *(sql for sql, _ in writes))
            execute(self.database, sql, [value for _, values in writes for value in values])

    def run(self, run: Callable[..., Any], sql: str, *more: Any) -> Any:
        """Run a statement of Django's after what was written before it, and wait for it: what it says of the rows it
        changed is known, and its errors come where they are expected."""
        if sql.startswith("ROLLBACK TO"):
            self._writes.clear()  # all since the savepoint, which was such a statement too
            with suppress(DatabaseError):  # of what is undone
                self._wait()
        self.write()
        result = run(sql, *more)
        self._wait()
        return result

    def _wait(self) -> None:
        with self.database.wrap_database_errors:
            self._pipeline.sync()


_block: ContextVar[Block | None] = ContextVar("block", default=None)


def block_here() -> Block | None:
    """The block that runs, on PostgreSQL."""
    return _block.get()


@contextmanager
def pipelined() -> Iterator[None]:
    """Do not wait for the answer to each statement in the block (PostgreSQL's pipeline mode; nothing on SQLite).

    Only rows that are asked for are waited for, and what Django itself runs. What :mod:`ris_core.statements` writes is
    gathered and sent as one statement, before whatever else is asked or written and when the block ends; its errors
    come at the latest then. A block inside another is part of it, but the answers to what it has asked ahead end with
    it.

    :raises django.db.Error: of any statement in the block
    """
    database = database_here()
    if database.vendor != "postgresql":
        yield
        return
    outer = _block.get()
    if outer is not None:
        try:
            yield
        finally:
            outer.answers.clear()
        return
    database.ensure_connection()
    with database.wrap_database_errors, database.connection.pipeline() as pipeline:
        block = Block(database, pipeline)
        before = _block.set(block)
        try:
            with database.execute_wrapper(block.run):
                yield
                block.write()
        finally:
            _block.reset(before)
