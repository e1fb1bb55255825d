"""Whether two names can be one person's: devices drop accents, reorder, abbreviate, join and cut names.

Pure. Never decides alone: a name that agrees proves nothing, one that has nothing in common needs a person.
"""

from __future__ import annotations

from typing import Final

from ris_core.names import folded_words

_FAMILY: Final = frozenset(
    (
        "nguyen",
        "tran",
        "le",
        "pham",
        "hoang",
        "huynh",
        "phan",
        "vu",
        "vo",
        "dang",
        "bui",
        "do",
        "ho",
        "ngo",
        "duong",
        "ly",
    )
)
_MIDDLE: Final = frozenset(("van", "thi"))
"""Words that so many Vietnamese names share that sharing them says nothing about the person."""


def names_equal(received: str, ordered: str) -> bool:
    """The same words in any order, accents and case aside, or the same letters joined (``NGUYENVANAN``)."""
    left, right = folded_words(_alphabetic(received)), folded_words(_alphabetic(ordered))
    return bool(left) and (left == right or _letters(received) == _letters(ordered))


def names_have_nothing_in_common(received: str, ordered: str) -> bool:
    """No telling word of one name is in the other, whole or abbreviated; both must be there."""
    left, right = _telling(received), _telling(ordered)
    if not left or not right or names_equal(received, ordered):
        return False
    return not any(a.startswith(b) or b.startswith(a) for a in left for b in right)


def _alphabetic(name: str) -> str:
    """The first group of a PN that is not empty (PS3.5 6.2.1.1: alphabetic, ideographic, phonetic)."""
    return next((group for group in name.split("=") if group.strip("^ ")), "")


def _letters(name: str) -> str:
    return "".join(folded_words(_alphabetic(name.replace("^", " ").replace(" ", "")))) or "-"


def _telling(name: str) -> frozenset[str]:
    words = frozenset(word for word in (word.strip(".-?") for word in folded_words(_alphabetic(name))) if word)
    return words - _FAMILY - _MIDDLE or words
