"""Which words can be drawn, and how they are divided into lines. Pure."""

from __future__ import annotations

import textwrap
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
    lines = tuple(line for part in mark.split(LINES_APART) for line in textwrap.wrap(part, LONGEST_LINE))
    if not 1 <= len(lines) <= _MOST_LINES:
        raise InvalidValue(f"a watermark has 1 to {_MOST_LINES} lines", field="watermark")
    return lines
