"""What may stand against reading or approving, each with what a screen needs to tell the reader."""

from __future__ import annotations

from datetime import datetime

from ris_core.errors import EditConflict, TransitionRefused
from ris_core.reports.checks import FlawedValue
from ris_core.reports.content import Content


class AlreadyClaimed(TransitionRefused):
    """Somebody else holds the reading; tells who and since when."""

    code = "QUANG-5001"

    def __init__(self, detail: str, *, holder_id: int, holder_name: str, claimed_at: datetime) -> None:
        super().__init__(detail, field="claimed_by")
        self.holder_id = holder_id
        self.holder_name = holder_name
        self.claimed_at = claimed_at


class ExamNotReady(TransitionRefused):
    """The exam is not in a state in which it can be read: no linked images yet, or cancelled."""

    code = "QUANG-5002"


class ConclusionMissing(TransitionRefused):
    """A report without conclusion cannot be approved."""

    code = "QUANG-5003"


class ReportIncomplete(TransitionRefused):
    """A required value is missing, or a value cannot be meant: names each."""

    code = "QUANG-5007"

    def __init__(self, flaws: tuple[FlawedValue, ...]) -> None:
        named = ", ".join(f"{flaw.code} ({flaw.flaw})" for flaw in flaws)
        super().__init__(f"complete or correct these values before approving: {named}", field="content")
        self.flaws = flaws


class DraftConflict(EditConflict):
    """The draft was saved in between (another window, another reader); carries what is there now."""

    code = "QUANG-5004"

    def __init__(self, detail: str, *, revision: int, content: Content) -> None:
        super().__init__(detail, field="revision")
        self.revision = revision
        self.content = content


class ReadAlready(TransitionRefused):
    """The reader has concluded or knows another reading of the same exam: each is another reader's."""

    code = "QUANG-5008"


class ReadingsOutstanding(TransitionRefused):
    """Another reading of the exam must be concluded first."""

    code = "QUANG-5009"
