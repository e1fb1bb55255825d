"""Who a sender means: whether the details of a message agree with a patient that has the same identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ris_core.identifiers import PatientIdentifier
from ris_core.names import folded_words


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientDetails:
    """A patient as a message tells of them; none where it says nothing, empty where it says "delete"."""

    identifiers: tuple[PatientIdentifier, ...]
    """The first is the one that devices are given; at least one."""
    full_name: str
    dicom_name: str
    birth_date: str | None = None
    """``YYYY``, ``YYYYMM`` or ``YYYYMMDD``."""
    sex: str | None = None
    phone: str | None = None
    address: str | None = None
    confirmed: bool = False
    """A person has compared them with the patient who has these identifiers, and says that it is the same person."""


def phone_key(phone: str) -> str:
    """The digits of a telephone number as they are looked for: ``+84 90-123.4567`` is ``0901234567``."""
    digits = re.sub(r"\D", "", phone)
    return "0" + digits[2:] if digits.startswith("84") and len(digits) > 10 else digits


def birth_dates_agree(one: str, other: str) -> bool:
    """Whether two birth dates (``YYYY[MM[DD]]``) can be one person's, as exactly as both are known; one that is not
    known contradicts nothing."""
    return one.startswith(other) or other.startswith(one)


class Contradiction(StrEnum):
    """Why a message cannot be about the patient who has its identifier."""

    NAME_AND_BIRTH_DATE = "another name and another birth date"
    NAME_AND_SEX = "another name and another sex"
    NAME_UNCONFIRMED = "another name, and no whole birth date that confirms the person"
    BIRTH_DATE_AND_SEX = "another birth date and another sex"
    CITIZEN_ID = "another citizen identity number (CCCD)"


def contradiction(
    details: PatientDetails, *, known_name: str, known_birth_date: str, known_sex: str
) -> Contradiction | None:
    """Why ``details`` are another person's than the known one's; none when they may be the same.

    One difference is taken for a correction (a name spelt again, a birth date completed); a different name needs a
    whole birth date that agrees and no other sex, and a different birth date needs the same name and no other sex.
    """
    same_name = _names_agree(details.full_name, known_name)
    dates_agree = _birth_dates_agree(details.birth_date or "", known_birth_date)
    other_sex = {details.sex, known_sex} == {"M", "F"}
    if same_name:
        return Contradiction.BIRTH_DATE_AND_SEX if dates_agree is False and other_sex else None
    if dates_agree is None:
        return Contradiction.NAME_UNCONFIRMED
    if not dates_agree:
        return Contradiction.NAME_AND_BIRTH_DATE
    if other_sex:
        return Contradiction.NAME_AND_SEX
    whole = len(details.birth_date or "") == len(known_birth_date) == 8
    return None if whole else Contradiction.NAME_UNCONFIRMED


@dataclass(frozen=True, slots=True)
class Known:
    """What two records are compared by."""

    birth_date: str
    sex: str
    citizen_ids: frozenset[str]
    """Those in use (kind NI); a person has one, and for a while an old and a new one."""


def merge_contradiction(one: Known, other: Known) -> Contradiction | None:
    """Why two records that shall be merged seem to be two persons'; none when they may be one's.

    Names count for nothing here: a merge is made because somebody was registered under a wrong one.
    """
    if one.citizen_ids and other.citizen_ids and one.citizen_ids.isdisjoint(other.citizen_ids):
        return Contradiction.CITIZEN_ID
    if _birth_dates_agree(one.birth_date, other.birth_date) is False and {one.sex, other.sex} == {"M", "F"}:
        return Contradiction.BIRTH_DATE_AND_SEX
    return None


def _names_agree(one: str, other: str) -> bool:
    """Whether two names have the same words, or one has all words of the other (a middle name left out)."""
    first, second = set(folded_words(one)), set(folded_words(other))
    smaller = min(first, second, key=len)
    return first == second or (len(smaller) > 1 and first | second in (first, second))


def _birth_dates_agree(one: str, other: str) -> bool | None:
    """As far as both are known; none when one is unknown."""
    known = min(len(one), len(other))
    return one[:known] == other[:known] if known else None


def completed_birth_date(known: str, sent: str) -> str:
    """The birth date to keep: a sent one replaces the known one unless it only tells less of the same date."""
    return known if known.startswith(sent) else sent
