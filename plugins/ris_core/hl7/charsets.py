"""Character sets of HL7 v2 messages: MSH-18, HL7 table 0211.

What a sender declares is often not what it sends; what is done then is written at :func:`decode`. The raw bytes are
always kept beside the text, so that nothing is lost by a wrong guess.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ris_core.errors import InvalidValue

_CODECS: dict[str, str] = {
    "ASCII": "ascii",
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_2",
    "ISO IR100": "iso8859_1",
    "ISO IR192": "utf-8",
    **{
        f"ISO IR{number}": codec
        for number, codec in {
            13: "shift_jis",
            58: "gb18030",
            101: "iso8859_2",
            109: "iso8859_3",
            110: "iso8859_4",
            126: "iso8859_7",
            127: "iso8859_6",
            138: "iso8859_8",
            144: "iso8859_5",
            148: "iso8859_9",
            149: "euc_kr",
            166: "tis_620",
        }.items()
    },
    "GB 18030-2000": "gb18030",
    "GB 18030": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "CNS 11643-1992": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "WINDOWS-1258": "cp1258",
    "CP1258": "cp1258",
    "WINDOWS-1252": "cp1252",
    **{f"8859/{part}": f"iso8859_{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
    **{f"ISO8859-{part}": f"iso8859_{part}" for part in (1, 2, 5, 7, 9, 15)},
}
"""HL7 table 0211 and the names that senders write instead."""

CODECS = tuple(sorted(set(_CODECS.values())))
"""Python's names of the character sets that messages may have."""

_REGISTERED = re.compile(r"ISO[ -]?IR[ -]?(\d+)")
"""As DICOM and senders write it: ``ISO_IR 192``."""

_WIDE = {"UNICODE UTF-16": "utf-16", "UNICODE UTF-32": "utf-32"}
"""Refused: MLLP's block characters cannot be told from text in them."""

_SINGLE_BYTE = ("ascii", "cp1252", "cp1258")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message's text and how it was read."""

    text: str
    codec: str
    """Python's name of the character set that was used."""
    as_declared: bool
    """Whether it is the one that MSH-18 names (or the configured one when it names none)."""


def codec_of(name: str) -> str | None:
    """Python's codec for a name in MSH-18; none when we do not know it.

    :raises InvalidValue: for UTF-16 and UTF-32, which cannot be carried in MLLP
    """
    wanted = " ".join(name.upper().replace("_", "-").split())
    if found := _REGISTERED.fullmatch(wanted):
        wanted = f"ISO IR{found[1]}"
    if wanted in _WIDE:
        raise InvalidValue(f"{name} cannot be sent over MLLP; send UNICODE UTF-8", field="MSH-18")
    return _CODECS.get(wanted) or _CODECS.get(wanted.replace("ISO-8859", "ISO8859"))


def declared_set(repetitions: list[str]) -> str:
    """Which of the sets in MSH-18 tells how to read the message.

    The first; but one with escape sequences (ISO 2022) reads the others too, wherever it stands (HL7 2.5.1 §2.15.9.18).
    """
    for name in repetitions:
        if (_codec_or_none(name) or "").startswith("iso2022"):
            return name
    return repetitions[0]


def _codec_or_none(name: str) -> str | None:
    try:
        return codec_of(name)
    except InvalidValue:
        return None


def decode(raw: bytes, declared: str, undeclared: str = "utf-8") -> Decoded:
    """``raw`` as text, composed (NFC).

    The declared set is used when the bytes are valid in it, with one exception: bytes beyond ASCII that are valid
    UTF-8 under a declared single-byte set (or none) are read as UTF-8, the commonest mistake there is. Bytes that
    are not valid in the declared set are read as UTF-8, else as windows-1258 (Vietnamese), else as ISO 8859-1, which
    takes every byte.

    :param declared: MSH-18, first repetition; empty when the message names none
    :param undeclared: Python's codec for a message that names none
    :raises InvalidValue: for a set that cannot be carried in MLLP
    """
    codec = codec_of(declared) if declared else undeclared
    if raw.isascii() and (codec is None or not codec.startswith("iso2022")):
        return Decoded(raw.decode("ascii"), codec or "ascii", codec is not None)
    candidates = ["utf-8", codec] if _single_byte(codec) else [codec, "utf-8"]
    for candidate in (*candidates, "cp1258", "iso8859_1"):
        if candidate is None:
            continue
        try:
            text = raw.decode(candidate)
        except UnicodeDecodeError:
            continue
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
        return Decoded(text, candidate, candidate == codec)
    raise AssertionError("ISO 8859-1 decodes every byte")


def encode(text: str, codec: str) -> bytes | None:
    """``text`` in ``codec``; none when it cannot be written there (windows-1258 takes composed Vietnamese apart)."""
    try:
        return (_for_cp1258(text) if codec == "cp1258" else text).encode(codec)
    except UnicodeEncodeError:
        return None


def _single_byte(codec: str | None) -> bool:
    return codec is None or codec in _SINGLE_BYTE or codec.startswith("iso8859")


_CP1258_MARKS = "\u0300\u0301\u0303\u0309\u0323"


def _for_cp1258(text: str) -> str:
    """Vietnamese as windows-1258 has it: letters with their shape composed, the tone as a mark after them."""
    if text.isascii():
        return text
    pieces = []
    for character in text:
        tones = [mark for mark in unicodedata.normalize("NFD", character) if mark in _CP1258_MARKS]
        try:
            character.encode("cp1258")
        except UnicodeEncodeError:
            shape = [c for c in unicodedata.normalize("NFD", character) if c not in _CP1258_MARKS]
            character = unicodedata.normalize("NFC", "".join(shape)) + "".join(tones)
        pieces.append(character)
    return "".join(pieces)
