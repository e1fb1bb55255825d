from __future__ import annotations

from typing import Any

import pytest

from ris_core.errors import InvalidValue
from ris_core.matching.policy import DEFAULT_POLICY, policy_from_json


def test_a_policy_comes_back_as_it_was_kept() -> None:
    assert policy_from_json(DEFAULT_POLICY.as_json()) == DEFAULT_POLICY


@pytest.mark.parametrize(
    "wrong",
    [
        {"upper": 5, "lower": 9},
        {"margin": 0},
        {"weights": {"Luck": 5}},
        {"weights": {"PatientID.EQUAL": 1000}},
        {"unknown": 1},
        {"key_rules": [{"tag": "7FE00010"}]},
        {"key_rules": [{"tag": "00100020", "pattern": r"(a)\1"}]},
        {"key_rules": [{"tag": "00100020", "pattern": "("}]},
        {"key_rules": [{"tag": "00100020", "means": "PLACER_ORDER_NUMBER"}]},
        {"near_hours": 30},
        {"same_day_hours": 48},
        {"open_days": 0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        policy_from_json({**DEFAULT_POLICY.as_json(), **wrong})
