"""SQL statements compiled once, for the few paths where the ORM's work for each statement is too much.

Django's ORM builds its SQL anew at every call (0.2 to 0.3 ms); an order writes a dozen rows and hundreds of orders
arrive each second. A statement here is compiled at its first use, by Django's own compiler from the models' own
fields, so that it stays true to the schema on both databases; running it costs about what the driver costs. It runs
on Django's connection, in the caller's transaction, and raises Django's database errors.

>>> find_sender_messages = Select(
...     InboundMessage.objects.filter(sender=Param("sender")).values_list("id", "state")
... )
>>> find_sender_messages.rows(sender="HIS|BVX")
[(1, 'APPLIED')]
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from ris_core.pipelines import block_here, database_here, execute, with_placeholders
from ris_core.sealing.fields import Sealed


class Param(Expression):
    """A value of a :class:`Select` that is given when it runs.

    It must be what the driver takes for the column: text, numbers and moments as they are; no dates, no bytes, no JSON.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __repr__(self) -> str:
        return f"Param({self.name!r})"

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return "%s", [self]


class Select:
    """A query compiled once from a ``values_list`` queryset in which :class:`Param` stands for what varies.

    :param locking: rows of this model that the query reads are locked until the transaction ends (PostgreSQL's
        ``FOR NO KEY UPDATE``, which lets foreign keys be checked; SQLite has one writer anyway)
    :param skip_locked: rows that somebody else has locked are left out instead of waited for
    :param planned_anew: PostgreSQL plans it at each run: a plan for any value could read the whole of a table of which
        the values that are asked for are a few rows
    """

    def __init__(
        self,
        queryset: models.QuerySet[Any, tuple[Any, ...]],
        *,
        locking: type[models.Model] | None = None,
        skip_locked: bool = False,
        planned_anew: bool = False,
    ) -> None:
        self._queryset = queryset
        self._locking = locking
        self._skip_locked = skip_locked
        self._prepare = False if planned_anew else None
        self._compiled: dict[str, tuple[str, list[Any], list[tuple[int, list[Any], Any]]]] = {}

    def _compile(self, database: BaseDatabaseWrapper) -> tuple[str, list[Any], list[tuple[int, list[Any], Any]]]:
        compiler = self._queryset.query.get_compiler(connection=database)
        sql, params = compiler.as_sql()
        if self._locking and database.vendor == "postgresql":
            sql += f" FOR NO KEY UPDATE OF {database.ops.quote_name(self._locking._meta.db_table)}"
            sql += " SKIP LOCKED" * self._skip_locked
        columns = [column for column, _, _ in compiler.select]
        converters = [(index, *found) for index, found in compiler.get_converters(columns).items()]
        compiled = (with_placeholders(database.vendor, sql), list(params), converters)
        self._compiled[database.vendor] = compiled
        return compiled

    def _filled(self, database: BaseDatabaseWrapper, values: dict[str, Any]) -> tuple[str, list[Any], list[Any]]:
        sql, params, converters = self._compiled.get(database.vendor) or self._compile(database)
        bound = (values[param.name] if isinstance(param, Param) else param for param in params)
        moment = database.ops.adapt_datetimefield_value
        return sql, [moment(value) if isinstance(value, datetime) else value for value in bound], converters

    def expect(self, **values: Any) -> None:
        """Send the query ahead: within :func:`pipelined`, the next :meth:`rows` with these values is its answer.

        Queries that are sent together are waited for once and not one by one. The answer knows nothing of what the
        block writes between the two. Outside such a block nothing is sent.
        """
        block = block_here()
        if block is not None:
            sql, params, _ = self._filled(block.database, values)
            block.write()
            block.answers[self, *params] = execute(block.database, sql, params, prepare=self._prepare)

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """All rows for ``values``.

        :raises KeyError: when a :class:`Param` of the query has no value
        """
        database = database_here()
        sql, params, converters = self._filled(database, values)
        block = block_here()
        cursor = block.answers.pop((self, *params), None) if block else None
        if cursor is None:
            if block:
                block.write()
            cursor = execute(database, sql, params, prepare=self._prepare)
        with database.wrap_database_errors:
            found: list[tuple[Any, ...]] = cursor.fetchall()
        if not converters or not found:
            return found
        converted = [list(row) for row in found]
        for index, functions, expression in converters:
            for row in converted:
                for convert in functions:
                    row[index] = convert(row[index], expression, database)
        return [tuple(row) for row in converted]

    def row(self, **values: Any) -> tuple[Any, ...] | None:
        """The first row for ``values``, or none."""
        found = self.rows(**values)
        return found[0] if found else None


def append(instance: models.Model) -> None:
    """Add the row of ``instance`` under the key that the database gives it now; ``instance`` does not learn it.

    For tables that are read in the order of their keys: :func:`insert` may use a key that was taken long before.
    """
    database = database_here()
    row = _row_of(type(instance), database.vendor)
    _write(database, row.insert, row.values(instance, database)[1:])
    instance._state.adding = False


def insert(instance: models.Model) -> None:
    """Add the row of ``instance`` and set its primary key: ``save(force_insert=True)`` without signals.

    :raises django.db.IntegrityError: when a constraint of the table forbids it (within :func:`pipelined` later)
    """
    database = database_here()
    row = _row_of(type(instance), database.vendor)
    if instance.pk is None and row.numbers:
        instance.pk = row.numbers.take(database)
    if instance.pk is not None:
        _write(database, row.insert_with_key, row.values(instance, database))
    else:
        instance.pk = _write(database, row.insert, row.values(instance, database)[1:]).lastrowid
    instance._state.adding = False


def upsert(instance: models.Model) -> None:
    """Add the row of ``instance``, or overwrite the one that has its primary key."""
    database = database_here()
    row = _row_of(type(instance), database.vendor)
    _write(database, row.upsert, row.values(instance, database), overwriting=True)
    instance._state.adding = False


def _write(database: BaseDatabaseWrapper, sql: str, values: list[Any], *, overwriting: bool = False) -> Any:
    """Run what adds a row, or have it run with others; the cursor, if it has run."""
    block = block_here()
    if block is not None:
        return block.add(sql, values, overwriting=overwriting)
    return execute(database, with_placeholders(database.vendor, sql), values)


class _Row:
    """How the rows of one model are written to one kind of database; its first column is the primary key."""

    def __init__(self, model: type[models.Model], database: BaseDatabaseWrapper) -> None:
        fields = sorted(model._meta.concrete_fields, key=lambda field: not field.primary_key)
        self._fields = [
            (
                field.attname,
                _converter(field, database),
                field.stored_of if isinstance(field, Sealed) else None,
                bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)),
            )
            for field in fields
        ]
        quote = database.ops.quote_name
        table = quote(model._meta.db_table)
        key, *others = [quote(str(field.column)) for field in fields]

        def adding(columns: list[str]) -> str:
            marks = ", ".join(["%s"] * len(columns))
            return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of our models

        changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
        automatic_key = isinstance(fields[0], models.AutoField)
        self.numbers = _Numbers(table, str(fields[0].column)) if automatic_key and _has_sequences(database) else None
        self.insert = adding(others)
        self.insert_with_key = adding([key, *others])
        self.upsert = f"{self.insert_with_key} ON CONFLICT ({key}) DO UPDATE SET {changes}"

    def values(self, instance: models.Model, database: BaseDatabaseWrapper) -> list[Any]:
        """The columns' values, of the primary key first."""
        stored = instance.__dict__
        now: datetime | None = None
        values = []
        for name, convert, stored_of, automatic in self._fields:
            if stored_of is not None:
                values.append(stored_of(instance))
                continue
            if automatic:
                stored[name] = now = now or timezone.now()
            value = stored[name]
            values.append(value if convert is None or value is None else convert(value))
        return values


class _Numbers:
    """Primary keys of one table, taken from its sequence in blocks, so that a row's key is known before it is added.

    What is left of a block when the process ends is never used; keys need not be without gaps.
    """

    _BLOCK = 50

    def __init__(self, table: str, column: str) -> None:
        self._sequence_of = (table, column)
        self._free: list[int] = []
        self._lock = threading.Lock()

    def take(self, database: BaseDatabaseWrapper) -> int:
        with self._lock:
            if not self._free:
                sql = "SELECT nextval(pg_get_serial_sequence($1, $2)) FROM generate_series(1, $3::integer)"
                with database.wrap_database_errors:
                    found = execute(database, sql, (*self._sequence_of, self._BLOCK)).fetchall()
                self._free = [number for (number,) in reversed(found)]
            return self._free.pop()


def _has_sequences(database: BaseDatabaseWrapper) -> bool:
    return database.vendor == "postgresql"


def _converter(field: models.Field[Any, Any], database: BaseDatabaseWrapper) -> Callable[[Any], Any] | None:
    """What makes the driver's value of a field's value; none where the driver takes it as it is."""
    if isinstance(field, models.JSONField):
        return partial(field.get_db_prep_save, connection=database)
    if isinstance(field, models.DateTimeField):
        return None if database.vendor == "postgresql" else database.ops.adapt_datetimefield_value
    if isinstance(field, models.DateField | models.TimeField | models.DecimalField):
        return partial(field.get_db_prep_save, connection=database)
    return None


_rows: dict[tuple[type[models.Model], str], _Row] = {}


def _row_of(model: type[models.Model], vendor: str) -> _Row:
    row = _rows.get((model, vendor))
    if row is None:
        row = _rows[model, vendor] = _Row(model, database_here())
    return row


def reserve_id(model: type[models.Model]) -> int:
    """The primary key that the next row of ``model`` shall have, for numbers that are made from it.

    Must run in a transaction, and the row be added with that key before the next is reserved: SQLite's counter moves
    with the row (its writers are one at a time).

    :raises TransactionManagementError: outside a transaction
    """
    database = database_here()
    if not database.in_atomic_block:
        raise TransactionManagementError("an id can be reserved in a transaction only")
    numbers = _row_of(model, database.vendor).numbers
    if numbers:
        return numbers.take(database)
    found = execute(database, "SELECT seq FROM sqlite_sequence WHERE name = ?", (model._meta.db_table,)).fetchone()
    return int(found[0]) + 1 if found else 1
