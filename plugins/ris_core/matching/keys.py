"""The exam key: what is printed on the slip and scanned or typed into a device that has no worklist.

Pure. A key is eight characters of an alphabet of 23, the last two of them checks: it is a codeword of a Reed-Solomon
code over GF(23) of distance 3. So every one wrong character, every two wrong characters and every two exchanged ones
are noticed, and what one wrong character was meant to be can be told (a suggestion for a person, never a link).

The alphabet leaves out what looks alike in print and handwriting: 0 O, 1 I L, 2 Z, 5 S, 8 B, U V.

The key is made from the row id of the requested procedure by a permutation, so it is unique, needs no table, and
neighbours in time have keys that do not resemble each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ris_core.errors import InvalidValue

ALPHABET: Final = "34679ACDEFGHJKMNPQRTWXY"
"""23 characters; their number must be prime for the checks to hold."""
LENGTH: Final = 8
_BASE: Final = len(ALPHABET)
_PAYLOAD: Final = LENGTH - 2
_CAPACITY: Final = _BASE**_PAYLOAD
"""148,035,889 procedures."""
_FACTOR: Final = 91_493_157
_OFFSET: Final = 57_885_161
_INVERSE: Final = pow(_FACTOR, -1, _CAPACITY)
_SYMBOL: Final = {character: value for value, character in enumerate(ALPHABET)}
_TOKENS = re.compile(r"[A-Z0-9]+")
_SEPARATORS = re.compile(r"[\s\-_./:]+")
_LONGEST_TEXT: Final = 512


def exam_key(procedure_id: int) -> str:
    """The key of a requested procedure, as ``ACDE3469``.

    :raises InvalidValue: when there are more procedures than keys
    """
    if not 0 < procedure_id < _CAPACITY:
        raise InvalidValue("no exam key can be made for this procedure", field="procedure_id")
    number = (procedure_id * _FACTOR + _OFFSET) % _CAPACITY
    payload = []
    for _ in range(_PAYLOAD):
        number, symbol = divmod(number, _BASE)
        payload.append(symbol)
    return "".join(ALPHABET[symbol] for symbol in (*payload, *_checks(payload)))


def procedure_of_key(key: str) -> int | None:
    """The requested procedure's id; none when ``key`` (exactly eight characters, capitals) is no key."""
    symbols = [_SYMBOL.get(character, -1) for character in key]
    if len(symbols) != LENGTH or -1 in symbols or _syndromes(symbols) != (0, 0):
        return None
    number = 0
    for symbol in reversed(symbols[:_PAYLOAD]):
        number = number * _BASE + symbol
    procedure_id = (number - _OFFSET) * _INVERSE % _CAPACITY
    return procedure_id or None


def shown_key(key: str) -> str:
    """In two groups, as it is printed: ``ACDE-3469``."""
    return f"{key[:4]}-{key[4:]}"


def keys_in(text: str) -> frozenset[str]:
    """Every key in ``text``: whatever case, with spaces or dashes within it, behind a scanner's prefix, in a sentence.

    >>> keys_in("*" + shown_key(exam_key(1)).lower() + "* sản phụ") == {exam_key(1)}
    True
    """
    return frozenset(piece for piece in _pieces(text) if procedure_of_key(piece) is not None)


def corrected_keys(text: str) -> frozenset[str]:
    """Keys that one wrong character in ``text`` (a key and nothing else) may have been: for suggestions only."""
    word = _SEPARATORS.sub("", text[:_LONGEST_TEXT].upper()).strip("*")
    if len(word) != LENGTH or procedure_of_key(word) is not None:
        return frozenset()
    found = set()
    for at in range(LENGTH):
        for character in ALPHABET:
            found.add(word[:at] + character + word[at + 1 :])
        if at + 1 < LENGTH:
            found.add(word[:at] + word[at + 1] + word[at] + word[at + 2 :])
    return frozenset(key for key in found if procedure_of_key(key) is not None)


def _pieces(text: str) -> Iterator[str]:
    """Eight characters each that may be a key: the words, words joined where separators split them, and the ends of
    longer words (a scanner's prefix or suffix)."""
    words = _TOKENS.findall(text[:_LONGEST_TEXT].upper())
    for start in range(len(words)):
        joined = ""
        for word in words[start : start + 4]:
            joined += word
            if len(joined) == LENGTH:
                yield joined
            if len(joined) >= LENGTH:
                break
    for word in words:
        if LENGTH < len(word) <= LENGTH + 6:
            yield word[:LENGTH]
            yield word[-LENGTH:]


def with_checks(payload: str) -> str:
    """``payload`` (characters of :data:`ALPHABET`, 20 at most) with the two that :func:`is_checked` wants behind it."""
    checks = _checks([_SYMBOL[character] for character in payload])
    return payload + "".join(ALPHABET[symbol] for symbol in checks)


def is_checked(text: str) -> bool:
    """Whether ``text`` is of :data:`ALPHABET` and its last two characters fit the others."""
    symbols = [_SYMBOL.get(character, -1) for character in text]
    return -1 not in symbols and _syndromes(symbols) == (0, 0)


def _checks(payload: list[int]) -> tuple[int, int]:
    """The two symbols that make both syndromes zero. With ``n`` symbols before them, ``a + b = p`` and
    ``(n + 1)a + (n + 2)b = q``: ``b = q - (n + 1)p``."""
    p = -sum(payload) % _BASE
    q = -sum(weight * symbol for weight, symbol in enumerate(payload, start=1)) % _BASE
    b = (q - (len(payload) + 1) * p) % _BASE
    return (p - b) % _BASE, b


def _syndromes(symbols: list[int]) -> tuple[int, int]:
    weighted = sum(weight * symbol for weight, symbol in enumerate(symbols, start=1))
    return sum(symbols) % _BASE, weighted % _BASE
