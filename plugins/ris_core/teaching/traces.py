"""Whether a text tells who a patient is: their name with or without accents in any order, numbers, birth date,
telephone and address. Pure.

Texts are read as words, whatever stands between them, so that ``An-Nguyễn.Văn`` and ``09 12-34`` are no way around. One
word of a name alone tells nothing (``an``, ``hoa`` and ``tiến`` are also words), unless it begins with a capital behind
``ông``, ``bệnh nhân`` and the like.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations
from typing import Final

from ris_core.names import unaccented


class Kind(StrEnum):
    """What was found."""

    NAME = "NAME"
    NUMBER = "NUMBER"
    BIRTH_DATE = "BIRTH_DATE"
    ADDRESS = "ADDRESS"


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in the notes that tells who the patient is."""

    kind: Kind
    field: str
    text: str
    """As it is written there."""


@dataclass(frozen=True, slots=True)
class Known:
    """By what a patient is known."""

    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Identifiers, accession and order numbers, telephones."""
    birth_dates: tuple[str, ...] = ()
    """``YYYYMMDD`` or ``YYYYMM``; a year alone tells nobody."""
    addresses: tuple[str, ...] = ()


_WORD: Final = re.compile(r"[^\W_]+")
_CALLED: Final = frozenset(
    ("bn", "ong", "ba", "anh", "chi", "be", "chau", "co", "chu", "bac", "em", "cu", "nhan", "phu", "mr", "mrs", "ms",
     "miss", "patient", "ten")
)  # fmt: skip
"""Folded words in front of a name; ``nhan`` of ``bệnh nhân``, ``phu`` of ``sản phụ``, ``ten`` of ``tên``."""
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep september", "oct october", "nov november", "dec december"),
        1,
    )
    for name in names.split()
}  # fmt: skip
_BETWEEN_DATES: Final = frozenset(("ngay", "thang", "nam", "of", "the"))
_LONGEST_NAME: Final = 5
"""Words of which every order is tried when they are written as one."""
_SHORTEST_JOINED: Final = 6
_SHORTEST_NUMBER: Final = 4
_WITHIN_WORDS: Final = 6
"""Numbers as long as this are also found as parts of others."""
_SHORTEST_ADDRESS: Final = 8


@dataclass(frozen=True, slots=True)
class _Word:
    folded: str
    start: int
    end: int


def traces_in(notes: Mapping[str, str], known: Known) -> list[Trace]:
    """What in ``notes`` (field → text) tells who the patient is: each place once, in the order of the fields."""
    found: dict[Trace, None] = {}
    for field, text in notes.items():
        shown = unicodedata.normalize("NFC", "".join(c for c in text if unicodedata.category(c) != "Cf"))
        words = [_Word(_fold(match[0]), *match.span()) for match in _WORD.finditer(shown)]
        for kind, start, end in _outermost(_places(shown, words, known)):
            found[Trace(kind, field, shown[start:end])] = None
    return list(found)


def _outermost(places: Iterable[tuple[Kind, int, int]]) -> Iterator[tuple[Kind, int, int]]:
    """In the order of the text, without what lies within another of its kind: ``3/1957`` of ``28/3/1957``."""
    reached: dict[Kind, int] = {}
    for kind, start, end in sorted(set(places), key=lambda place: (place[1], -place[2])):
        if end > reached.get(kind, 0):
            reached[kind] = end
            yield kind, start, end


def _places(text: str, words: Sequence[_Word], known: Known) -> Iterator[tuple[Kind, int, int]]:
    for name in known.names:
        parts = _words_of(name)
        for first, last in _name_in(text, words, parts):
            yield Kind.NAME, words[first].start, words[last].end
    for numbers, kind, shortest in (
        (known.numbers, Kind.NUMBER, _SHORTEST_NUMBER), (known.addresses, Kind.ADDRESS, _SHORTEST_ADDRESS),
    ):  # fmt: skip
        for number in numbers:
            for form in {_squeezed(number), _squeezed(number).lstrip("0")}:
                if len(form) >= shortest:
                    for first, last in _number_in(words, form):
                        yield kind, words[first].start, words[last].end
    for birth_date in known.birth_dates:
        for first, last in _date_in(words, birth_date):
            yield Kind.BIRTH_DATE, words[first].start, words[last].end


def _name_in(text: str, words: Sequence[_Word], name: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Two of its words side by side in any order and as many more of them as follow; all of them as one word; the given
    name behind a word that people are called by."""
    wanted = Counter(name)
    place = 0
    while place < len(words):
        seen: Counter[str] = Counter()
        end = place
        while end < len(words) and seen[words[end].folded] < wanted[words[end].folded]:
            seen[words[end].folded] += 1
            end += 1
        if end - place >= 2 or (len(name) == 1 and end > place and len(name[0]) >= 3):
            yield place, end - 1
            place = end
        else:
            place += 1
    if 2 <= len(name) <= _LONGEST_NAME:
        joined = {"".join(order) for order in permutations(name)}
        shortest = max(_SHORTEST_JOINED, sum(map(len, name)))
        for at, word in enumerate(words):
            if len(word.folded) >= shortest and any(form in word.folded for form in joined):
                yield at, at
    called = {name[-1], name[0]} if name else set()
    for at in range(1, len(words)):
        if words[at].folded in called and words[at - 1].folded in _CALLED and text[words[at].start].isupper():
            yield at - 1, at


def _number_in(words: Sequence[_Word], number: str) -> Iterator[tuple[int, int]]:
    """Written in one or with anything between its parts."""
    starts, ends, whole = {}, {}, ""
    owners: list[int] = []
    for at, word in enumerate(words):
        starts[len(whole)] = at
        whole += word.folded
        owners += [at] * len(word.folded)
        ends[len(whole)] = at
    at = whole.find(number)
    while at >= 0:
        end = at + len(number)
        if (at in starts and end in ends) or (len(number) >= _WITHIN_WORDS and _fits(words, owners, at, end)):
            yield owners[at], owners[end - 1]
        at = whole.find(number, at + 1)


def _fits(words: Sequence[_Word], owners: Sequence[int], at: int, end: int) -> bool:
    """Within a single word, or from a word's beginning, or to its end: not pieced together from halves of two."""
    first, last = owners[at], owners[end - 1]
    return first == last or at == 0 or owners[at - 1] != first or (end < len(owners) and owners[end] != last)


def _date_in(words: Sequence[_Word], day: str) -> Iterator[tuple[int, int]]:
    """In any order of day, month and year, in figures or with the month's English name; of one whose day is known also
    month and year alone."""
    if len(day) not in (6, 8) or not day.isascii() or not day.isdigit():
        return
    year, month = day[:4], int(day[4:6])
    number = int(day[6:8]) if len(day) == 8 else 0

    def is_year(word: str) -> bool:
        return word == year

    def is_short_year(word: str) -> bool:
        return word in (year, year[2:])

    def is_month(word: str) -> bool:
        return _MONTHS.get(word, _figure(word)) == month

    def is_day(word: str) -> bool:
        return _figure(re.sub(r"(st|nd|rd|th)$", "", word)) == number

    joined = {day}
    orders: list[tuple[Callable[[str], bool], ...]] = [(is_month, is_year), (is_year, is_month)]
    if number:
        y, m, d = day[:4], day[4:6], day[6:8]
        joined |= {d + m + y, m + d + y, d + m + y[2:], y[2:] + m + d}
        orders += [(is_day, is_month, is_short_year), (is_month, is_day, is_short_year), (is_year, is_month, is_day)]
    at_words = [at for at, word in enumerate(words) if word.folded not in _BETWEEN_DATES]
    for place, at in enumerate(at_words):
        if words[at].folded in joined:
            yield at, at
        for order in sorted(orders, key=len, reverse=True):
            here = at_words[place : place + len(order)]
            if len(here) == len(order) and all(fits(words[w].folded) for fits, w in zip(order, here, strict=True)):
                yield at, here[-1]
                break


def _figure(word: str) -> int:
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 2 else -1


def _words_of(text: str) -> list[str]:
    return [_fold(word) for word in _WORD.findall(unicodedata.normalize("NFC", text))]


def _squeezed(text: str) -> str:
    return "".join(_words_of(text))


def _fold(word: str) -> str:
    return unaccented(unicodedata.normalize("NFKC", word)).casefold()
