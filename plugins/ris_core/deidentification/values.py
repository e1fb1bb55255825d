"""What becomes of one attribute's value: by the table where it is in it, else by its representation (PS3.5 6.2).

Closed by default: a text that nobody has listed is cleaned as a description, a block of bytes that is not a look-up
table goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

from ris_core.deidentification.profiles import Action, Option, Profile
from ris_core.deidentification.pseudonyms import Pseudonyms
from ris_core.deidentification.subjects import Subjects
from ris_core.deidentification.texts import cleaned_text

_TEXT: Final = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_NUMBERS: Final = frozenset({"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_NUMBER_STRINGS: Final = frozenset({"DS", "IS"})
_KEPT_BYTES: Final = frozenset({
    0x00281201, 0x00281202, 0x00281203, 0x00281204, 0x00281221, 0x00281222, 0x00281223, 0x00283006,
})  # fmt: skip
"""Palettes and look-up tables."""
_KEPT_TEXT: Final = frozenset({0x00080070, 0x00081090, 0x00180024, 0x00181210})
"""Manufacturer, model, sequence name, convolution kernel: kept as they stand, unless they name somebody."""
_CODE_MEANING: Final = 0x00080104
_CODE_TEXT: Final = frozenset({0x00080100, 0x00080102, 0x00080103})
_AGE: Final = 0x00101010
_OLDEST: Final = 89
_CODE: Final = re.compile(r"[A-Z0-9 _]{0,16}", re.ASCII)
_CODE_VALUE: Final = re.compile(r"[A-Za-z0-9.+{}/\[\]_-]{1,16}", re.ASCII)
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?\s*", re.ASCII)
_TIME: Final = re.compile(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?", re.ASCII)
_DATE_TIME: Final = re.compile(r"(\d{8})((?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?)", re.ASCII)
_DUMMIES: Final = {"DA": "19000101", "DT": "19000101000000", "TM": "000000", "PN": "ANONYMOUS", "CS": "ANON"}
_LONGEST_WITHIN_CODE: Final = 4
"""Words of codes shorter than this are not compared with names: ``CT`` and ``AX`` are somebody's."""


@dataclass(frozen=True, slots=True)
class Cleaner:
    """What is known while one object is cleaned."""

    profile: Profile
    pseudonyms: Pseudonyms
    subjects: Subjects

    def value(self, element: DataElement) -> Any | None:
        """The value that takes an attribute's place: empty text for an empty one, none when the attribute goes.

        Sequences and private attributes are not asked about here.
        """
        tag = int(element.tag)
        group = tag >> 16
        if group & 0xFF00 in (0x5000, 0x6000) or element.is_private:
            return None
        action = self.profile.action(tag) or _by_representation(tag, element.VR)
        if action is Action.KEEP:
            return self._kept(tag, element)
        if action is Action.CLEAN:
            return self._clean(element)
        if action is Action.REPLACE_UID:
            return _each(element.value, self.pseudonyms.uid)
        if action is Action.DUMMY:
            return _dummy(element)
        return "" if action is Action.EMPTY else None

    def safe_private(self, vr: str, value: Any) -> Any | None:
        """The value of a private attribute that is known to be harmless, when it looks as such values do."""
        form = _CODE if vr == "CS" else _NUMBER
        texts = [str(each) for each in _values(value)]
        fitting = texts and all(form.fullmatch(text) and not self._named(text) for text in texts)
        return value if fitting else None

    def _kept(self, tag: int, element: DataElement) -> Any | None:
        vr = element.VR
        if vr == "AS":
            return _capped_age(str(element.value or ""))
        if vr in _NUMBERS or vr in ("OB", "OW", "OB or OW", "US or SS", "US or OW"):
            return element.value
        texts = [str(value) for value in _values(element.value)]
        if vr in _NUMBER_STRINGS:
            return element.value if all(_NUMBER.fullmatch(each) and not self._named(each) for each in texts) else None
        if vr == "TM":
            return element.value if all(_TIME.fullmatch(each.strip()) for each in texts) else None
        if vr == "CS" and not all(_CODE.fullmatch(each) for each in texts):
            return None
        if tag in _CODE_TEXT and not all(_CODE_VALUE.fullmatch(each) for each in texts):
            return None
        return None if any(self._named(each) for each in texts) else element.value

    def _named(self, text: str) -> bool:
        return self.subjects.are_named_in(text, shortest=_LONGEST_WITHIN_CODE)

    def _clean(self, element: DataElement) -> Any | None:
        if element.VR in ("DA", "DT"):
            return self._shifted(element)
        if element.VR == "TM":
            return self._kept(int(element.tag), element)
        if element.VR not in _TEXT | {"CS"}:
            return None
        texts = [cleaned_text(str(each), self.subjects, self.profile.words) for each in _values(element.value)]
        limit = {"SH": 16, "CS": 16, "LO": 64}.get(element.VR, 1024)
        return [text[:limit].strip() for text in texts] if any(texts) else None

    def _shifted(self, element: DataElement) -> Any | None:
        if Option.MODIFIED_DATES not in self.profile.options:
            return None
        shifted = [self._shift(str(each).strip()) for each in _values(element.value)]
        return [each for each in shifted if each is not None] or ("" if not shifted else None)

    def _shift(self, text: str) -> str | None:
        """A date, or date and time; only where the day is told."""
        form = _DATE_TIME.fullmatch(text.replace(".", "") if re.fullmatch(r"\d{4}\.\d\d\.\d\d", text) else text)
        if form is None:
            return None
        try:
            day: date | None = datetime.strptime(form[1], "%Y%m%d").date()  # noqa: DTZ007 - a date alone
        except ValueError:
            return None
        day = self.pseudonyms.day(day) if day else None
        return f"{day:%Y%m%d}{form[2]}" if day and day.year >= 1000 else None


def _by_representation(tag: int, vr: str) -> Action:
    """Of an attribute that the table does not name."""
    if vr == "UI":
        return Action.REPLACE_UID
    if vr in ("DA", "DT"):
        return Action.CLEAN
    if vr in _TEXT and tag not in _KEPT_TEXT | _CODE_TEXT:
        return Action.CLEAN if vr in ("LO", "SH") else Action.REMOVE
    if vr in _NUMBERS | _NUMBER_STRINGS | _TEXT | {"CS", "TM", "US or SS"}:
        return Action.KEEP
    return Action.KEEP if tag in _KEPT_BYTES else Action.REMOVE


def _dummy(element: DataElement) -> Any | None:
    """What must be there and says nothing."""
    vr = element.VR
    if vr in _DUMMIES:
        return _DUMMIES[vr]
    if vr in _TEXT:
        return "ANONYMOUS"
    return [0] if vr in _NUMBERS else "0" if vr in _NUMBER_STRINGS else None


def _capped_age(text: str) -> str | None:
    if not re.fullmatch(r"\d{3}[DWMY]", text):
        return None
    return "090Y" if text.endswith("Y") and int(text[:3]) > _OLDEST else text


def _each(value: Any, change: Callable[[str], str]) -> Any:
    changed = [change(str(each)) for each in _values(value)]
    return changed or ""


def _values(value: Any) -> Iterable[Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, MultiValue | list | tuple) else [value]
