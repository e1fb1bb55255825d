"""The state machine of a reading and the text of a report, as pure decisions."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue, TransitionRefused
from ris_core.reports.rules import (
    SECTION_MAX_CHARACTERS,
    TRANSITIONS,
    Sections,
    Verb,
    clean_text,
    filled_from_template,
    next_state,
)

STATES = {"UNREAD", "CLAIMED", "DRAFT", "PRELIMINARY", "FINAL", "AMENDED", "RECALLED"}
ALLOWED = {(state, verb) for state, verb, _ in TRANSITIONS}


@pytest.mark.parametrize(("state", "verb"), sorted({(s, v) for s in STATES for v in Verb} - ALLOWED))
def test_what_the_table_does_not_name_is_refused(state: str, verb: Verb) -> None:
    with pytest.raises(TransitionRefused):
        next_state(state, verb)


def test_a_final_report_can_only_be_opened_for_correction_or_recalled() -> None:
    assert {verb for state, verb in ALLOWED if state == "FINAL"} == {Verb.AMEND, Verb.RECALL}


def test_a_recalled_report_can_only_be_corrected() -> None:
    assert {verb for state, verb in ALLOWED if state == "RECALLED"} == {Verb.AMEND}


def test_every_state_of_the_table_can_be_reached_and_left() -> None:
    reached = {"UNREAD"}
    while more := {following for state, _, following in TRANSITIONS if state in reached} - reached:
        reached |= more
    assert reached == STATES
    assert {state for state, _ in ALLOWED} == reached


@given(st.text(max_size=300))
def test_cleaned_text_is_printable_normal_and_stays_as_it_is(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("một\r\nhai\rba", "một\nhai\nba"),
        ("\n\n  thụt vào  \n\n\n\ncuối  \n", "  thụt vào\n\ncuối"),
        ("Ti\u1ebfng Vi\u00ea\u0323t", "Tiếng Việt"),
        ("kh\u200bông\x00 \x0bthấy", "không thấy"),
        ("<b>giữ nguyên</b> & | ^", "<b>giữ nguyên</b> & | ^"),
    ],
)
def test_text_is_kept_as_plain_lines(typed: str, kept: str) -> None:
    assert clean_text(typed) == kept


def test_a_section_has_a_limit() -> None:
    Sections(findings="x" * SECTION_MAX_CHARACTERS)
    with pytest.raises(InvalidValue):
        Sections(findings="x" * (SECTION_MAX_CHARACTERS + 1))


def test_moving_text_from_one_section_to_the_next_changes_what_is_hashed() -> None:
    assert Sections(findings="a", conclusion="b").canonical_bytes() != Sections(findings="ab").canonical_bytes()
    assert Sections(findings="a").canonical_bytes() != Sections(conclusion="a").canonical_bytes()


def test_a_template_with_the_same_text_replaces_nothing() -> None:
    same = Sections(findings="a", conclusion="b")
    assert filled_from_template(same, same) == (same, ())
