"""By which strings the people in a data set would be known: searched for in everything that is kept of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ris_core.names import folded

_WORD: Final = re.compile(r"[^\W_]+")
_NAMING_TAGS: Final = frozenset({
    0x00080050, 0x00100020, 0x00101000, 0x00101001, 0x00101005, 0x00101060, 0x00101040, 0x00101090, 0x00102154,
    0x00102155, 0x00200010, 0x00380010, 0x00380060, 0x00321032, 0x00402016, 0x00402017, 0x00401001, 0x00080080,
    0x00081010,
})  # fmt: skip
"""Identifiers, addresses, telephone numbers, other names; accession and order numbers; institution, station."""
_SHORTEST_WORD: Final = 2
_SHORTEST_NUMBER: Final = 4


@dataclass(frozen=True, slots=True)
class Subjects:
    """Folded words of names and identifiers."""

    words: frozenset[str]

    @classmethod
    def of(cls, dataset: Dataset, further: Iterable[str] = ()) -> Subjects:
        """Of every person and number that the data set names, at any depth, and of ``further`` texts."""
        texts = [*further, *_naming(dataset, depth=0)]
        return cls(frozenset(word for text in texts for word in words_of(text) if len(word) >= _SHORTEST_WORD))

    def is_named_by(self, word: str) -> bool:
        """Whether a folded word is one of theirs, or has one of their longer ones within it."""
        return word in self.words or any(
            own in word for own in self.words if len(own) >= _SHORTEST_NUMBER and not own.isalpha()
        )

    def are_named_in(self, text: str, *, shortest: int = _SHORTEST_WORD) -> bool:
        """:param shortest: words shorter than this tell nothing in such a text"""
        return any(len(word) >= shortest and self.is_named_by(word) for word in words_of(text))


def words_of(text: str) -> list[str]:
    """Folded, without what stands between them."""
    return _WORD.findall(folded(text))


def _naming(dataset: Dataset, depth: int) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ":
            if depth < 16:
                for item in element.value:
                    yield from _naming(item, depth + 1)
        elif element.VR == "PN" or element.tag in _NAMING_TAGS:
            values = element.value if isinstance(element.value, MultiValue) else [element.value]
            yield from (str(value) for value in values if value)
