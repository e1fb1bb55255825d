"""How far two words are apart when people type, and what they may have meant to type.

Pure. One error is a wrong, a missing, an extra or two exchanged neighbouring characters (optimal string alignment).
"""

from __future__ import annotations

from collections.abc import Iterator

_UNREADABLE = "?\ufffd"
"""What devices and converters put for a letter that they cannot write: stands for any one."""


def errors_between(one: str, other: str, most: int = 2) -> int:
    """The number of typing errors between two words; ``most + 1`` when there are more than ``most``."""
    if one == other:
        return 0
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, start=1):
            same = a == b or a in _UNREADABLE or b in _UNREADABLE
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (not same))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, older[j - 2] + 1)
            row.append(best)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def one_error_away(text: str, alphabet: str) -> Iterator[str]:
    """Every other text that is one typing error away from ``text``, over ``alphabet``; some come twice."""
    for at in range(len(text) + 1):
        head, tail = text[:at], text[at:]
        for character in alphabet:
            yield head + character + tail
            if tail and character != tail[0]:
                yield head + character + tail[1:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1 and tail[0] != tail[1]:
            yield head + tail[1] + tail[0] + tail[2:]
