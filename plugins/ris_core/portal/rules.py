"""Codes of slips, when a patient sees a result, and how many wrong codes are borne: decided without database, clock or
network."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Final, Protocol

from ris_core.matching.keys import ALPHABET, is_checked, with_checks

CODE_PAYLOAD: Final = 10
"""Random characters of a code: 45 bits, beside what else is asked for and the few tries there are."""
CODE_LENGTH: Final = CODE_PAYLOAD + 2
WRONG_TRIES: Final = 5
"""Of one code within :data:`TRIED_WITHIN`."""
TRIED_WITHIN: Final = timedelta(minutes=15)
WRONG_TRIES_A_DAY: Final = 20
"""Of one code within 24 hours: who found a slip would try the birth dates of a year within a day otherwise."""
MOST_DELAY_HOURS: Final = 24 * 60
LONGEST_GUIDANCE: Final = 2000

_SEPARATORS: Final = re.compile(r"[\s\-_.·]+")


def new_slip_code() -> str:
    """Twelve characters of the exam key's alphabet, which leaves out what looks alike, the last two of them checks."""
    return with_checks("".join(secrets.choice(ALPHABET) for _ in range(CODE_PAYLOAD)))


def shown_slip_code(code: str) -> str:
    """In three groups, as it is printed: ``ACDE-3469-XYWT``."""
    return "-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def typed_slip_code(text: str) -> str | None:
    """The code that was typed, in whatever case and with whatever between its groups; none when it cannot be one: a
    character is wrong, or two are exchanged. That says nothing of which codes there are."""
    code = _SEPARATORS.sub("", text[:64]).upper()
    return code if len(code) == CODE_LENGTH and is_checked(code) else None


def is_born(typed: str, known: str) -> bool:
    """Whether a typed birth date (``YYYY[MM[DD]]``) is the known one, as exactly as that is known.

    :param known: ``YYYY``, ``YYYYMM`` or ``YYYYMMDD``; with nothing known nothing is right
    """
    told = typed[: len(known)].encode("utf-8", "replace")
    return compare_digest(told, known.encode()) and bool(known)


class Over(StrEnum):
    """Of which limit there were too many wrong tries."""

    CODE = "CODE"
    ADDRESS = "ADDRESS"
    ALL = "ALL"


def too_many(of_code: int, of_address: int, in_all: int, *, most_of_address: int, most_in_all: int) -> Over | None:
    """Whether a try, counted among these, is one too many."""
    if in_all > most_in_all:
        return Over.ALL
    if of_address > most_of_address:
        return Over.ADDRESS
    return Over.CODE if of_code > WRONG_TRIES else None


class ReleaseWhen(StrEnum):
    """What must have become of a report before its patient sees it."""

    FINAL = "FINAL"
    """Approved as final or corrected."""
    SIGNED = "SIGNED"
    """Digitally signed besides."""
    RETURNED = "RETURNED"
    """A receiver of results has acknowledged it."""
    NEVER = "NEVER"
    """Such results are told in person."""


class Decision(StrEnum):
    """What a person has said of one exam, whatever the rules say."""

    HELD = "HELD"
    RELEASED = "RELEASED"
    """Now: no delay, no exclusion. What is unpaid, recalled or critical and not acknowledged stays shut."""


class ResultState(StrEnum):
    """How an exam stands for its patient."""

    SCHEDULED = "SCHEDULED"
    READING = "READING"
    LATER = "LATER"
    AT_HOSPITAL = "AT_HOSPITAL"
    """Held back by rule or person, or critical: a patient is not told which."""
    UNPAID = "UNPAID"
    CORRECTING = "CORRECTING"
    READY = "READY"


class RuleLike(Protocol):
    """A row of :class:`ris_core.portal.models.ReleaseRule`."""

    service_code: str
    modality: str
    when: str
    delay_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an exam's result."""

    performed: bool = False
    approved_at: datetime | None = None
    """Of the newest version, when that is final or corrected."""
    recalled: bool = False
    signed_at: datetime | None = None
    returned_at: datetime | None = None
    unpaid: bool = False
    open_critical: bool = False
    decision: str = ""


def rule_among(rules: Iterable[RuleLike], service_code: str, modality: str) -> RuleLike | None:
    """The most particular rule for an exam: of its service, of services that begin so (``CT.*``, the longest), of its
    modality, of all."""
    fitting = [rule for rule in rules if _fits(rule, service_code, modality)]
    return max(fitting, key=_particular, default=None)


def standing(facts: Facts, when: str, delay_hours: int, now: datetime) -> tuple[ResultState, datetime | None]:
    """How a result stands for its patient, and from when on it is seen, where that is known."""
    if facts.recalled:
        return ResultState.CORRECTING, None
    if facts.approved_at is None:
        return (ResultState.READING if facts.performed else ResultState.SCHEDULED), None
    if facts.decision == Decision.HELD or facts.open_critical:
        return ResultState.AT_HOSPITAL, None
    if facts.unpaid:
        return ResultState.UNPAID, None
    if facts.decision == Decision.RELEASED:
        return ResultState.READY, facts.approved_at
    if when == ReleaseWhen.NEVER:
        return ResultState.AT_HOSPITAL, None
    since = {
        ReleaseWhen.FINAL: facts.approved_at,
        ReleaseWhen.SIGNED: facts.signed_at,
        ReleaseWhen.RETURNED: facts.returned_at,
    }[ReleaseWhen(when)]
    if since is None:
        return ResultState.LATER, None
    opens = since + timedelta(hours=delay_hours)
    return (ResultState.READY if opens <= now else ResultState.LATER), opens


def _fits(rule: RuleLike, service_code: str, modality: str) -> bool:
    code = rule.service_code
    of_service = service_code.startswith(code[:-1]) if code.endswith("*") else code in ("", service_code)
    return of_service and rule.modality in ("", modality)


def _particular(rule: RuleLike) -> tuple[bool, int, bool]:
    code = rule.service_code
    return bool(code) and not code.endswith("*"), len(code), bool(rule.modality)
