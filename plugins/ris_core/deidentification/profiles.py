"""What is done to which attribute: table E.1-1 of PS3.15 (Basic Application Level Confidentiality Profile), as data,
and the options of annex E.3 that we have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

_TABLE: Final = Path(__file__).with_name("table_e_1_1.tsv")


class Action(StrEnum):
    """Of the action codes of PS3.15 table E.1-1a, the strongest that an attribute's type may ask for: ``X/Z/D`` is
    ``D``, so that what must be there stays there, with nothing in it."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    REPLACE_UID = "U"
    CLEAN = "C"
    KEEP = "K"


class Option(StrEnum):
    """Named as the columns of ``table_e_1_1.tsv``."""

    CLEAN_DESCRIPTORS = "descriptors"
    """Descriptions are kept word by word, as far as the words say nothing of anybody (E.3.6)."""
    MODIFIED_DATES = "dates"
    """Dates are shifted, all by the same number of days, so that intervals stay (E.3.7)."""
    PATIENT_CHARACTERISTICS = "characteristics"
    """Sex, age (above 89 as 90), size, weight (E.3.8)."""


METHOD_CODES: Final = {
    None: ("113100", "Basic Application Confidentiality Profile"),
    Option.CLEAN_DESCRIPTORS: ("113105", "Clean Descriptors Option"),
    Option.MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Option.PATIENT_CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
}
"""Codes of CID 7050 (PS3.16), scheme DCM; none: what every profile does."""
SAFE_PRIVATE_CODE: Final = ("113111", "Retain Safe Private Option")
CLEAN_GRAPHICS_CODE: Final = ("113103", "Clean Graphics Option")
CLEAN_PIXELS_CODE: Final = ("113101", "Clean Pixel Data Option")


@dataclass(frozen=True, slots=True)
class Profile:
    """Which options apply."""

    options: frozenset[Option] = frozenset({Option.CLEAN_DESCRIPTORS, Option.MODIFIED_DATES})
    words: frozenset[str] = frozenset()
    """In small letters: what descriptions may keep beside ``words.txt``, such as a site's own names of services."""

    def action(self, tag: int) -> Action | None:
        """What the table says of a standard attribute; none: it is not in it."""
        row = _table().get(tag)
        if row is None:
            return None
        basic, options = row
        return next((action for option, action in options if option in self.options), basic)


SAFE_PRIVATE: Final = {
    ("SIEMENS MR HEADER", 0x0019, 0x0C): "IS",
    ("SIEMENS MR HEADER", 0x0019, 0x0D): "CS",
    ("SIEMENS MR HEADER", 0x0019, 0x0E): "FD",
    ("SIEMENS MR HEADER", 0x0019, 0x27): "FD",
    ("Philips Imaging DD 001", 0x2001, 0x03): "FL",
    ("Philips Imaging DD 001", 0x2001, 0x04): "CS",
    ("Philips MR Imaging DD 001", 0x2005, 0xB0): "FL",
    ("Philips MR Imaging DD 001", 0x2005, 0xB1): "FL",
    ("Philips MR Imaging DD 001", 0x2005, 0xB2): "FL",
    ("Philips PET Private Group", 0x7053, 0x00): "DS",
    ("Philips PET Private Group", 0x7053, 0x09): "DS",
    ("GEMS_ACQU_01", 0x0019, 0xBB): "DS",
    ("GEMS_ACQU_01", 0x0019, 0xBC): "DS",
    ("GEMS_ACQU_01", 0x0019, 0xBD): "DS",
    ("GEMS_PARM_01", 0x0043, 0x39): "IS",
}
"""Creator, group and last byte of the element → representation: diffusion weighting and uptake factors, without which
images cannot be measured (from PS3.15 table E.3.10-1). Every other private attribute goes."""


@cache
def _table() -> dict[int, tuple[Action, tuple[tuple[Option, Action], ...]]]:
    found = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines()[1:]:
        tag, _keyword, basic, options = line.split("\t")
        pairs = (option.split(":") for option in options.split())
        found[int(tag, 16)] = (
            Action(basic.rsplit("/", 1)[-1]),
            tuple((Option(name), Action(action)) for name, action in pairs),
        )
    return found
