"""Which approved reports are drawn for review by a colleague, and what a score means. Pure.

Scores are RADPEER's as revised in 2016 (American College of Radiology): 1 concur; 2 a discrepancy that need not have
been seen; 3 one that should be seen most of the time; ``a`` unlikely, ``b`` likely to matter to the patient.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Score(StrEnum):
    """What a reviewer says of a report."""

    CONCUR = "1"
    UNDERSTANDABLE = "2a"
    UNDERSTANDABLE_SIGNIFICANT = "2b"
    MISSED = "3a"
    MISSED_SIGNIFICANT = "3b"

    @property
    def needs_reason(self) -> bool:
        """Whether it is a discrepancy, which the reader must be able to follow."""
        return self is not Score.CONCUR

    @property
    def is_significant(self) -> bool:
        return self.value.endswith("b")


class Rule(NamedTuple):
    """A share of the reports of a modality or service; an empty condition always holds."""

    modality: str
    service_code: str
    percent: int
    blinded: bool
    """The reviewer is not told whose report it is."""
    told_to_reader: bool
    """Whose report it is learns of score and reason, not of who reviewed."""


def rule_for(rules: Iterable[Rule], *, modality: str, service_code: str) -> Rule | None:
    """The most particular rule that fits: by service, then by modality."""
    fitting = [rule for rule in rules if rule.modality in ("", modality) and rule.service_code in ("", service_code)]
    return max(fitting, key=lambda rule: (bool(rule.service_code), bool(rule.modality)), default=None)


def is_drawn(rule: Rule, chance: float) -> bool:
    """Whether a report is drawn.

    :param chance: from 0 up to, not including, 1, each as likely
    """
    return chance * 100 < rule.percent
