"""What may happen to a reading, decided without database, clock or network.

A reading is claimed by one reader, drafted, approved as preliminary or final; a final one is opened again for
correction and its approval makes a corrected version (invariant 6). The table below is the whole state machine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Self

from ris_core.errors import InvalidValue, TransitionRefused

SECTION_MAX_CHARACTERS = 20_000
"""About ten printed pages; longer text is a paste by mistake and would make the printed report unbounded."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff\ufffe\uffff]")
_TRAILING = re.compile(r"[ \t]+\n")
_BLANK_LINES = re.compile(r"\n{3,}")


class Verb(StrEnum):
    """What a person does to a reading."""

    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RELEASE = "release"
    SAVE_DRAFT = "save_draft"
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
    ("CLAIMED", Verb.RELEASE, "UNREAD"),
    ("DRAFT", Verb.RELEASE, "DRAFT"),
    ("PRELIMINARY", Verb.RELEASE, "PRELIMINARY"),
    ("AMENDED", Verb.RELEASE, "FINAL"),
    ("CLAIMED", Verb.SAVE_DRAFT, "DRAFT"),
    ("DRAFT", Verb.SAVE_DRAFT, "DRAFT"),
    ("PRELIMINARY", Verb.SAVE_DRAFT, "PRELIMINARY"),
    ("AMENDED", Verb.SAVE_DRAFT, "AMENDED"),
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


def clean_text(text: str) -> str:
    """A section's text as it is kept: plain text in Unicode NFC, lines ended by LF, no control characters.

    A report is plain text on purpose: what was approved is word for word what is printed, archived and sent in
    HL7 TX fields.

    :raises InvalidValue: longer than :data:`SECTION_MAX_CHARACTERS`
    """
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    normal = "".join(c for c in _UNPRINTABLE.sub("", normal) if not 0xD800 <= ord(c) <= 0xDFFF)
    normal = _BLANK_LINES.sub("\n\n", _TRAILING.sub("\n", normal)).strip("\n").rstrip()
    if len(normal) > SECTION_MAX_CHARACTERS:
        raise InvalidValue(f"a section of a report has at most {SECTION_MAX_CHARACTERS} characters", field="sections")
    return normal


@dataclass(frozen=True, slots=True)
class Sections:
    """The four parts of a report's text, plain text with line breaks, always cleaned."""

    technique: str = ""
    findings: str = ""
    conclusion: str = ""
    recommendation: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, clean_text(getattr(self, field.name)))

    @classmethod
    def of(cls, row: object) -> Self:
        """The sections of anything that has the four as attributes (a reading, a version, a template)."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def canonical_bytes(self) -> bytes:
        """The text as it is hashed: each section with its name and length, so that none can be moved unnoticed."""
        return b"".join(
            b"%s:%d\n%s\n" % (name.encode(), len(data), data)
            for name, text in self.as_dict().items()
            for data in [text.encode()]
        )


SECTION_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Sections))


def filled_from_template(
    present: Sections, template: Sections, replace: frozenset[str] = frozenset()
) -> tuple[Sections, tuple[str, ...]]:
    """``present`` with its empty sections, and those named by ``replace``, taken from ``template``.

    :returns: the sections, and the names of those that hold other text and were left as they are
    """
    result, kept = present.as_dict(), []
    for name, suggested in template.as_dict().items():
        if not suggested or result[name] == suggested:
            continue
        if not result[name].strip() or name in replace:
            result[name] = suggested
        else:
            kept.append(name)
    return Sections(**result), tuple(kept)
