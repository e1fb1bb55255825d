"""Names of persons and their folded forms, for search and for devices that cannot write Vietnamese."""

from __future__ import annotations

import re
import unicodedata

_SPACES = re.compile(r"[\s^=,;]+")


def unaccented(text: str) -> str:
    """``text`` in plain Latin letters: ``Nguyễn Thị Đào`` becomes ``Nguyen Thi Dao``."""
    decomposed = unicodedata.normalize("NFD", text)
    stripped = "".join(c for c in decomposed if not unicodedata.combining(c))
    return stripped.replace("đ", "d").replace("Đ", "D")


def folded(text: str) -> str:
    """The form in which text is searched: unaccented, lower case, one space between words."""
    return _SPACES.sub(" ", unaccented(text).casefold()).strip()


def folded_words(text: str) -> tuple[str, ...]:
    """The folded words of a name in alphabetical order, so that names compare in any order."""
    return tuple(sorted(folded(text).split()))


def dicom_person_name(family: str, given: str, middle: str = "", prefix: str = "", suffix: str = "") -> str:
    """A PN value (PS3.5 6.2.1.1) of the alphabetic group: family^given^middle^prefix^suffix, trailing carets off."""
    parts = [re.sub(r"[\^=\\\x00-\x1f]", " ", part).strip() for part in (family, given, middle, prefix, suffix)]
    return "^".join(parts).rstrip("^")


def display_name(person_name: str) -> str:
    """How a PN is shown: components of the first group in their order, with spaces."""
    return " ".join(part for part in person_name.split("=")[0].split("^") if part).strip()
