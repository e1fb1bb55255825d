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

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
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


class Insert:
    """Adds one row of ``model``; columns that are not named get the field's default, as the ORM does it.

    :param returns_id: whether a call answers the new row's primary key
    """

    def __init__(self, model: type[models.Model], *, returns_id: bool = False) -> None:
        self.model = model
        self.returns_id = returns_id
        self._sql: dict[tuple[str, bool], str] = {}
        key = model._meta.pk
        if key is None:
            raise FieldDoesNotExist(f"{model.__name__} has no primary key")
        self._key = key
        self._names = {field.attname for field in model._meta.concrete_fields}
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        self._columns = [str(field.column) for field in fields]
        self._values = [
            (field.attname, _default(field), field.get_db_prep_save if isinstance(field, _CONVERTED_FIELDS) else None)
            for field in fields
        ]

    def __call__(self, **values: Any) -> int:
        """Add the row and answer its primary key (0 when the statement was not asked to return it).

        :raises FieldDoesNotExist: for a name that is no column of the model
        :raises django.db.IntegrityError: when a constraint of the table forbids it
        """
        if not values.keys() <= self._names:
            raise FieldDoesNotExist(f"{self.model.__name__}: {', '.join(sorted(values.keys() - self._names))}")
        row = []
        for name, default, convert in self._values:
            value = values[name] if name in values else default()
            row.append(value if convert is None else convert(value, connection))
        chosen = isinstance(self._key, models.AutoField) and self._key.attname in values
        if chosen:
            row.append(values[self._key.attname])
        cursor = _execute(self._sql.get((connection.vendor, chosen)) or self._compile(chosen), row)
        if chosen:
            return int(values[self._key.attname])
        if not self.returns_id:
            return 0
        return int(cursor.fetchone()[0] if connection.vendor == "postgresql" else cursor.lastrowid)

    def _compile(self, chosen: bool) -> str:
        quote = connection.ops.quote_name
        key = str(self._key.column)
        columns = [*self._columns, key] if chosen else self._columns
        table, names = quote(self.model._meta.db_table), ", ".join(map(quote, columns))
        sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608 - names of ours
        if self.returns_id and not chosen and connection.vendor == "postgresql":
            sql += f" RETURNING {quote(key)}"
        return self._sql.setdefault((connection.vendor, chosen), _placeholders(sql, len(columns)))


def _default(field: models.Field[Any, Any]) -> Callable[[], Any]:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return timezone.now
    if callable(field.default):
        return field.get_default
    constant = field.get_default()
    return lambda: constant


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
