"""Kinds of patient identifiers (HL7 table 0203), and what the country's own look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MEDICAL_RECORD = "MR"
CITIZEN_CARD = "NI"
"""Căn cước công dân (CCCD): twelve digits (Circular 59/2021/TT-BCA); older cards have nine."""
INSURANCE_CARD = "HC"
"""Thẻ bảo hiểm y tế (BHYT): two letters and thirteen digits; since 2021 the ten digits of the social insurance number
alone identify a person (Decision 1351/QĐ-BHXH)."""
NATIONAL_ISSUER = "VN"


SEALED_KINDS: Final = frozenset({CITIZEN_CARD, INSURANCE_CARD, "PPN", "SS", "DL", "PRC", "NNVNM"})
"""Kinds that are sealed in the database: what identifies a person outside the hospital (passport, social insurance,
driving licence, residence card beside the two)."""


def is_sealed_kind(kind: str) -> bool:
    """Whether numbers of this kind are sealed in the database."""
    return kind in SEALED_KINDS


def looks_national(value: str) -> bool:
    """Whether a number of unknown kind has the form of a CCCD or a BHYT card."""
    return bool(re.fullmatch(r"0\d{11}|[A-Z]{2}\d{13}", value.strip().upper()))


class Oddity(StrEnum):
    """Why an identifier is probably mistyped. It is kept as it came: identity is not refused for its form."""

    CITIZEN_CARD_FORM = "CITIZEN_CARD_FORM"
    CITIZEN_CARD_BIRTH_YEAR = "CITIZEN_CARD_BIRTH_YEAR"
    CITIZEN_CARD_SEX = "CITIZEN_CARD_SEX"
    INSURANCE_CARD_FORM = "INSURANCE_CARD_FORM"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose identifier it is, as far as its digits tell of them."""

    birth_date: str
    sex: str


def oddities(kind: str, value: str, bearer: Bearer) -> tuple[Oddity, ...]:
    """What is odd about an identifier of ``kind``; nothing for kinds whose form is each hospital's own."""
    check = _CHECKS.get(kind)
    return check(value.strip().upper(), bearer) if check else ()


def _citizen_card(value: str, bearer: Bearer) -> tuple[Oddity, ...]:
    if re.fullmatch(r"\d{9}", value):
        return ()
    if not re.fullmatch(r"0\d{11}", value):
        return (Oddity.CITIZEN_CARD_FORM,)
    # digit 4: century and sex (0, 1: 1900s male, female; 2, 3: 2000s …); digits 5 and 6: year of birth
    found = []
    century_and_sex = int(value[3])
    year = 1900 + 100 * (century_and_sex // 2) + int(value[4:6])
    if bearer.birth_date and bearer.birth_date[:4] != str(year):
        found.append(Oddity.CITIZEN_CARD_BIRTH_YEAR)
    if bearer.sex in ("M", "F") and bearer.sex != "MF"[century_and_sex % 2]:
        found.append(Oddity.CITIZEN_CARD_SEX)
    return tuple(found)


def _insurance_card(value: str, _bearer: Bearer) -> tuple[Oddity, ...]:
    return () if re.fullmatch(r"[A-Z]{2}\d{13}|\d{10}", value) else (Oddity.INSURANCE_CARD_FORM,)


_CHECKS: dict[str, Callable[[str, Bearer], tuple[Oddity, ...]]] = {
    CITIZEN_CARD: _citizen_card,
    INSURANCE_CARD: _insurance_card,
}
