"""How relevant earlier exams are to the one that is read: same region, modality and side, and not long ago. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ris_core.hanging.rules import Weights
from ris_core.matching.body_regions import regions_in
from ris_core.names import folded

_SIDES: Final = {"phai": "R", "right": "R", "trai": "L", "left": "L"}


@dataclass(frozen=True, slots=True)
class ComparedExam:
    """What of an exam counts."""

    key: int
    service_name: str
    modality: str
    day: date


def sides_in(text: str) -> frozenset[str]:
    """``L`` and ``R``, as a service's name says them in Vietnamese or English."""
    words = "".join(letter if letter.isalnum() else " " for letter in folded(text)).split()
    return frozenset(_SIDES[word] for word in words if word in _SIDES)


def relevance(exam: ComparedExam, earlier: ComparedExam, weights: Weights) -> float:
    """The sum of what applies; below ``weights.minimum`` nothing that one would want to see by itself."""
    score = 0.0
    regions, others = regions_in(exam.service_name), regions_in(earlier.service_name)
    if regions and others:
        score += weights.same_region if regions & others else weights.other_region
    if exam.modality == earlier.modality:
        score += weights.same_modality
    elif any(exam.modality in group and earlier.modality in group for group in weights.related):
        score += weights.related_modality
    sides, other_sides = sides_in(exam.service_name), sides_in(earlier.service_name)
    if sides and other_sides:
        score += weights.same_side if sides & other_sides else weights.other_side
    days = abs((exam.day - earlier.day).days)
    return score + weights.recent * float(0.5 ** (days / weights.half_life_days))


def relevant(exam: ComparedExam, others: Iterable[ComparedExam], weights: Weights) -> list[tuple[ComparedExam, float]]:
    """Those relevant enough, the most relevant first; of two as relevant the newer."""
    scored = [(other, relevance(exam, other, weights)) for other in others]
    found = [pair for pair in scored if pair[1] >= weights.minimum]
    return sorted(found, key=lambda pair: (-pair[1], -pair[0].day.toordinal(), -pair[0].key))


def beside(
    exam: ComparedExam, others: Iterable[ComparedExam], weights: Weights, *, modalities: Sequence[str], most: int
) -> list[ComparedExam]:
    """The earlier exams to be opened with ``exam``: relevant, made before it, of modalities that its layouts show."""
    before = [other for other in others if other.day <= exam.day and (not modalities or other.modality in modalities)]
    return [other for other, _score in relevant(exam, before, weights)][:most]
