"""What an acknowledgement is taken to mean."""

from __future__ import annotations

import pytest

from ris_core.outbox.rules import Acknowledgement, Answer, judged


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("AA", Answer.ACCEPTED),
        ("CA", Answer.ACCEPTED),
        ("AE", Answer.ERROR),
        ("CE", Answer.ERROR),
        ("AR", Answer.REJECTED),
        ("CR", Answer.REJECTED),
        ("", Answer.UNREADABLE),
        ("OK", Answer.UNREADABLE),
        ("aa", Answer.UNREADABLE),
    ],
)
def test_only_the_standards_codes_count(code: str, answer: Answer) -> None:
    assert judged(Acknowledgement(code, "Q1"), "Q1")[0] is answer


@pytest.mark.parametrize("control_id", ["", "Q2", "q1", "Q1 "])
def test_an_acknowledgement_of_another_message_counts_for_nothing(control_id: str) -> None:
    assert judged(Acknowledgement("AA", control_id), "Q1")[0] is Answer.UNREADABLE


def test_no_acknowledgement_is_no_acceptance() -> None:
    assert judged(None, "Q1")[0] is Answer.UNREADABLE


def test_the_receivers_reason_is_told() -> None:
    assert judged(Acknowledgement("AE", "Q1", "Không tìm thấy chỉ định"), "Q1")[1].endswith("Không tìm thấy chỉ định")
