"""Which layout an exam is printed by; decided from facts, without database or clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ExamFacts:
    """What rules look at."""

    source: str = ""
    """The sender of its order, who receives the result (``MSH-3|MSH-4``)."""
    requesting_department: str = ""
    modality: str = ""
    service_code: str = ""


class Conditions(Protocol):
    """A row of rules; an empty condition lets everything through."""

    @property
    def source(self) -> str: ...
    @property
    def requesting_department(self) -> str: ...
    @property
    def modality(self) -> str: ...
    @property
    def service_code(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A layout in use with one of its rules."""

    layout_id: int
    code: str
    rule: Conditions


def closeness(rule: Conditions, exam: ExamFacts) -> tuple[int, ...] | None:
    """How closely a rule describes an exam, greater is closer: the service before the department, the device, the
    sender; a whole service code before a beginning, a longer beginning before a shorter. None: it does not hold."""
    service = rule.service_code
    whole = bool(service) and not service.endswith("*")
    of_service = exam.service_code == service if whole else exam.service_code.startswith(service.removesuffix("*"))
    given = (
        (rule.requesting_department, exam.requesting_department),
        (rule.modality, exam.modality),
        (rule.source, exam.source),
    )
    if not of_service or any(wanted and wanted != is_ for wanted, is_ in given):
        return None
    return (len(service) + 1000 * whole, *(int(bool(wanted)) for wanted, _ in given))


def chosen(candidates: Iterable[Candidate], exam: ExamFacts) -> int | None:
    """The layout whose rule describes ``exam`` most closely; among equals the first by code; None when none holds."""
    holding = [
        (tuple(-part for part in near), each.code, each.layout_id)
        for each in candidates
        if (near := closeness(each.rule, exam)) is not None
    ]
    return min(holding)[2] if holding else None
