"""Find exams by what people type and choose, over any number of exams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from ris_core.exam_search.expression import All, Expression, Word, as_fts5, as_tsquery
from ris_core.exam_search.expression import Any as AnyOf
from ris_core.exam_search.source import Field
from ris_core.exam_search.words import words_of
from ris_core.orders.models import RequestedProcedure

FEW: Final = 3000
"""So many exams are looked up by their keys; of more, the list is walked in its order until a page is full."""
RECENT: Final = 20_000
"""Among so many of the newest exams it is seen whether walking fills a page soon."""
OFTEN: Final = 10
"""Of the recent exams, so many found make it worth walking."""
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
    """Which exams were found: the keys of a few, or a condition of many."""

    keys: tuple[int, ...] = ()
    condition: str = ""
    params: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.condition)

    def among(self, exams: QuerySet[RequestedProcedure]) -> QuerySet[RequestedProcedure]:
        """Those of ``exams`` that were found.

        PostgreSQL multiplies how rare each word is and takes a hundred thousand exams for a few hundred. So of many
        it is told to look at each exam of the list in its order, or, when few of the recent ones would be found that
        way, to find them all first (``OFFSET 0`` keeps it from turning either round).
        """
        if not self.condition:
            return exams.filter(pk__in=self.keys)
        if connection.vendor == "postgresql" and self._often_recently():
            return exams.filter(self._each())
        first = "OFFSET 0" if connection.vendor == "postgresql" else ""
        query = RawSQL(f"SELECT {_key()} FROM exam_search WHERE {self.condition} {first}", self.params)
        return exams.filter(pk__in=cast("Any", query))

    def _each(self) -> RawSQL:
        return RawSQL(
            "EXISTS (SELECT 1 FROM exam_search WHERE exam_search.procedure_id = orders_requestedprocedure.id "
            f"AND {self.condition} OFFSET 0)",
            self.params,
            output_field=BooleanField(),
        )

    def _often_recently(self) -> bool:
        past = RequestedProcedure.objects.filter(scheduled_at__lte=timezone.now())
        newest = past.order_by("-scheduled_at", "-pk").values("pk")[:RECENT]
        recent = RequestedProcedure.objects.filter(self._each(), pk__in=newest)
        return len(recent.values_list("pk", flat=True)[:OFTEN]) == OFTEN


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
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_key()} FROM exam_search WHERE {condition} LIMIT {FEW + 1}", params)
        keys = tuple(key for (key,) in cursor.fetchall())
    return Found(keys) if len(keys) <= FEW else Found(condition=condition, params=tuple(params))


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
