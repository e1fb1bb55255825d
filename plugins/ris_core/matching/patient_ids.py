"""Patient identifiers as people type them: other zeros, prefix or punctuation, one digit wrong.

Pure. ``BN-001234``, ``bn1234`` and ``1234`` are one number in three forms; ``BN001243`` has a typing error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ris_core.matching.typing_errors import errors_between, one_error_away

SHORTEST_CORE: Final = 4
"""Digits that a number must have, zeros in front apart, to be recognised in another form."""
ENDING_LENGTH: Final = 6
"""Characters at the end of a stored identifier by which the database finds its other forms."""
_SEPARATORS = re.compile(r"[\s._/\-]+")
_NUMBER = re.compile(r"([A-Z]*)0*(\d+)")


def compact(value: str) -> str:
    """Without separators, in capitals."""
    return _SEPARATORS.sub("", value).upper()


def core(value: str) -> str:
    """The digits that count, without prefix and zeros in front; empty when there are too few to tell people apart."""
    found = _NUMBER.fullmatch(compact(value))
    return found[2] if found and len(found[2]) >= SHORTEST_CORE else ""


def same_in_another_form(one: str, other: str) -> bool:
    """The same number with other zeros, punctuation or case, or without its prefix; two prefixes must be one."""
    a, b = _NUMBER.fullmatch(compact(one)), _NUMBER.fullmatch(compact(other))
    if a is None or b is None:
        return bool(compact(one)) and compact(one) == compact(other)
    prefixes_fit = not a[1] or not b[1] or a[1] == b[1]
    return prefixes_fit and a[2] == b[2] and (len(a[2]) >= SHORTEST_CORE or a[1] == b[1])


def mistyped(one: str, other: str) -> bool:
    """One typing error apart, whatever the form."""
    a, b = compact(one), compact(other)
    if min(len(a), len(b)) < SHORTEST_CORE:
        return False
    if errors_between(a, b, most=1) == 1:
        return True
    a, b = core(one), core(other)
    return bool(a and b) and errors_between(a, b, most=1) == 1


def stored_forms(value: str) -> frozenset[str]:
    """Values under which a database may hold what was typed as ``value``, each to be looked up exactly."""
    text = compact(value)
    if not text or len(text) > 32:
        return frozenset()
    forms = {value, text}
    number = _NUMBER.fullmatch(text)
    if number:
        forms.update(number[1] + number[2].zfill(length) for length in range(len(number[2]), 13))
        forms.update(number[2].zfill(length) for length in range(len(number[2]), 13))
    return frozenset(forms)


def stored_endings(values: Iterable[str]) -> frozenset[str]:
    """Last characters of what a database may hold, where a prefix has been left out."""
    found = set()
    for value in values:
        digits = core(value)
        if digits:
            found.add(digits.zfill(ENDING_LENGTH)[-ENDING_LENGTH:])
    return frozenset(found)


def mistyped_forms(value: str) -> Iterator[str]:
    """Values one typing error in the digits away, in the same form."""
    text = compact(value)
    number = _NUMBER.fullmatch(text)
    if number and SHORTEST_CORE <= len(text) <= 20:
        digits = text[len(number[1]) :]
        for wrong in one_error_away(digits, "0123456789"):
            yield number[1] + wrong


def possible_ids(text: str) -> tuple[str, ...]:
    """Words of a free text that have enough digits to be somebody's identifier."""
    words = re.split(r"[\s,;:^=()\[\]\\]+", text[:256])
    return tuple(word for word in words if sum(c.isdigit() for c in word) >= SHORTEST_CORE)
