"""Palettes and look-up tables: as many entries as their descriptor declares, none behind them (PS3.3 C.7.9, C.11)."""

from __future__ import annotations

import struct
from typing import Any, Final

from pydicom.dataset import Dataset

_DESCRIPTORS: Final = {
    0x00281201: 0x00281101, 0x00281202: 0x00281102, 0x00281203: 0x00281103, 0x00281204: 0x00281104,
    0x00281221: 0x00281101, 0x00281222: 0x00281102, 0x00281223: 0x00281103, 0x00283006: 0x00283002,
}  # fmt: skip
"""Tag of a table → of its descriptor."""
_SEGMENTED: Final = frozenset({0x00281221, 0x00281222, 0x00281223})
_DISCRETE, _LINEAR = 0, 1
_WORD: Final = 2


def declared_table(source: Dataset, tag: int, value: Any) -> Any:
    """``value`` cut to what is declared; of what is no table, as it is.

    :raises ValueError: there is no telling how much of it is the table
    """
    if tag not in _DESCRIPTORS:
        return value
    descriptor = source.get(_DESCRIPTORS[tag])
    if descriptor is None or len(descriptor.value) != 3:
        raise ValueError("a table without a descriptor")
    entries, bits = int(descriptor.value[0]) or 65536, int(descriptor.value[2])
    if not isinstance(value, bytes):
        return value if isinstance(value, int) else list(value)[:entries]
    if tag in _SEGMENTED:
        return value[: _end_of_segments(value, entries)]
    packed = entries + (entries & 1)
    if bits <= 8 and len(value) != entries * _WORD and len(value) > packed:
        raise ValueError("a table of bytes or of words: its length fits neither")
    return value[: entries * _WORD]


def _end_of_segments(value: bytes, entries: int) -> int:
    """Where so many entries have been described (C.7.9.2).

    :raises ValueError: nowhere, or they are described by what came before, which may be any of it
    """
    at = there = 0
    while there < entries:
        if at + 2 * _WORD > len(value):
            raise ValueError("segments that end within the table")
        kind, length = struct.unpack_from("<HH", value, at)
        if kind == _DISCRETE:
            at += (2 + length) * _WORD
        elif kind == _LINEAR:
            at += 3 * _WORD
        else:
            raise ValueError("segments of segments, or of no kind")
        there += length
    return at
