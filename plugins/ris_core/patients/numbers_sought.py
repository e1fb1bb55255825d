"""How numbers that are sealed in the database are found: as whole ones, by words that stand for them.

The word of a number is its synthetic initialisation vector under a key of the site (AES-SIV), 32 letters: equal numbers
have equal words, and nothing of the number follows from one. In the index of exams and beside messages it stands in
place of the number.
"""

from __future__ import annotations

from typing import Final

from ris_core.patients.identifier_kinds import is_sealed_kind, looks_national
from ris_core.patients.models import IDENTIFIER_PURPOSE
from ris_core.sealing.values import findable, findable_forms

SHORTEST: Final = 6
"""Characters of a number that is looked for among sealed ones."""
_MARKED: Final = 2
"""Letters before the word: what kind of sealed value it is."""
_LETTERS: Final = 32


def sealed_numbers(number: str) -> list[str]:
    """The words by which exams of whoever has ``number`` are found; each is the beginning of a word of the index."""
    if len(number) < SHORTEST or not number.isascii():
        return []
    return [
        _data(form)[: _MARKED + _LETTERS]
        for spelling in dict.fromkeys((number, number.upper()))
        for form in findable_forms(spelling, IDENTIFIER_PURPOSE)
    ]


def sought(kind: str, value: str) -> str:
    """``value`` as it is kept beside a message to be found by: itself, or the word of a number that is sealed."""
    if is_sealed_kind(kind) or looks_national(value):
        return _data(findable(value.strip(), IDENTIFIER_PURPOSE))[_MARKED : _MARKED + _LETTERS]
    return value


def sought_words(number: str) -> list[str]:
    """What :func:`sought` has made of ``number`` if it was sealed: by any of the keys."""
    return [word[_MARKED:] for word in sealed_numbers(number)]


def _data(form: str) -> str:
    return form.rpartition(".")[2]
