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

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError
from django.utils import timezone

_CONVERTED_FIELDS = (models.DateTimeField, models.DateField, models.BinaryField, models.JSONField)
"""Fields whose Python values the drivers do not take as they are."""

_PREPARE_AFTER = 3
"""PostgreSQL prepares a statement when it has run so often on one connection."""


def _cursor() -> Any:
    """A cursor of the driver itself, on Django's connection of this thread."""
    connection.ensure_connection()
    driver = connection.connection
    if connection.vendor == "postgresql":
        from psycopg import Cursor  # server-side binding: values never become part of the statement

        if driver.prepare_threshold is None:
            driver.prepare_threshold = _PREPARE_AFTER
        return Cursor(driver)
    return driver.cursor()


def _execute(sql: str, params: Sequence[Any]) -> Any:
    with connection.wrap_database_errors:
        cursor = _cursor()
        cursor.execute(sql, params)
        return cursor


def _placeholders(sql: str, count: int) -> str:
    """``sql`` with the driver's own placeholders (Django writes ``%s``, SQLite takes ``?``)."""
    return sql if connection.vendor == "postgresql" else sql % (("?",) * count)


class Param(Expression):
    """A value of a :class:`Select` that is given when it runs.

    It must be what the driver takes for the column: text and numbers as they are; no dates, no bytes, no JSON.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __repr__(self) -> str:
        return f"Param({self.name!r})"

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return "%s", [self]


class Select:
    """A query compiled once from a ``values_list`` queryset in which :class:`Param` stands for what varies."""

    def __init__(self, queryset: models.QuerySet[Any, tuple[Any, ...]]) -> None:
        self._queryset = queryset
        self._compiled: dict[str, tuple[str, list[Any], list[tuple[int, list[Any], Any]]]] = {}

    def _compile(self) -> tuple[str, list[Any], list[tuple[int, list[Any], Any]]]:
        compiler = self._queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        converters = [(index, *found) for index, found in compiler.get_converters(columns).items()]
        compiled = (_placeholders(sql, len(params)), list(params), converters)
        self._compiled[connection.vendor] = compiled
        return compiled

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """All rows for ``values``.

        :raises KeyError: when a :class:`Param` of the query has no value
        """
        sql, params, converters = self._compiled.get(connection.vendor) or self._compile()
        found = _execute(sql, [values[p.name] if isinstance(p, Param) else p for p in params]).fetchall()
        if not converters or not found:
            return found  # type: ignore[no-any-return]
        converted = [list(row) for row in found]
        for index, functions, expression in converters:
            for row in converted:
                for convert in functions:
                    row[index] = convert(row[index], expression, connection)
        return [tuple(row) for row in converted]

    def row(self, **values: Any) -> tuple[Any, ...] | None:
        """The first row for ``values``, or none."""
        found = self.rows(**values)
        return found[0] if found else None


def insert(instance: models.Model) -> None:
    """Add the row of ``instance`` and set its primary key: ``save(force_insert=True)`` without signals.

    :raises django.db.IntegrityError: when a constraint of the table forbids it
    """
    row = _row_of(type(instance))
    key = instance.pk
    cursor = _execute(row.insert_sql(with_key=key is not None), row.values(instance, with_key=key is not None))
    if key is None:
        instance.pk = cursor.fetchone()[0] if connection.vendor == "postgresql" else cursor.lastrowid
    instance._state.adding = False


def upsert(instance: models.Model) -> None:
    """Add the row of ``instance``, or overwrite the one that has its primary key."""
    row = _row_of(type(instance))
    _execute(row.upsert_sql(), row.values(instance, with_key=True))
    instance._state.adding = False


class _Row:
    """How the rows of one model are written."""

    def __init__(self, model: type[models.Model]) -> None:
        self._table = model._meta.db_table
        fields = model._meta.concrete_fields
        self._key = next(str(field.column) for field in fields if field.primary_key)
        self._fields = [
            (
                field.attname,
                str(field.column),
                field.get_db_prep_save if isinstance(field, _CONVERTED_FIELDS) else None,
                bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)),
            )
            for field in fields
        ]
        self._sql: dict[tuple[str, str], str] = {}

    def values(self, instance: models.Model, *, with_key: bool) -> list[Any]:
        values = []
        for name, column, convert, automatic in self._fields:
            if column == self._key and not with_key:
                continue
            if automatic:
                setattr(instance, name, timezone.now())
            value = getattr(instance, name)
            values.append(value if convert is None else convert(value, connection))
        return values

    def insert_sql(self, *, with_key: bool) -> str:
        kind = "insert with key" if with_key else "insert"
        if (connection.vendor, kind) not in self._sql:
            returning = f" RETURNING {connection.ops.quote_name(self._key)}"
            ending = returning if connection.vendor == "postgresql" and not with_key else ""
            self._sql[connection.vendor, kind] = self._insert(with_key) + ending
        return self._sql[connection.vendor, kind]

    def upsert_sql(self) -> str:
        if (connection.vendor, "upsert") not in self._sql:
            quote = connection.ops.quote_name
            others = [quote(column) for _, column, _, _ in self._fields if column != self._key]
            changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
            ending = f" ON CONFLICT ({quote(self._key)}) DO UPDATE SET {changes}"
            self._sql[connection.vendor, "upsert"] = self._insert(with_key=True) + ending
        return self._sql[connection.vendor, "upsert"]

    def _insert(self, with_key: bool) -> str:
        quote = connection.ops.quote_name
        columns = [quote(column) for _, column, _, _ in self._fields if with_key or column != self._key]
        placeholders = ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO {quote(self._table)} ({', '.join(columns)}) VALUES ({placeholders})"  # noqa: S608 - our names
        return _placeholders(sql, len(columns))


@cache
def _row_of(model: type[models.Model]) -> _Row:
    return _Row(model)


def reserve_id(model: type[models.Model]) -> int:
    """The primary key that the next row of ``model`` shall have, for numbers that are made from it.

    Must run in a transaction, and the row be added with that key before the next is reserved: SQLite's counter moves
    with the row (its writers are one at a time), PostgreSQL's at once.

    :raises TransactionManagementError: outside a transaction
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("an id can be reserved in a transaction only")
    table = model._meta.db_table
    if connection.vendor == "postgresql":
        key = model._meta.pk
        column = key.column if key is not None else "id"
        return int(_execute("SELECT nextval(pg_get_serial_sequence(%s, %s))", (f'"{table}"', column)).fetchone()[0])
    found = _execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return int(found[0]) + 1 if found else 1
