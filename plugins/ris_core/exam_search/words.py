"""Words as they are searched: plain Latin letters and digits; the same on both databases and in what people type."""

from __future__ import annotations

import re
from typing import Final

from ris_core.names import unaccented

LONGEST_WORD: Final = 64
"""Characters of a word that count; nothing that people look for is longer."""

SEPARATORS: Final = r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f]+"
"""What stands between words, as a regular expression of Python and of PostgreSQL alike."""

_BETWEEN = re.compile(SEPARATORS)


def words_of(text: str) -> list[str]:
    """The words of ``text``: ``Nguyễn-Thị ĐÀO`` becomes ``nguyen``, ``thi``, ``dao``."""
    folded = unaccented(text).replace("\0", " ").casefold()
    return [word[:LONGEST_WORD] for word in _BETWEEN.split(folded) if word]
