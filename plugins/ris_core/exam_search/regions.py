"""Regions of the body as an expression over the words of services."""

from __future__ import annotations

from ris_core.exam_search.expression import Any, Expression, Without, all_of
from ris_core.exam_search.source import Field
from ris_core.matching.body_regions import REGIONS


def names_region(region: str) -> Expression:
    """Exams whose service names ``region`` (:data:`REGIONS`): one of its phrases, and no longer one of another.

    ``nguc`` means the chest, but not in ``cot song nguc``.
    """
    return Any(tuple(_phrase(region, phrase) for phrase in REGIONS[region]))


def _phrase(region: str, phrase: str) -> Expression:
    words = phrase.split()
    wanted = all_of(words, Field.SERVICE, whole=True)
    longer = tuple(
        all_of(other.split(), Field.SERVICE, whole=True)
        for name, phrases in REGIONS.items()
        if name != region
        for other in phrases
        if f" {phrase} " in f" {other} " and other != phrase
    )
    return Without(wanted, Any(longer)) if longer else wanted
