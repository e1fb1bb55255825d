"""Elements of an answer in Explicit VR Little Endian, one function for each kind of value (PS3.5 6.2).

Identifiers are whole or refused, because a cut identifier is another one; descriptions are cut to what they hold.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata

from ris_core.errors import InvalidValue
from ris_core.worklist.answer import Code, OtherPatientId


def tag(number: int, representation: str) -> bytes:
    return (number >> 16).to_bytes(2, "little") + (number & 0xFFFF).to_bytes(2, "little") + representation.encode()


UNDEFINED = b"\xff\xff\xff\xff"
ITEM = b"\xfe\xff\x00\xe0" + UNDEFINED
ITEM_END = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"


def plain(tag: bytes, raw: bytes, padding: bytes = b" ") -> bytes:
    if len(raw) & 1:
        raw += padding
    return tag + len(raw).to_bytes(2, "little") + raw


def text_element(head: bytes, value: bytes) -> bytes:
    """An element of text: ``head`` is its tag with its representation, ``value`` gets its length and its padding."""
    return plain(head, value)


def sequence_start(number: int) -> bytes:
    return tag(number, "SQ") + b"\x00\x00" + UNDEFINED


def empty_sequence(number: int) -> bytes:
    return tag(number, "SQ") + b"\x00\x00\x00\x00\x00\x00"


_BETWEEN_VALUES = re.compile(r"[\r\n;]+")
_LINE_BREAKS = {10: 10, 13: 13}
_CONTROLS: dict[int, str | int] = dict.fromkeys((*range(32), *range(127, 160), ord("\\")), " ")
_CONTROLS_OF_LONG_TEXT = _CONTROLS | _LINE_BREAKS


def text(tag: bytes, value: str, limit: int) -> bytes:
    """A description: cut to ``limit`` characters; control characters and backslash become spaces."""
    if not value:
        return tag + b"\0\0"
    if not value.isascii() and not unicodedata.is_normalized("NFC", value):
        value = unicodedata.normalize("NFC", value)
    if "\\" in value or not value.isprintable():
        value = value.translate(_CONTROLS)
    return plain(tag, value.strip()[:limit].rstrip().encode())


def texts(tag: bytes, value: str, limit: int) -> bytes:
    """A text of several values (LO, 1-n): what is longer than ``limit`` goes on in the next value, at a word's end.

    An allergy that is cut off would be an allergy that nobody is told of.
    """
    if not value:
        return tag + b"\0\0"
    parts: list[str] = []
    for said in _BETWEEN_VALUES.split(unicodedata.normalize("NFC", value)):
        parts.extend(textwrap.wrap(said.translate(_CONTROLS).strip(), limit))
    return plain(tag, "\\".join(parts).encode())


def person_name(tag: bytes, value: str) -> bytes:
    """PN: at most three groups between ``=``, without blanks around them and without empty ones at the end."""
    if "=" in value:
        value = "=".join(group.strip() for group in value.translate(_CONTROLS).split("=")[:3]).rstrip("=")
    return text(tag, value, 64)


def long_text(tag: bytes, value: str) -> bytes:
    """LT: up to 10,240 characters, lines kept; here the backslash is a character like any other."""
    if not value:
        return tag + b"\0\0"
    text = unicodedata.normalize("NFC", value).replace("\\", "\ufdd0").translate(_CONTROLS_OF_LONG_TEXT)
    return plain(tag, text.replace("\ufdd0", "\\").strip()[:10240].rstrip().encode())


def identifier(tag: bytes, value: str, limit: int, keyword: str) -> bytes:
    """An identifying value, whole or refused.

    :raises InvalidValue: when it is too long or has a control character or a backslash
    """
    if not value:
        return tag + b"\0\0"
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    if len(value) > limit or "\\" in value or not value.isprintable() or value != value.strip():
        raise InvalidValue(f"{keyword} must have at most {limit} printable characters, no backslash", field=keyword)
    return plain(tag, value.encode())


def digits(tag: bytes, value: str, lengths: tuple[int, ...], keyword: str) -> bytes:
    if not value:
        return tag + b"\0\0"
    if len(value) not in lengths or not (value.isascii() and value.isdigit()):
        raise InvalidValue(f"{keyword} must have {' or '.join(map(str, lengths))} digits", field=keyword)
    return plain(tag, value.encode())


def code_string(tag: bytes, value: str, keyword: str) -> bytes:
    if not value:
        return tag + b"\0\0"
    if len(value) > 16 or not value.isascii() or not value.replace("_", "").replace(" ", "").isalnum():
        raise InvalidValue(f"{keyword} must be a code string of at most 16 characters", field=keyword)
    return plain(tag, value.upper().encode())


def decimal(tag: bytes, value: str, keyword: str) -> bytes:
    if not value:
        return tag + b"\0\0"
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0 < number < 1000 or len(value) > 16 or not value.isascii():
        raise InvalidValue(f"{keyword} must be a positive decimal number", field=keyword)
    return plain(tag, value.strip().encode())


_CODE_VALUE, _CODE_SCHEME, _CODE_MEANING = tag(0x00080100, "SH"), tag(0x00080102, "SH"), tag(0x00080104, "LO")


def codes(number: int, codes: tuple[Code, ...]) -> bytes:
    if not codes:
        return empty_sequence(number)
    items = b"".join(
        ITEM
        # a code of the hospital may be longer than SH: then the meaning alone tells it, a cut code would be another one
        + text(_CODE_VALUE, code.value if len(code.value) <= 16 else "", 16)
        + text(_CODE_SCHEME, code.scheme, 16)
        + text(_CODE_MEANING, code.meaning, 64)
        + ITEM_END
        for code in codes
    )
    return sequence_start(number) + items + SEQUENCE_END


_OTHER_ID, _OTHER_ISSUER, _OTHER_KIND = tag(0x00100020, "LO"), tag(0x00100021, "LO"), tag(0x00100022, "CS")


def other_ids(others: tuple[OtherPatientId, ...]) -> bytes:
    if not others:
        return b""
    items = b"".join(
        ITEM
        + identifier(_OTHER_ID, other.value, 64, "OtherPatientIDsSequence")
        + text(_OTHER_ISSUER, other.issuer, 64)
        + text(_OTHER_KIND, other.kind, 16)
        + ITEM_END
        for other in others
    )
    return sequence_start(0x00101002) + items + SEQUENCE_END


def fitting(value: str) -> str:
    """An order number if LO can hold it, else nothing: the accession number tells the request anyway."""
    return value if len(value) <= 64 and "\\" not in value else ""
