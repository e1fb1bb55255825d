"""Whose images they may be: candidates weighed, decisions refused. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ris_core.imports.errors import ImportInvalid, OtherPerson
from ris_core.matching.evidence import Verdict
from ris_core.matching.fields import compare_birth_dates, compare_sexes
from ris_core.matching.names import compare_names

_POINTS: Final = {
    "number": {Verdict.EQUAL: 40},
    "name": {Verdict.EQUAL: 30, Verdict.SIMILAR: 15, Verdict.DIFFERENT: -30},
    "birth_date": {Verdict.EQUAL: 30, Verdict.SIMILAR: 15, Verdict.DIFFERENT: -20, Verdict.CONTRADICTS: -60},
    "sex": {Verdict.EQUAL: 5, Verdict.CONTRADICTS: -60},
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who the images name, or a patient here."""

    name: str
    birth_date: str
    sex: str
    numbers: tuple[tuple[str, str], ...] = ()
    """Identifiers with their issuers."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A patient here beside the one that the images name: orders what a person is offered, decides nothing."""

    number: Verdict
    name: Verdict
    birth_date: Verdict
    sex: Verdict

    @property
    def score(self) -> int:
        return sum(
            points.get(verdict, 0)
            for verdict, points in zip(
                (self.number, self.name, self.birth_date, self.sex), _POINTS.values(), strict=True
            )
        )

    @property
    def contradicts(self) -> bool:
        """Nobody may say that they are one."""
        return Verdict.CONTRADICTS in (self.birth_date, self.sex)

    @property
    def needs_reason(self) -> bool:
        return Verdict.DIFFERENT in (self.name, self.birth_date)


def are_one(chosen: Collection[tuple[str, int | None, str]]) -> bool:
    """Whether images under one StudyInstanceUID may be taken in that name several patients: a person has said that one
    alone is wanted, or that all are one patient here; by their numbers too, or the archive would have two studies.

    :param chosen: decision, chosen patient and number in the images, of each of them
    """
    wanted = [each for each in chosen if each[0] != "SKIP"]
    if len(wanted) == 1:
        return wanted[0][0] != "OPEN"
    return len(set(wanted)) == 1 and wanted[0][0] == "EXISTING"


def compared(found: Person, known: Person) -> Comparison:
    """:param found: with one number, as the images say it"""
    number = Verdict.MISSING
    for value, issuer in found.numbers:
        same = [known_issuer for known_value, known_issuer in known.numbers if known_value == value]
        if any(not issuer or not each or each == issuer for each in same):
            number = Verdict.EQUAL
    return Comparison(
        number,
        compare_names(found.name, known.name).verdict,
        compare_birth_dates(found.birth_date, known.birth_date).verdict,
        compare_sexes(found.sex, known.sex).verdict,
    )


def check_choice(found: Person, known: Person, reason: str) -> None:
    """Whether a person may say that the two are one.

    :raises OtherPerson: birth date or sex contradict
    :raises ImportInvalid: name or birth date differ and no reason is given
    """
    comparison = compared(found, known)
    if comparison.contradicts:
        raise OtherPerson("birth date or sex contradict: this is another person", field="patient")
    if comparison.needs_reason and not reason.strip():
        raise ImportInvalid("name or birth date differ: say why they are one person", field="reason")


def check_new(issuer: str, own_issuer: str) -> None:
    """:raises ImportInvalid: no issuer, or this hospital's: numbers of others are not ours"""
    if not issuer.strip() or issuer.strip() == own_issuer:
        raise ImportInvalid("say who issued the number; not this hospital", field="issuer")
