"""Codes of slips, birth dates, limits of wrong tries, and when a result is seen: tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ris_core.matching.keys import ALPHABET
from ris_core.portal.rules import (
    CODE_LENGTH,
    WRONG_TRIES,
    Decision,
    Facts,
    Over,
    ReleaseWhen,
    ResultState,
    is_born,
    new_slip_code,
    rule_among,
    shown_slip_code,
    standing,
    too_many,
    typed_slip_code,
)

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
AN_HOUR_AGO = NOW - timedelta(hours=1)
APPROVED = {"performed": True, "approved_at": AN_HOUR_AGO}


def test_a_code_is_known_however_it_is_typed() -> None:
    code = new_slip_code()
    shown = shown_slip_code(code)
    for typed in (code, shown, shown.lower(), f" {shown.replace('-', ' ')} ", shown.replace("-", "·")):
        assert typed_slip_code(typed) == code


def test_each_wrong_character_and_each_exchange_of_neighbours_is_noticed() -> None:
    code = new_slip_code()
    for at in range(CODE_LENGTH):
        for other in ALPHABET:
            if other != code[at]:
                assert typed_slip_code(code[:at] + other + code[at + 1 :]) is None
        if at + 1 < CODE_LENGTH and code[at] != code[at + 1]:
            assert typed_slip_code(code[:at] + code[at + 1] + code[at] + code[at + 2 :]) is None


@pytest.mark.parametrize("typed", ["", "A", "O" * 12, "0I1L-2Z5S-8BUV", "' OR 1=1 --", "A" * 5000, "ÀÁ" * 6])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert typed_slip_code(typed) is None


def test_codes_do_not_repeat() -> None:
    assert len({new_slip_code() for _ in range(2000)}) == 2000


@pytest.mark.parametrize(
    ("typed", "known", "right"),
    [
        ("19801121", "19801121", True),
        ("19801122", "19801121", False),
        ("1980", "19801121", False),
        ("198011", "19801121", False),
        ("19801121", "1980", True),
        ("19811121", "1980", False),
        ("1980", "1980", True),
        ("19801121", "198011", True),
        ("", "1980", False),
        ("", "", False),
        ("19801121", "", False),
        ("Ế" * 8, "19801121", False),
        ("\ud800", "1980", False),
    ],
)
def test_a_birth_date_is_right_as_exactly_as_it_is_known(typed: str, known: str, right: bool) -> None:
    assert is_born(typed, known) is right


@pytest.mark.parametrize(
    ("of_code", "of_address", "in_all", "over"),
    [
        (WRONG_TRIES, 1, 1, None),
        (WRONG_TRIES + 1, 1, 1, Over.CODE),
        (1, 30, 30, None),
        (1, 31, 31, Over.ADDRESS),
        (1, 1, 1000, None),
        (1, 1, 1001, Over.ALL),
        (99, 99, 1001, Over.ALL),
    ],
)
def test_wrong_tries_are_borne_up_to_the_limits(of_code: int, of_address: int, in_all: int, over: Over | None) -> None:
    assert too_many(of_code, of_address, in_all, most_of_address=30, most_in_all=1000) is over


@pytest.mark.parametrize(
    ("facts", "when", "delay", "state"),
    [
        ({}, "FINAL", 0, ResultState.SCHEDULED),
        ({"performed": True}, "FINAL", 0, ResultState.READING),
        (APPROVED, "FINAL", 0, ResultState.READY),
        (APPROVED, "FINAL", 1, ResultState.READY),
        (APPROVED, "FINAL", 2, ResultState.LATER),
        (APPROVED, "SIGNED", 0, ResultState.LATER),
        ({**APPROVED, "signed_at": AN_HOUR_AGO}, "SIGNED", 0, ResultState.READY),
        ({**APPROVED, "signed_at": NOW}, "SIGNED", 1, ResultState.LATER),
        ({**APPROVED, "signed_at": AN_HOUR_AGO}, "RETURNED", 0, ResultState.LATER),
        ({**APPROVED, "returned_at": AN_HOUR_AGO}, "RETURNED", 0, ResultState.READY),
        (APPROVED, "NEVER", 0, ResultState.AT_HOSPITAL),
        ({**APPROVED, "recalled": True}, "FINAL", 0, ResultState.CORRECTING),
        ({**APPROVED, "recalled": True, "decision": Decision.RELEASED}, "FINAL", 0, ResultState.CORRECTING),
        ({**APPROVED, "open_critical": True}, "FINAL", 0, ResultState.AT_HOSPITAL),
        ({**APPROVED, "open_critical": True, "decision": Decision.RELEASED}, "FINAL", 0, ResultState.AT_HOSPITAL),
        ({**APPROVED, "unpaid": True}, "FINAL", 0, ResultState.UNPAID),
        ({**APPROVED, "unpaid": True, "decision": Decision.RELEASED}, "FINAL", 0, ResultState.UNPAID),
        ({**APPROVED, "decision": Decision.HELD}, "FINAL", 0, ResultState.AT_HOSPITAL),
        ({**APPROVED, "decision": Decision.RELEASED}, "NEVER", 99, ResultState.READY),
        ({"performed": True, "decision": Decision.RELEASED}, "FINAL", 0, ResultState.READING),
    ],
)
def test_when_a_result_is_seen(facts: dict[str, Any], when: str, delay: int, state: ResultState) -> None:
    assert standing(Facts(**facts), when, delay, NOW)[0] is state


def test_a_patient_is_told_from_when_on_a_result_is_seen() -> None:
    assert standing(Facts(performed=True, approved_at=NOW), "FINAL", 2, NOW)[1] == NOW + timedelta(hours=2)


@dataclass
class Rule:
    service_code: str = ""
    modality: str = ""
    when: str = ReleaseWhen.FINAL
    delay_hours: int = 0


def test_the_most_particular_rule_counts() -> None:
    everything, of_ct, of_heads = Rule(), Rule(modality="CT"), Rule("CT.*")
    of_brains, of_one, of_one_on_ct = Rule("CT.SO*"), Rule("CT.SONAO"), Rule("CT.SONAO", "CT")
    rules = [everything, of_ct, of_heads, of_brains, of_one, of_one_on_ct]
    while rules:
        assert rule_among(reversed(rules), "CT.SONAO", "CT") is rules.pop()
    assert rule_among([of_ct, of_heads], "MR.GOI", "MR") is None
    assert rule_among([of_one_on_ct], "CT.SONAO", "PT") is None
