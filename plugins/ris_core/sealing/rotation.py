"""Seal anew, by the present key, whatever another key has sealed or nobody yet; and tell which keys are still needed.

Each batch is a transaction and each row is written only if it still is what was read, so it may be interrupted at any
moment, run twice, and run beside everything else. What is done needs no book: a value says which key has sealed it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import IntegrityError, connection, transaction

from ris_core.errors import SettingsInvalid
from ris_core.jobs.services import enqueue
from ris_core.sealing.columns import SealedColumn, sealed_columns
from ris_core.sealing.fields import FindableField
from ris_core.sealing.keys import sealing_keys
from ris_core.sealing.values import MARK, head, is_sealed, key_of

JOB_KIND: Final = "reseal"
_ROWS_AT_ONCE: Final = 200
PLAIN: Final = ""
"""Stands for no key in :func:`keys_in_use`."""


@dataclass
class Resealed:
    """What was done."""

    sealed: int = 0
    unopened: Counter[str] = field(default_factory=Counter)
    """By column: values whose key is no longer in the file; they stay as they are."""
    doubled: list[str] = field(default_factory=list)
    """Rows that cannot hold what another row holds by now: two patients with one number."""


def owe_resealing() -> None:
    """Have the worker do it."""
    enqueue(JOB_KIND, "all")


def run_reseal(_subject_id: str) -> None:
    """The job ``reseal``.

    :raises SettingsInvalid: some values do not open; the others are done
    """
    done = reseal()
    if done.unopened or done.doubled:
        raise SettingsInvalid(
            f"not everything could be sealed anew: {dict(done.unopened)} do not open, {done.doubled[:10]} are doubled; "
            "put the key that is missing back into credential_sealing_key, merge patients with one number"
        )


def reseal(tell: Callable[[str, int], None] = lambda _name, _rows: None) -> Resealed:
    """Every value is sealed by the present key afterwards, except those that the answer names.

    :param tell: called with a column's name and how many of its values are done, after each batch
    """
    done = Resealed()
    for column in sealed_columns():
        count = 0
        for batch in _batches(column):
            count += _sealed_anew(column, batch, done)
            tell(column.name, count)
        done.sealed += count
    return done


def keys_in_use() -> dict[str, Counter[str]]:
    """By column, how many values each key has sealed (:data:`PLAIN`: none has); columns without values are left out."""
    found: dict[str, Counter[str]] = {}
    for column in sealed_columns():
        table, name = _quoted(column)
        with _reads_all() as cursor:
            cursor.execute(
                f"SELECT substr({name}, 1, {len(head(sealing_keys()[0]))}), count(*) FROM {table} "  # noqa: S608 - ours
                f"WHERE length({name}) > 0 GROUP BY 1"
            )
            counts: Counter[str] = Counter()
            for beginning, count in cursor.fetchall():
                text = beginning if isinstance(beginning, str) else bytes(beginning)
                if is_sealed(text):
                    counts[key_of(text)] += count
                elif not _may_be_plain(column):
                    counts[PLAIN] += count
        if counts:
            found[column.name] = counts
    return found


def _may_be_plain(column: SealedColumn) -> bool:
    """Whether rows decide for themselves whether they are sealed."""
    own = next((each for each in column.model._meta.concrete_fields if each.column == column.column), None)
    return isinstance(own, FindableField) and type(own) is not FindableField


def _batches(column: SealedColumn) -> Iterator[list[tuple[int, Any]]]:
    """Keys and stored values of rows that the present key has not sealed."""
    table, name = _quoted(column)
    key = connection.ops.quote_name(str(column.model._meta.pk.column))
    beginning: Any = head(sealing_keys()[0])
    with _reads_all() as cursor:
        cursor.execute(f"SELECT {name} FROM {table} WHERE length({name}) > 0 LIMIT 1")  # noqa: S608 - our names
        first = cursor.fetchone()
        if first is None:
            return
        if not isinstance(first[0], str):
            beginning = beginning.encode()
    last = -1
    while True:
        with _reads_all() as cursor:
            cursor.execute(
                f"SELECT {key}, {name} FROM {table} WHERE {key} > %s AND length({name}) > 0 "  # noqa: S608 - our names
                f"AND substr({name}, 1, {len(MARK) + 9}) <> %s ORDER BY {key} LIMIT {_ROWS_AT_ONCE}",
                [last, beginning],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _sealed_anew(column: SealedColumn, rows: list[tuple[int, Any]], done: Resealed) -> int:
    table, name = _quoted(column)
    key = connection.ops.quote_name(str(column.model._meta.pk.column))
    written = 0
    with transaction.atomic():
        for pk, stored in rows:
            row = column.model._base_manager.filter(pk=pk)
            try:
                found = row.get()
                anew = column.anew(found)
            except column.model.DoesNotExist:  # type: ignore[attr-defined]
                continue
            except SettingsInvalid:
                done.unopened[column.name] += 1
                continue
            if anew == (stored if isinstance(stored, str) else bytes(stored)):
                continue
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(
                        f"UPDATE {table} SET {name} = %s WHERE {key} = %s AND {name} = %s",  # noqa: S608 - our names
                        [anew, pk, stored],
                    )
                    written += cursor.rowcount
            except IntegrityError:
                done.doubled.append(f"{column.name} {pk}")
    return written


@contextmanager
def _reads_all() -> Iterator[Any]:
    """A cursor whose statement may take as long as reading a whole table does."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            yield cursor
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield cursor


def _quoted(column: SealedColumn) -> tuple[str, str]:
    quote = connection.ops.quote_name
    return quote(column.model._meta.db_table), quote(column.column)
