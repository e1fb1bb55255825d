"""What may happen to a reading, decided without database, clock or network.

A reading is claimed by one reader, drafted, approved as preliminary or final; a final one is opened again for
correction and its approval makes a corrected version (invariant 6). The table below is the whole state machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ris_core.accounts.rules import Function
from ris_core.errors import TransitionRefused


class Verb(StrEnum):
    """What a person does to a reading."""

    CLAIM = "claim"
    TAKE_OVER = "take_over"
    HAND_OVER = "hand_over"
    RELEASE = "release"
    SAVE_DRAFT = "save_draft"
    CONCLUDE = "conclude"
    APPROVE_PRELIMINARY = "approve_preliminary"
    APPROVE_FINAL = "approve_final"
    AMEND = "amend"
    APPROVE_CORRECTED = "approve_corrected"
    RECALL = "recall"


TRANSITIONS: tuple[tuple[str, Verb, str], ...] = (
    ("UNREAD", Verb.CLAIM, "CLAIMED"),
    ("DRAFT", Verb.CLAIM, "DRAFT"),
    ("PRELIMINARY", Verb.CLAIM, "PRELIMINARY"),
    ("CLAIMED", Verb.TAKE_OVER, "CLAIMED"),
    ("DRAFT", Verb.TAKE_OVER, "DRAFT"),
    ("PRELIMINARY", Verb.TAKE_OVER, "PRELIMINARY"),
    ("AMENDED", Verb.TAKE_OVER, "AMENDED"),
    ("CLAIMED", Verb.HAND_OVER, "CLAIMED"),
    ("DRAFT", Verb.HAND_OVER, "DRAFT"),
    ("PRELIMINARY", Verb.HAND_OVER, "PRELIMINARY"),
    ("AMENDED", Verb.HAND_OVER, "AMENDED"),
    ("CLAIMED", Verb.RELEASE, "UNREAD"),
    ("DRAFT", Verb.RELEASE, "DRAFT"),
    ("PRELIMINARY", Verb.RELEASE, "PRELIMINARY"),
    ("AMENDED", Verb.RELEASE, "FINAL"),
    ("CLAIMED", Verb.SAVE_DRAFT, "DRAFT"),
    ("DRAFT", Verb.SAVE_DRAFT, "DRAFT"),
    ("PRELIMINARY", Verb.SAVE_DRAFT, "PRELIMINARY"),
    ("AMENDED", Verb.SAVE_DRAFT, "AMENDED"),
    ("CLAIMED", Verb.CONCLUDE, "CONCLUDED"),
    ("DRAFT", Verb.CONCLUDE, "CONCLUDED"),
    ("CLAIMED", Verb.APPROVE_PRELIMINARY, "PRELIMINARY"),
    ("DRAFT", Verb.APPROVE_PRELIMINARY, "PRELIMINARY"),
    ("PRELIMINARY", Verb.APPROVE_PRELIMINARY, "PRELIMINARY"),
    ("CLAIMED", Verb.APPROVE_FINAL, "FINAL"),
    ("DRAFT", Verb.APPROVE_FINAL, "FINAL"),
    ("PRELIMINARY", Verb.APPROVE_FINAL, "FINAL"),
    ("FINAL", Verb.AMEND, "AMENDED"),
    ("AMENDED", Verb.APPROVE_CORRECTED, "FINAL"),
    ("PRELIMINARY", Verb.RECALL, "RECALLED"),
    ("FINAL", Verb.RECALL, "RECALLED"),
    ("AMENDED", Verb.RECALL, "AMENDED"),
    ("RECALLED", Verb.AMEND, "AMENDED"),
)
"""(state, verb, next state): whatever is not here is refused. ``AMENDED`` is a final report opened for correction;
its versions stay in force until the corrected one is approved or the correction is released. A recalled one is
corrected in the same way; a correction of it that is released leaves it ``RECALLED``."""

_NEXT = {(state, verb): following for state, verb, following in TRANSITIONS}

APPROVAL_VERB: Mapping[str, Verb] = {
    "P": Verb.APPROVE_PRELIMINARY,
    "F": Verb.APPROVE_FINAL,
    "C": Verb.APPROVE_CORRECTED,
}
"""By version status (HL7 table 0123)."""


def approval_function(status: str, *, of_resident: bool) -> Function:
    """What a role must have to approve with ``status``.

    :param of_resident: the version that is made final was a resident's preliminary one
    """
    if status == "P":
        return Function.APPROVE_PRELIMINARY
    return Function.APPROVE_RESIDENTS if of_resident else Function.APPROVE_REPORT


EXAM_STATES_TO_READ = frozenset({"READY_TO_READ", "CLAIMED", "DRAFT", "PRELIMINARY"})
"""Exam states in which a reading may be claimed, drafted and approved for the first time."""

EXAM_STATES_REPORTED = frozenset({"FINAL", "RETURNED", "RECALLED"})
"""Exam states in which a report may be opened for correction and corrected."""


def next_state(state: str, verb: Verb) -> str:
    """The reading's state after ``verb``.

    :raises TransitionRefused: the table has no such transition
    """
    try:
        return _NEXT[state, verb]
    except KeyError:
        raise TransitionRefused(f"a reading in state {state} cannot be changed by {verb}", field="state") from None
