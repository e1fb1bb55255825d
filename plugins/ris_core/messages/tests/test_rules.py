"""What is done with a message that may have come before."""

from __future__ import annotations

import pytest

from ris_core.messages.rules import EarlierMessage, Step, next_step, says_nothing_new

APPLIED = EarlierMessage(1, None, "APPLIED", "d1", "", b"AA")
REFUSED = EarlierMessage(2, None, "REFUSED", "d1", "no such order", b"AE")
CORRECTED = EarlierMessage(5, 2, "APPLIED", "d3", "", b"AA")
CORRECTED_WRONGLY = EarlierMessage(6, 2, "REFUSED", "d3", "no such service", b"AE")
HELD = EarlierMessage(3, None, "HELD", "d1", "who is it", b"AE")


@pytest.mark.parametrize(
    ("digest", "earlier", "step"),
    [
        ("d1", [], Step.APPLY),
        ("d1", [APPLIED], Step.ANSWER_AGAIN),
        ("d2", [APPLIED], Step.REFUSE_REUSED_ID),
        ("d1", [REFUSED], Step.APPLY),
        ("d2", [REFUSED], Step.APPLY),
        ("d1", [HELD], Step.APPLY),
        ("d1", [REFUSED, CORRECTED], Step.ANSWER_AGAIN),
        ("d3", [REFUSED, CORRECTED], Step.ANSWER_AGAIN),
        ("d2", [REFUSED, CORRECTED], Step.REFUSE_REUSED_ID),
        ("d1", [REFUSED, CORRECTED_WRONGLY], Step.APPLY),
        ("d1", [REFUSED, APPLIED], Step.ANSWER_AGAIN),
        ("d1", [APPLIED, EarlierMessage(4, None, "REFUSED", "d2", "reused", b"AE")], Step.ANSWER_AGAIN),
    ],
)
def test_next_step(digest: str, earlier: list[EarlierMessage], step: Step) -> None:
    assert next_step(digest, earlier)[0] is step


def test_the_answer_is_the_applied_messages() -> None:
    assert next_step("d1", [REFUSED, APPLIED]) == (Step.ANSWER_AGAIN, APPLIED)


@pytest.mark.parametrize(
    ("digest", "detail", "nothing_new"),
    [("d1", "no such order", True), ("d1", "another reason", False), ("d2", "no such order", False)],
)
def test_a_refusal_for_the_same_reason_says_nothing_new(digest: str, detail: str, nothing_new: bool) -> None:
    assert says_nothing_new(digest, detail, [REFUSED]) is nothing_new
    assert says_nothing_new(digest, detail, []) is False
    assert says_nothing_new(digest, detail, [REFUSED, CORRECTED_WRONGLY]) is nothing_new
