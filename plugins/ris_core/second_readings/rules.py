"""How many readers an exam needs, whose turn it is, and who sees what, decided without database or clock.

The readers before the last one conclude an opinion each, in a reading of their own (ordinals 2, 3). The last reader's
reading has ordinal 1: its versions alone are the exam's report and are returned, so that one final version is in force
however many have read. When reading is blinded, the last reader too concludes an opinion before seeing the others'.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

FEWEST_READINGS, MOST_READINGS = 2, 3
REPORT_ORDINAL = 1
"""The reading whose versions are the exam's report."""


class Rule(NamedTuple):
    """Exams of a modality or service that several readers read; an empty condition always holds."""

    modality: str
    service_code: str
    readings: int
    blinded: bool


class Progress(NamedTuple):
    """How far the readings of one exam have come."""

    readings: int
    blinded: bool
    concluded: int
    """Opinions concluded so far."""

    @property
    def opinions_wanted(self) -> int:
        """Opinions that are concluded before the report can be approved."""
        return self.readings if self.blinded else self.readings - 1

    @property
    def due_ordinal(self) -> int:
        """The reading whose turn it is."""
        return self.concluded + 2 if self.concluded < self.readings - 1 else REPORT_ORDINAL

    @property
    def position(self) -> int:
        """Which reading it is, for people: 1, 2, 3."""
        return min(self.concluded + 1, self.readings)

    @property
    def report_may_be_approved(self) -> bool:
        return self.concluded >= self.opinions_wanted

    @property
    def opinions_are_open(self) -> bool:
        """Whether readers see each other's opinions and drafts."""
        return not self.blinded or self.report_may_be_approved


def rule_for(rules: Iterable[Rule], *, modality: str, service_code: str) -> Rule | None:
    """The most particular rule that fits: by service, then by modality; none when one reader is enough."""
    fitting = [rule for rule in rules if rule.modality in ("", modality) and rule.service_code in ("", service_code)]
    return max(fitting, key=lambda rule: (bool(rule.service_code), bool(rule.modality)), default=None)
