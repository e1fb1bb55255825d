"""The character sets that a device may be answered in, and Vietnamese text in each of them.

No single-byte set of DICOM has all Vietnamese letters: what a set lacks is written with the nearest letter it has
(``Ễ`` is ``Ê`` in Latin-1 and ``E`` in ASCII), never with a question mark where a letter is left.
"""

from __future__ import annotations

import re
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
    "ISO 2022 IR 6\\ISO 2022 IR 100": "iso8859_1",
    "ISO 2022 IR 6\\ISO 2022 IR 101": "iso8859_2",
    "ISO 2022 IR 6\\ISO 2022 IR 109": "iso8859_3",
    "ISO 2022 IR 6\\ISO 2022 IR 110": "iso8859_4",
    "ISO 2022 IR 6\\ISO 2022 IR 126": "iso8859_7",
    "ISO 2022 IR 6\\ISO 2022 IR 127": "iso8859_6",
    "ISO 2022 IR 6\\ISO 2022 IR 138": "iso8859_8",
    "ISO 2022 IR 6\\ISO 2022 IR 144": "iso8859_5",
    "ISO 2022 IR 6\\ISO 2022 IR 148": "iso8859_9",
    "ISO 2022 IR 6\\ISO 2022 IR 166": "tis_620",
}
"""Python's codec of each defined term (PS3.3 C.12.1.1.2). A single set with code extensions is the initial one and
needs no escape sequences; the second of two is called by :data:`_DESIGNATIONS`."""

_DESIGNATIONS: Final[dict[str, bytes]] = {
    "ISO 2022 IR 100": b"\x1b-A", "ISO 2022 IR 101": b"\x1b-B", "ISO 2022 IR 109": b"\x1b-C",
    "ISO 2022 IR 110": b"\x1b-D", "ISO 2022 IR 126": b"\x1b-F", "ISO 2022 IR 127": b"\x1b-G",
    "ISO 2022 IR 138": b"\x1b-H", "ISO 2022 IR 144": b"\x1b-L", "ISO 2022 IR 148": b"\x1b-M",
    "ISO 2022 IR 166": b"\x1b-T",
}  # fmt: skip
"""The escape sequence that makes a set of 96 letters G1 (PS3.3 table C.12-3)."""
_UNTIL_A_DELIMITER: Final = re.compile(r"[^\^=\\\r\n\t\f]*[\^=\\\r\n\t\f]?")
"""After a delimiter the initial set holds again (PS3.5 6.1.2.5.3)."""

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


def name_written_in(name: str, character_set: str) -> str:
    """A PN as :func:`written_in`; with code extensions its first group in the initial set, which names nothing by
    escape sequences (PS3.5 6.2.1.2), unless that has no letters for it at all."""
    written = written_in(name, character_set)
    if "\\" not in character_set:
        return written
    first, equals, others = written.partition("=")
    plain = written_in(first, ASCII)
    return plain + equals + others if "?" not in plain else written


def encoded_in(text: str, character_set: str) -> bytes:
    """``text``, which :func:`written_in` has made of letters that the set has, as its bytes.

    With code extensions a part between delimiters begins with the escape sequence of the set before its first letter
    that is not of ASCII (PS3.5 6.1.2.5); the letters are G1, so ASCII between them needs no way back.
    """
    codec = CODECS[character_set]
    _initial, _, extension = character_set.partition("\\")
    if not extension or text.isascii():
        return text.encode(codec, "replace")
    parts: list[bytes] = []
    for part in _UNTIL_A_DELIMITER.findall(text):
        plain = len(part) - len(part.lstrip(_ASCII))
        parts.append(part[:plain].encode("ascii"))
        if plain < len(part):
            parts += (_DESIGNATIONS[extension], part[plain:].encode(codec, "replace"))
    return b"".join(parts)


_ASCII: Final = "".join(map(chr, range(128)))


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
