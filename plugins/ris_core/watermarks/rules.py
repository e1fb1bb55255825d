"""Which words can be drawn, and how they are divided into lines. Pure."""

from __future__ import annotations

import math
import textwrap
from functools import lru_cache
from typing import Final

from ris_core.errors import InvalidValue

MOST_CHARACTERS: Final = 280
LINES_APART: Final = " · "
"""Between the parts of a mark; each stands on a line of its own where it is drawn."""
LONGEST_LINE: Final = 40
_MOST_LINES: Final = 8


def lines_of(mark: str) -> tuple[str, ...]:
    """The mark's lines.

    :raises InvalidValue: it is empty, too long, of too many lines, or holds what cannot be drawn
    """
    if not mark.strip() or len(mark) > MOST_CHARACTERS:
        raise InvalidValue(f"a watermark has 1 to {MOST_CHARACTERS} characters", field="watermark")
    if not mark.isprintable():
        raise InvalidValue("a watermark has characters that cannot be drawn", field="watermark")
    lines = tuple(line for part in mark.split(LINES_APART) for line in _wrapped(part))
    if not 1 <= len(lines) <= _MOST_LINES:
        raise InvalidValue(f"a watermark has 1 to {_MOST_LINES} lines", field="watermark")
    return lines


@lru_cache(maxsize=64)
def _wrapped(part: str) -> tuple[str, ...]:
    """As few lines as can be, and those about as long as each other: what is drawn covers less, names stay whole."""
    fewest = textwrap.wrap(part, LONGEST_LINE)
    if len(fewest) > 1:
        shortest = max(math.ceil(len(part) / len(fewest)), *(len(word) for word in part.split()))
        for width in range(shortest, LONGEST_LINE):
            lines = textwrap.wrap(part, width)
            if len(lines) == len(fewest):
                return tuple(lines)
    return tuple(fewest)
