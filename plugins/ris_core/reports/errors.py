"""What may stand against reading or approving, each with what a screen needs to tell the reader."""

from __future__ import annotations

from datetime import datetime

from ris_core.errors import EditConflict, TransitionRefused
from ris_core.reports.rules import Sections


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


class DraftConflict(EditConflict):
    """The draft was saved in between (another window, another reader); carries what is there now."""

    code = "QUANG-5004"

    def __init__(self, detail: str, *, revision: int, sections: Sections) -> None:
        super().__init__(detail, field="revision")
        self.revision = revision
        self.sections = sections
