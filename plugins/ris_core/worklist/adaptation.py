"""A worklist answer in the form that one device can read: another character set, no accents, a shorter name.

Answers are kept in UTF-8, encoded when the order was written. For a device that cannot read them the texts are
rewritten in place; sequences are of undefined length, so nothing else changes. What was rewritten is remembered, for
devices ask again and again.
"""

from __future__ import annotations

from functools import lru_cache

from ris_core.devices.character_sets import UNICODE, encoded_in, name_written_in, written_in
from ris_core.devices.returned_names import fitting_name
from ris_core.devices.rules import RegisteredDevice
from ris_core.worklist.elements import text_element
from ris_core.worklist.encoding import FILE_META

_PATIENT_NAME = b"\x10\x00\x10\x00"
_PADDED_WITH_SPACES = frozenset((b"SH", b"LO", b"PN", b"LT", b"ST"))
_CHARACTER_SET = b"\x08\x00\x05\x00CS"


def told_to(answer: bytes, device: RegisteredDevice) -> bytes:
    """``answer`` as ``device`` can read it."""
    character_set, longest = device.written_set, device.quirks.max_name_length
    if character_set == UNICODE and longest is None:
        return answer
    return _rewritten(answer, character_set, longest)


@lru_cache(maxsize=2048)
def _rewritten(answer: bytes, character_set: str, longest: int | None) -> bytes:
    parts = [FILE_META, text_element(_CHARACTER_SET, character_set.encode())]
    position = unchanged = len(FILE_META) + _element_end(answer, len(FILE_META))
    end = len(answer)
    while position < end:
        representation = answer[position + 4 : position + 6]
        if representation == b"SQ":
            position += 12
            continue
        if answer[position : position + 2] == b"\xfe\xff":
            position += 8
            continue
        length = answer[position + 6] | answer[position + 7] << 8
        value_at = position + 8
        position = value_at + length
        if representation not in _PADDED_WITH_SPACES:
            continue
        value = answer[value_at:position]
        is_name = longest is not None and answer[value_at - 8 : value_at - 4] == _PATIENT_NAME
        if value.isascii() and not is_name:
            continue
        written = name_written_in if representation == b"PN" else written_in
        text = written(value.decode().rstrip(" "), character_set)
        if is_name:
            text = fitting_name(text, longest)
        parts.append(answer[unchanged : value_at - 8])
        parts.append(text_element(answer[value_at - 8 : value_at - 2], encoded_in(text, character_set)))
        unchanged = position
    parts.append(answer[unchanged:])
    return b"".join(parts)


def _element_end(answer: bytes, position: int) -> int:
    """The length of the short element at ``position``, its head included."""
    return 8 + (answer[position + 6] | answer[position + 7] << 8)
