"""Find exams by what people type and choose, over any number of exams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from ris_core.exam_search.expression import All, Expression, Word, as_fts5, as_tsquery
from ris_core.exam_search.expression import Any as AnyOf
from ris_core.exam_search.source import Field
from ris_core.exam_search.words import words_of
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.numbers_sought import sealed_numbers

FEW: Final = 3000
"""So many exams are looked up by their keys."""
NEWEST: Final = 1001
"""Of more, so many of the newest are found first: pages and counts are filled from them."""
PROBED: Final = 5000
"""Among so many of the exams until now it is seen whether the newest that fit are found by walking back."""
OFTEN: Final = 80
"""Of the probed exams, so many that fit make it worth walking."""
WALKED: Final = 60_000
"""So far back one walks for the newest."""
SHORTEST_PART: Final = 4
"""Characters of a number that are looked for in its middle too."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody typed into the search, taken apart: words of a name, and numbers."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, typed: str) -> Terms:
        parts = typed.split()
        return cls(
            names=tuple(word for part in parts if not _is_number(part) for word in words_of(part)),
            numbers=tuple(part for part in parts if _is_number(part)),
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Which exams were found: the keys of a few, or a condition of many and the keys of the newest."""

    keys: tuple[int, ...] = ()
    """All of a few, else the newest without a gap; from the latest back (PostgreSQL)."""
    condition: str = ""
    """What exams must fit; empty: ``keys`` are all."""
    params: tuple[str, ...] = ()
    often: bool = False
    """So many exams fit that looking at each of a list in its order fills a page soon."""

    def __bool__(self) -> bool:
        return bool(self.keys or self.condition)

    def among(self, exams: QuerySet[RequestedProcedure]) -> QuerySet[RequestedProcedure]:
        """Those of ``exams`` that were found.

        PostgreSQL multiplies how rare each word is and takes a hundred thousand exams for a few hundred. So of many
        it is told to look at each exam of the list in its order, or, when few of the recent ones would be found that
        way, to find them all first (``OFFSET 0`` keeps it from turning either round).
        """
        if not self.condition:
            return exams.filter(pk__in=_listed(self.keys))
        if self.often:
            each = (
                "EXISTS (SELECT 1 FROM exam_search WHERE exam_search.procedure_id = orders_requestedprocedure.id "
                f"AND {self.condition} OFFSET 0)"
            )
            return exams.filter(RawSQL(each, self.params, output_field=BooleanField()))
        first = "OFFSET 0" if connection.vendor == "postgresql" else ""
        query = RawSQL(f"SELECT {_key()} FROM exam_search WHERE {self.condition} {first}", self.params)
        return exams.filter(pk__in=cast("Any", query))

    def newest_among(self, exams: QuerySet[RequestedProcedure]) -> QuerySet[RequestedProcedure] | None:
        """Those of ``exams`` among the newest that were found; none when nothing is gained by looking there first."""
        if connection.vendor != "postgresql" or len(self.keys) < (1 if self.condition else NEWEST):
            return None
        return exams.filter(pk__in=_listed(self.keys[:NEWEST]))


def _listed(keys: tuple[int, ...]) -> Any:
    """One parameter instead of thousands, where the database has lists."""
    return RawSQL("SELECT unnest(%s::bigint[])", (list(keys),)) if connection.vendor == "postgresql" else keys


def typed(text: str, *, begun: bool = False) -> Expression | None:
    """The exams of patients whose name has these words (with ``begun``: words that begin so), with numbers of patient
    or order that begin so.

    A number of which nothing begins so is looked for in the middle of numbers (:func:`find_typed` does); four digits
    beside a name are also the year of birth. None: nothing was typed that could be looked for.
    """
    terms = Terms.of(text)
    parts: list[Expression] = [Word(Field.NAME, word, whole=not begun) for word in terms.names]
    for number in terms.numbers:
        words = words_of(number)
        if not words:
            continue
        by_number: Expression = All(tuple(Word(Field.NUMBERS, word) for word in words))
        if sealed := sealed_numbers(number):
            by_number = AnyOf((by_number, *(Word(Field.NUMBERS, word) for word in sealed)))
        if terms.names and len(number) == 4 and number.isdigit():
            by_number = AnyOf((by_number, Word(Field.BIRTH_YEAR, number, whole=True)))
        parts.append(by_number)
    return All(tuple(parts)) if parts else None


def find(*expressions: Expression | None) -> Found:
    """The exams that the first of ``expressions`` fits that fits any."""
    found = Found()
    for expression in dict.fromkeys(expressions):
        if expression:
            condition, params = _condition(expression)
            found = _found(condition, params)
        if found:
            break
    return found


def find_typed(text: str, chosen: Expression | None = None, begun: Expression | None = None) -> Found:
    """The exams that fit what was typed; when there are none, those with the typed number in the middle of one.

    Whole words are looked for first, which is what people mean and many times faster than beginnings of words.

    :param chosen: what they must fit besides
    :param begun: the same in beginnings of words; none: ``chosen``
    """
    begun = begun or chosen
    found = find(_both(typed(text), chosen), _both(typed(text, begun=True), begun))
    terms = Terms.of(text)
    if found or not any(len(number) >= SHORTEST_PART for number in terms.numbers):
        return found
    others: list[Expression] = [Word(Field.NAME, word) for word in terms.names]
    if begun:
        others.append(begun)
    conditions: list[str] = []
    params: list[str] = []
    if others:
        condition, params = _condition(All(tuple(others)))
        conditions.append(condition)
    for number in terms.numbers:
        conditions.append("exam_search.numbers LIKE %s ESCAPE '!'")  # trigrams, or every row
        params.append(f"%{_escaped(number.lower())}%")
    return _found(" AND ".join(conditions), params)


def _both(typed: Expression | None, chosen: Expression | None) -> Expression | None:
    return All((typed, chosen)) if typed and chosen else typed


def _found(condition: str, params: Sequence[str]) -> Found:
    if connection.vendor != "postgresql":
        keys = _keys(f"SELECT {_key()} FROM exam_search WHERE {condition} LIMIT {FEW + 1}", params)
        return Found(keys) if len(keys) <= FEW else Found(condition=condition, params=tuple(params))
    if _often(condition, params):
        rows = f"SELECT * FROM exam_search {_NEWEST_FIRST} LIMIT {WALKED}"
        newest = _keys(
            f"SELECT procedure_id FROM ({rows}) exam_search WHERE {condition} {_NEWEST_FIRST} LIMIT {NEWEST}", params
        )
        return Found(newest, condition, tuple(params), often=True)
    # found by the index and not by reading until there are enough: when there are none, that is everything
    rows = f"SELECT procedure_id, scheduled_at FROM exam_search WHERE {condition}"
    keys = _keys(
        f"WITH found AS MATERIALIZED ({rows}) SELECT procedure_id FROM found {_NEWEST_FIRST} LIMIT {FEW + 1}", params
    )
    return Found(keys) if len(keys) <= FEW else Found(keys, condition, tuple(params))


_NEWEST_FIRST: Final = "ORDER BY scheduled_at DESC, procedure_id DESC"


def _often(condition: str, params: Sequence[str]) -> bool:
    """Whether many of the exams until now fit; those to come have no reports yet."""
    rows = f"SELECT * FROM exam_search WHERE scheduled_at <= now() {_NEWEST_FIRST} LIMIT {PROBED}"
    return len(_keys(f"SELECT 1 FROM ({rows}) exam_search WHERE {condition} LIMIT {OFTEN}", params)) >= OFTEN


def _keys(query: str, params: Sequence[str]) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return tuple(key for (key,) in cursor.fetchall())


def _key() -> str:
    return "procedure_id" if connection.vendor == "postgresql" else "rowid"


def _condition(expression: Expression) -> tuple[str, list[str]]:
    if connection.vendor == "postgresql":
        return "words @@ %s::tsquery", [as_tsquery(expression)]
    return "exam_search MATCH %s", [as_fts5(expression)]


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _is_number(part: str) -> bool:
    return any(character.isdigit() for character in part)
