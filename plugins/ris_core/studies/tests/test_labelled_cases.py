"""Matching on labelled cases: a smaller run of what ``make bench`` measures."""

from __future__ import annotations

import pytest

from benchmarks.matching_cases import cases
from benchmarks.matching_hospital import a_hospital
from benchmarks.matching_measure import measure, place
from benchmarks.matching_spoils import KINDS


@pytest.mark.django_db
def test_automatic_links_are_right_and_what_can_be_linked_is_found() -> None:
    hospital = place(a_hospital(seed=5, patients=60))
    result = measure(cases(hospital, seed=6, count=5 * len(KINDS)))
    assert result.linked_wrongly == []
    assert result.linked > len(KINDS)
    assert result.found >= 0.95, result.missed
