"""Descriptions word by word: what is known to say nothing of anybody stays, everything else goes."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from ris_core.deidentification.subjects import Subjects
from ris_core.names import folded

_WORDS: Final = Path(__file__).with_name("words.txt")
_PIECE: Final = re.compile(r"[^\W_]+(?:[.,]\d+)?(?:mm|cm)?")
_TECHNICAL: Final = re.compile(r"[tb]\d{1,4}w?|\d{1,2}d|\d{1,2}(?:[.,]\d{1,2})?(?:mm|cm)|[cltsd]\d{1,2}", re.ASCII)
"""T1, T2w, b1000, 3D, 1.25mm, L5."""


def cleaned_text(text: str, subjects: Subjects, further_words: frozenset[str]) -> str:
    """The words of ``text`` that may stay, as they were written, with spaces between them.

    Numbers do not stay: telephone and record numbers are written in any way. Words are compared with their accents:
    unaccented, half of the words for parts of the body are somebody's name.
    """
    pieces = _PIECE.findall(unicodedata.normalize("NFC", text))
    return " ".join(piece for piece in pieces if _may_stay(piece.casefold(), further_words, subjects))


def _may_stay(word: str, further: frozenset[str], subjects: Subjects) -> bool:
    known = word in _known() or word in further or _TECHNICAL.fullmatch(word) is not None
    return known and not subjects.is_named_by(folded(word))


@cache
def _known() -> frozenset[str]:
    return frozenset(_WORDS.read_text(encoding="utf-8").split())
