"""Attribute matching of the Modality Worklist (PS3.4 C.2.2.2 and K.6.1.2), on plain text values.

A key matches by its value representation: single value, wildcard, range, list, sequence; an empty key matches all
(universal matching). Person names match without regard to case, accents and composition of characters, as C.2.2.2.1
allows; everything else exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from ris_core.errors import InvalidValue
from ris_core.names import folded

Tag: TypeAlias = int
"""Group and element as one number: 0x00100010."""

SCHEDULED_PROCEDURE_STEP_SEQUENCE = 0x00400100
SCHEDULED_STATION_AE_TITLE = 0x00400001
SCHEDULED_PROCEDURE_STEP_START_DATE = 0x00400002
SCHEDULED_PROCEDURE_STEP_START_TIME = 0x00400003
MODALITY = 0x00080060
ACCESSION_NUMBER = 0x00080050
PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
STUDY_INSTANCE_UID = 0x0020000D
REQUESTED_PROCEDURE_ID = 0x00401001

_WILDCARD_REPRESENTATIONS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""C.2.2.2.4: the representations in which ``*`` and ``?`` are wildcards."""
_MATCHED_REPRESENTATIONS = _WILDCARD_REPRESENTATIONS | {"DA", "TM", "UI", "SQ"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a query: its value representation and value, or the keys of a sequence's item."""

    representation: str
    value: str = ""
    item: Mapping[Tag, Key] = field(default_factory=dict)

    @property
    def is_universal(self) -> bool:
        """Whether everything matches: no value, only ``*``, no item with a key that is not universal, or a
        representation that cannot be matched (an unsupported key is one to return only, C.2.2.1.3)."""
        if self.representation == "SQ":
            return all(key.is_universal for key in self.item.values())
        return self.representation not in _MATCHED_REPRESENTATIONS or not self.value.strip("* ")


Keys: TypeAlias = Mapping[Tag, Key]
Value: TypeAlias = "str | Sequence[Mapping[Tag, Value]]"
Attributes: TypeAlias = Mapping[Tag, Value]
"""An answer's attributes: text, several values separated by a backslash; of a sequence its items."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Digits from ``lowest`` to ``highest``, both included; an empty end is open."""

    lowest: str
    highest: str

    @property
    def is_single(self) -> bool:
        return self.lowest == self.highest


def date_interval(value: str) -> Interval:
    """The dates that a DA key matches: ``YYYYMMDD`` or a range of them (also in the old form ``YYYY.MM.DD``).

    :raises InvalidValue: when it is neither
    """
    lowest, highest = _ends(value.replace(".", ""))
    for end in (lowest, highest):
        if end and not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", end, re.ASCII):
            raise InvalidValue("a date key must be YYYYMMDD or a range of such", field="DA")
    return Interval(lowest, highest)


def time_interval(value: str) -> Interval:
    """The times to the second that a TM key matches: ``HH[MM[SS[.F]]]`` or a range of them (old form ``HH:MM:SS``).

    What is not given is any: ``08`` as a single value or at the upper end reaches to 08:59:59.

    :raises InvalidValue: when it is neither
    """
    lowest, highest = _ends(value.replace(":", ""))
    for end in (lowest, highest):
        if end and not re.fullmatch(r"([01]\d|2[0-3])([0-5]\d([0-5]\d|60)?)?(\.\d{1,6})?", end, re.ASCII):
            raise InvalidValue("a time key must be HH, HHMM, HHMMSS or a range of such", field="TM")
    lowest, highest = lowest.partition(".")[0], highest.partition(".")[0]
    return Interval(
        lowest + "000000"[len(lowest) :] if lowest else "", highest + "235959"[len(highest) :] if highest else ""
    )


def _ends(value: str) -> tuple[str, str]:
    lowest, dash, highest = (part.strip() for part in value.partition("-"))
    return (lowest, highest) if dash else (lowest, lowest)


def is_range(key: Key) -> bool:
    """Whether a date or time key asks for range matching."""
    return "-" in key.value


def is_pattern(key: Key) -> bool:
    """Whether the key asks for wildcard matching."""
    return key.representation in _WILDCARD_REPRESENTATIONS and ("*" in key.value or "?" in key.value)


def normal_form(value: str, representation: str) -> str:
    """The form in which values of a representation are compared, of keys as of attributes."""
    if representation == "PN":
        return folded(value)
    return value.strip() if value.isascii() else unicodedata.normalize("NFC", value).strip()


def matches(keys: Keys, attributes: Attributes) -> bool:
    """Whether the attributes satisfy every key.

    :raises InvalidValue: when a date or time key is malformed
    """
    date, time = keys.get(SCHEDULED_PROCEDURE_STEP_START_DATE), keys.get(SCHEDULED_PROCEDURE_STEP_START_TIME)
    combined = bool(date and time and not date.is_universal and not time.is_universal) and (
        is_range(date) and is_range(time)  # type: ignore[arg-type]
    )
    for tag, key in keys.items():
        if key.is_universal:
            continue
        if combined and tag in (SCHEDULED_PROCEDURE_STEP_START_DATE, SCHEDULED_PROCEDURE_STEP_START_TIME):
            continue
        if not _matches_one(key, attributes.get(tag, "")):
            return False
    return not combined or _in_combined_range(date, time, attributes)  # type: ignore[arg-type]


def combined_range(date: Key, time: Key) -> Interval:
    """The moments ``YYYYMMDDHHMMSS`` between the lower date at the lower time and the upper date at the upper time.

    Table K.6-1: with both keys as ranges, July 5 to 7 and 10am to 6pm is one period, from July 5, 10am.
    """
    dates, times = date_interval(date.value), time_interval(time.value)
    return Interval(
        dates.lowest + (times.lowest or "000000") if dates.lowest else "",
        dates.highest + (times.highest or "235959") if dates.highest else "",
    )


def _in_combined_range(date: Key, time: Key, attributes: Attributes) -> bool:
    start_date = str(attributes.get(SCHEDULED_PROCEDURE_STEP_START_DATE, ""))
    start_time = str(attributes.get(SCHEDULED_PROCEDURE_STEP_START_TIME, ""))
    if not start_date:
        return False
    return _within(combined_range(date, time), start_date + (start_time + "000000")[:6])


def _matches_one(key: Key, value: Value) -> bool:
    if key.representation == "SQ":
        return not isinstance(value, str) and any(matches(key.item, item) for item in value)
    if not isinstance(value, str):
        return False
    if key.representation == "DA":
        return bool(value) and _within(date_interval(key.value), value)
    if key.representation == "TM":
        return bool(value) and _within(time_interval(key.value), (value.partition(".")[0] + "000000")[:6])
    values = [normal_form(single, key.representation) for single in value.split("\\")]
    if is_pattern(key):
        wanted_form = normal_form(key.value, key.representation)
        pattern = wildcard_expression(wanted_form)
        # a trailing caret of a name says nothing: ``NGUYEN^*`` is also the name that is only NGUYEN
        ending = " " if wanted_form.endswith(" *") else ""
        return any(pattern.fullmatch(single) or pattern.fullmatch(single + ending) for single in values)
    wanted = {normal_form(single, key.representation) for single in key.value.split("\\")}
    return not wanted.isdisjoint(values)


def _within(interval: Interval, value: str) -> bool:
    return (not interval.lowest or interval.lowest <= value) and (not interval.highest or value <= interval.highest)


@lru_cache(maxsize=256)
def wildcard_expression(pattern: str) -> re.Pattern[str]:
    """C.2.2.2.4: ``*`` is any characters or none, ``?`` any one; runs of ``*`` count as one."""
    parts = re.split(r"(\*+|\?)", pattern)
    return re.compile(
        "".join(".*" if part.startswith("*") else "." if part == "?" else re.escape(part) for part in parts), re.DOTALL
    )
