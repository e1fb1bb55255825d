"""What is searched, as an expression over words; written for PostgreSQL's and SQLite's full text search. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ris_core.exam_search.source import Field


@dataclass(frozen=True, slots=True)
class Word:
    """A word of one field, as :func:`ris_core.exam_search.words.words_of` makes it."""

    field: Field
    text: str
    whole: bool = False
    """Not only its beginning."""


@dataclass(frozen=True, slots=True)
class All:
    """Every part is found."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One of the parts is found."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """``wanted`` is found and ``unwanted`` is not."""

    wanted: Expression
    unwanted: Expression


Expression = Word | All | Any | Without


def all_of(words: Iterable[str], field: Field, *, whole: bool = False) -> All:
    """All ``words`` stand in ``field``, in any order."""
    return All(tuple(Word(field, word, whole) for word in words))


def phrase(words: Sequence[str], field: Field) -> All:
    """All ``words`` stand in ``field``, of the last one at least its beginning: the cheaper of what people mean."""
    return All(tuple(Word(field, word, whole=place < len(words) - 1) for place, word in enumerate(words)))


def as_tsquery(expression: Expression) -> str:
    """For PostgreSQL: ``'name:nguyen':* & 'name:dao':*``."""
    match expression:
        case Word(field, text, whole):
            quoted = text.replace("\\", "\\\\").replace("'", "''")
            return f"'{field.value}:{quoted}'{'' if whole else ':*'}"
        case All(parts):
            return "(" + " & ".join(as_tsquery(part) for part in parts) + ")"
        case Any(parts):
            return "(" + " | ".join(as_tsquery(part) for part in parts) + ")"
        case Without(wanted, unwanted):
            return f"({as_tsquery(wanted)} & !{as_tsquery(unwanted)})"


def as_fts5(expression: Expression) -> str:
    """For SQLite: ``(name : "nguyen" * AND name : "dao" *)``."""
    match expression:
        case Word(field, text, whole):
            quoted = text.replace('"', '""')
            return f'{field.value} : "{quoted}"{"" if whole else " *"}'
        case All(parts):
            return "(" + " AND ".join(as_fts5(part) for part in parts) + ")"
        case Any(parts):
            return "(" + " OR ".join(as_fts5(part) for part in parts) + ")"
        case Without(wanted, unwanted):
            return f"({as_fts5(wanted)} NOT {as_fts5(unwanted)})"
