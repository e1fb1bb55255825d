"""The state machine of a reading, as pure decisions."""

from __future__ import annotations

import pytest

from ris_core.errors import TransitionRefused
from ris_core.reports.rules import TRANSITIONS, Verb, next_state

STATES = {"UNREAD", "CLAIMED", "DRAFT", "PRELIMINARY", "FINAL", "AMENDED", "RECALLED", "CONCLUDED"}
ALLOWED = {(state, verb) for state, verb, _ in TRANSITIONS}


@pytest.mark.parametrize(("state", "verb"), sorted({(s, v) for s in STATES for v in Verb} - ALLOWED))
def test_what_the_table_does_not_name_is_refused(state: str, verb: Verb) -> None:
    with pytest.raises(TransitionRefused):
        next_state(state, verb)


def test_a_final_report_can_only_be_opened_for_correction_or_recalled() -> None:
    assert {verb for state, verb in ALLOWED if state == "FINAL"} == {Verb.AMEND, Verb.RECALL}


def test_a_recalled_report_can_only_be_corrected() -> None:
    assert {verb for state, verb in ALLOWED if state == "RECALLED"} == {Verb.AMEND}


def test_every_state_can_be_reached_and_all_but_a_concluded_opinion_left() -> None:
    reached = {"UNREAD"}
    while more := {following for state, _, following in TRANSITIONS if state in reached} - reached:
        reached |= more
    assert reached == STATES
    assert {state for state, _ in ALLOWED} == reached - {"CONCLUDED"}
