"""Whether two names can be one person's: devices drop accents, reorder, abbreviate, join and cut names.

Pure. Never decides alone: a name that agrees proves nothing, one that has nothing in common needs a person.
"""

from __future__ import annotations

from typing import Final

from ris_core.devices.returned_names import same_name_as_sent
from ris_core.devices.rules import RegisteredDevice
from ris_core.matching.evidence import Nuance, Unscored, Verdict
from ris_core.matching.typing_errors import errors_between
from ris_core.names import folded, folded_words

# fmt: off
_FAMILY: Final = frozenset((
    "nguyen", "tran", "le", "pham", "hoang", "huynh", "phan", "vu", "vo", "dang", "bui", "do", "ho", "ngo", "duong",
    "ly",
))
# fmt: on
_MIDDLE: Final = frozenset(("van", "thi"))
"""Words that so many Vietnamese names share that sharing them says nothing about the person."""
_WORDS_COMPARED: Final = 8


def compare_names(received: str, ordered: str, device: RegisteredDevice | None = None) -> Unscored:
    """EQUAL in any order and without accents; SIMILAR with a typing error or in part; DIFFERENT with nothing in common.

    A returned name whose bytes were read in the wrong character set is compared as what it was, too.

    :param device: who sent the images, where it is registered: a name that is what it makes of the ordered one
        (question marks, letters left out, cut) is EQUAL
    """
    if not received.strip("^= ") or not ordered.strip("^= "):
        return Unscored(Verdict.MISSING)
    if device is not None and same_name_as_sent(received, ordered, device):
        return Unscored(Verdict.EQUAL)
    readings = (received, *misread(received))
    if any(names_equal(reading, ordered) for reading in readings):
        return Unscored(Verdict.EQUAL)
    if any(_mistyped(reading, ordered) for reading in readings):
        return Unscored(Verdict.SIMILAR, Nuance.TYPING_ERROR)
    if all(names_have_nothing_in_common(reading, ordered) for reading in readings):
        return Unscored(Verdict.DIFFERENT)
    return Unscored(Verdict.SIMILAR, Nuance.PARTIAL)


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


def misread(name: str) -> tuple[str, ...]:
    """What ``name`` was, if its bytes were UTF-8 or windows-1258 and somebody took them for Latin-1."""
    found = []
    for taken_for in ("latin-1", "cp1252"):
        for was in ("utf-8", "cp1258"):
            try:
                reading = name.encode(taken_for).decode(was)
            except UnicodeError:
                continue
            if reading != name and reading not in found:
                found.append(reading)
    return tuple(found)


def _mistyped(received: str, ordered: str) -> bool:
    """The words of both pair off with at most two typing errors in all, at most one in a word; if one name has words
    joined, its letters have at most one. A word of one or two letters (``AN``) must be right."""
    left, right = _words(received), _words(ordered)
    if not left or len(left) > _WORDS_COMPARED or len(right) > _WORDS_COMPARED:
        return False
    if len(left) != len(right):
        joined, wanted = "".join(left), "".join(right)
        return len(wanted) >= 6 and errors_between(joined, wanted, most=1) <= 1
    errors = 0
    for word in left:
        nearest = min(right, key=lambda other: errors_between(word, other, most=1))
        found = errors_between(word, nearest, most=1)
        if found > 1 or (found and min(len(word), len(nearest)) < 3):
            return False
        right.remove(nearest)
        errors += found
    return errors <= 2


def _words(name: str) -> list[str]:
    return folded(_alphabetic(name)).split()


def _alphabetic(name: str) -> str:
    """The first group of a PN that is not empty (PS3.5 6.2.1.1: alphabetic, ideographic, phonetic)."""
    return next((group for group in name.split("=") if group.strip("^ ")), "")


def _letters(name: str) -> str:
    return "".join(folded_words(_alphabetic(name.replace("^", " ").replace(" ", "")))) or "-"


def _telling(name: str) -> frozenset[str]:
    words = frozenset(word for word in (word.strip(".-?") for word in folded_words(_alphabetic(name))) if word)
    return words - _FAMILY - _MIDDLE or words
