"""When a failed job is tried again."""

from __future__ import annotations

import pytest

from ris_core.jobs.rules import retry_delay_seconds


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5.0), (2, 10.0), (3, 20.0), (8, 640.0), (9, 900.0), (500, 900.0)])
def test_delays_double_up_to_the_longest(attempt: int, seconds: float) -> None:
    assert retry_delay_seconds(attempt, first_seconds=5.0, longest_seconds=900.0, chance=0.5) == seconds


def test_jitter_spreads_delays_by_a_fifth_each_way() -> None:
    delays = [retry_delay_seconds(1, first_seconds=10.0, longest_seconds=60.0, chance=chance) for chance in (0.0, 1.0)]
    assert delays == [pytest.approx(8.0), pytest.approx(12.0)]
