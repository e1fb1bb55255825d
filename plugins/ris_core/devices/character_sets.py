"""The character sets that a device may be answered in, and Vietnamese text in each of them.

No single-byte set of DICOM has all Vietnamese letters: what a set lacks is written with the nearest letter it has
(``Ễ`` is ``Ê`` in Latin-1 and ``E`` in ASCII), never with a question mark where a letter is left.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

ASCII: Final = "ISO_IR 6"
UNICODE: Final = "ISO_IR 192"

CODECS: Final[dict[str, str]] = {
    UNICODE: "utf-8",
    ASCII: "ascii",
    "ISO_IR 100": "iso8859_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "tis_620",
    "ISO 2022 IR 100": "iso8859_1",
    "ISO 2022 IR 101": "iso8859_2",
    "ISO 2022 IR 109": "iso8859_3",
    "ISO 2022 IR 110": "iso8859_4",
    "ISO 2022 IR 148": "iso8859_9",
    "GB18030": "gb18030",
}
"""Python's codec of each defined term (PS3.3 C.12.1.1.2). With code extensions only the initial set is used, which
needs no escape sequences."""

_NEAREST: Final[dict[str, str]] = {
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "–": "-", "—": "-", "‐": "-", "‘": "'", "’": "'", "“": '"',
    "”": '"', "…": "...",
    "•": "*", "×": "x", "µ": "u", "μ": "u", "°": "o", "₂": "2", "²": "2", "³": "3", "½": "1/2", "\xa0": " ",
}  # fmt: skip


def is_unicode(character_set: str) -> bool:
    """Whether the set has every letter there is."""
    return CODECS[character_set] in ("utf-8", "gb18030")


def written_in(text: str, character_set: str) -> str:
    """``text`` with the letters that ``character_set`` has; each other one replaced by its nearest, else by ``?``."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    codec = CODECS[character_set]
    if is_unicode(character_set):
        return text
    return "".join(c if c.isascii() else _nearest(c, codec) for c in text)


@lru_cache(maxsize=4096)
def _nearest(character: str, codec: str) -> str:
    """Marks are taken off one by one, the outermost first, until the set has the letter."""
    decomposed = unicodedata.normalize("NFD", character)
    tries = [unicodedata.normalize("NFC", decomposed[:length]) for length in range(len(decomposed), 0, -1)]
    tries.append(_NEAREST.get(decomposed[0], ""))
    tries.append(unicodedata.normalize("NFKC", character))
    return next((known for known in tries if known and _has(codec, known)), "?")


def _has(codec: str, text: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
