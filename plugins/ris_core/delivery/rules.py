"""Who gets which result, and what is held back; decided without database, clock or network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

STATUS_RANK: Final = {"P": 0, "F": 1, "C": 2}
"""A receiver gets results from one status on. There is no leaving out in between: whoever has a version must learn of
its correction (invariant 6)."""

UNPAID: Final = "UNPAID"
RELEASED: Final = ("F", "C")
"""Of versions: those that doctors outside and patients may see."""


@dataclass(frozen=True, slots=True)
class ExamFacts:
    """What rules look at."""

    source: str
    requesting_department: str
    modality: str
    service_code: str
    patient_class: str = ""
    payment_state: str = ""


class Conditions(Protocol):
    """What a row of rules says; an empty condition lets everything through."""

    source: str
    requesting_department: str
    modality: str
    service_code: str


def matches(rule: Conditions, exam: ExamFacts) -> bool:
    """Whether every given condition of ``rule`` holds."""
    service = rule.service_code
    of_service = exam.service_code.startswith(service[:-1]) if service.endswith("*") else exam.service_code == service
    return (
        rule.source in ("", exam.source)
        and rule.requesting_department in ("", exam.requesting_department)
        and rule.modality in ("", exam.modality)
        and (not service or of_service)
    )


def wants(receiver_source: str, rules: Iterable[Conditions], exam: ExamFacts) -> bool:
    """Whether a receiver of these rules wants results of ``exam``."""
    if receiver_source not in ("", exam.source):
        return False
    among = list(rules)
    return not among or any(matches(rule, exam) for rule in among)


def gets_status(first_status: str, status: str, *, has_older: bool) -> bool:
    """Whether a receiver gets a version of ``status``.

    :param has_older: whether an older version of the report was owed to it
    """
    return has_older or STATUS_RANK[status] >= STATUS_RANK[first_status]


def sequence_of(version_number: int, *, recalled: bool = False) -> int:
    """The place among what one receiver is told of one report: a version, its recall, the next version …"""
    return 2 * version_number + recalled


def is_blocked(payment_state: str, *, unknown_too: bool) -> bool:
    """Whether a payment rule that is about the exam holds its results back."""
    return payment_state == UNPAID or (unknown_too and not payment_state)
