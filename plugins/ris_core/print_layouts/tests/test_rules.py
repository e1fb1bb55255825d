"""Which layout is taken: the closest rule, and always the same one."""

from __future__ import annotations

import pytest

from ris_core.print_layouts.rules import Candidate, ExamFacts, chosen
from ris_core.print_layouts.services import RuleFacts

EXAM = ExamFacts("HIS|BV", "Khoa Nội", "US", "US.BUNG")
RULES = {
    1: RuleFacts(source="HIS|BV"),
    2: RuleFacts(modality="US"),
    3: RuleFacts(requesting_department="Khoa Nội"),
    4: RuleFacts(service_code="US.*"),
    5: RuleFacts(service_code="US.BUNG"),
    6: RuleFacts(modality="CT"),
    7: RuleFacts(modality="US", source="HIS|BV"),
    8: RuleFacts(service_code="US.B*"),
}


@pytest.mark.parametrize(
    ("present", "taken"),
    [
        ({1}, 1), ({1, 2}, 2), ({2, 3}, 3), ({3, 4}, 4), ({4, 8}, 8), ({1, 2, 3, 4, 5, 8}, 5), ({2, 7}, 7), ({6}, None),
        (set(), None),
    ],
)  # fmt: skip
def test_the_closest_rule_wins(present: set[int], taken: int | None) -> None:
    candidates = [Candidate(number, f"code-{number}", RULES[number]) for number in present]
    assert chosen(candidates, EXAM) == taken
    assert chosen(reversed(candidates), EXAM) == taken


def test_among_equals_the_code_decides() -> None:
    same = [Candidate(2, "b", RULES[2]), Candidate(1, "a", RULES[2])]
    assert chosen(same, EXAM) == chosen(same[::-1], EXAM) == 1
