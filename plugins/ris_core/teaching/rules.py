"""What a teaching case is made of. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Final

from ris_core.names import folded


class Category(StrEnum):
    """As radiological societies sort their cases."""

    BREAST = "BREAST"
    CARDIAC = "CARDIAC"
    CHEST = "CHEST"
    EMERGENCY = "EMERGENCY"
    GASTROINTESTINAL = "GASTROINTESTINAL"
    GENITOURINARY = "GENITOURINARY"
    HEAD_AND_NECK = "HEAD_AND_NECK"
    INTERVENTIONAL = "INTERVENTIONAL"
    MUSCULOSKELETAL = "MUSCULOSKELETAL"
    NEURORADIOLOGY = "NEURORADIOLOGY"
    NUCLEAR = "NUCLEAR"
    OBSTETRICS = "OBSTETRICS"
    PAEDIATRIC = "PAEDIATRIC"
    VASCULAR = "VASCULAR"
    OTHER = "OTHER"


MOST_TAGS: Final = 12
LONGEST: Final = {"title": 160, "body_part": 64, "tags": 400}
LONGEST_TEXT: Final = 20_000
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Notes:
    """What people have written, composed (NFC) and without control characters."""

    title: str
    history: str = ""
    findings: str = ""
    diagnosis: str = ""
    discussion: str = ""
    category: str = Category.OTHER.value
    body_part: str = ""
    modality: str = ""
    tags: str = ""
    """Words between commas, each once."""

    @classmethod
    def of(cls, entered: dict[str, str]) -> Notes:
        """Of a form; fields that are no notes are left out."""
        values = {each.name: _clean(entered.get(each.name, "")) for each in fields(cls)}
        tags = [" ".join(tag.split()) for tag in values["tags"].split(",")]
        values["tags"] = ", ".join(list(dict.fromkeys(tag for tag in tags if tag)))
        values["title"] = " ".join(values["title"].split())
        return cls(**values)

    def tag_list(self) -> list[str]:
        return [tag for tag in self.tags.split(", ") if tag]

    def problems(self) -> dict[str, str]:
        """Field → what is wrong with it: ``missing``, ``long`` or ``unknown``."""
        found = {}
        for name in ("title", "diagnosis"):
            if not getattr(self, name):
                found[name] = "missing"
        for name, value in asdict(self).items():
            if len(value) > LONGEST.get(name, LONGEST_TEXT):
                found[name] = "long"
        if len(self.tag_list()) > MOST_TAGS:
            found["tags"] = "long"
        if self.category not in set(Category):
            found["category"] = "unknown"
        if not re.fullmatch(r"[A-Z]{0,16}", self.modality):
            found["modality"] = "unknown"
        return found

    def search_text(self) -> str:
        """What the list searches: folded."""
        return folded(" ".join(asdict(self).values()))


def spread(count: int, most: int) -> list[int]:
    """Places of ``most`` of ``count`` things at even distances; all of them when they are no more."""
    if count <= most:
        return list(range(count))
    return [place * count // most for place in range(most)]


def _clean(text: str) -> str:
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub(" ", lines).strip()
