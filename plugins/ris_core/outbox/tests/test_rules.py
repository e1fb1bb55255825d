"""What an acknowledgement is taken to mean."""

from __future__ import annotations

import pytest

from ris_core.jobs.rules import retry_delay_seconds
from ris_core.outbox.rules import Acknowledgement, Answer, judged
from ris_core.settings import Delivery


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


def test_attempts_go_on_for_hours_by_the_settings_as_they_come() -> None:
    """A HIS that is down for an hour costs nobody any work."""
    limits = Delivery()
    pauses = [
        retry_delay_seconds(
            attempt, first_seconds=limits.first_retry_seconds, longest_seconds=limits.longest_retry_seconds, chance=0.0
        )
        for attempt in range(1, limits.max_attempts)
    ]
    assert sum(pauses) > 4 * 3600
