"""Use cases of reading and reporting; each is one transaction with its audit event.

All text is plain text (:class:`ris_core.reports.rules.Sections`). Whether the caller's role may read or approve is
decided by the screen through :mod:`ris_core.accounts.rules`; these functions decide what the state allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris_core.audit.services import Actor
from ris_core.errors import EditConflict, TransitionRefused
from ris_core.reports.models import Reading, ReportVersion, VersionStatus
from ris_core.reports.rules import Sections


class AlreadyClaimed(TransitionRefused):
    """Somebody else holds the reading; tells who and since when."""

    code = "QUANG-3001"

    def __init__(self, detail: str, *, holder_id: int, holder_name: str, claimed_at: datetime) -> None:
        super().__init__(detail, field="claimed_by")
        self.holder_id = holder_id
        self.holder_name = holder_name
        self.claimed_at = claimed_at


class ExamNotReady(TransitionRefused):
    """The exam is not in a state in which it can be read: no linked images yet, or cancelled."""

    code = "QUANG-3002"


class ConclusionMissing(TransitionRefused):
    """A report without conclusion cannot be approved."""

    code = "QUANG-3003"


class DraftConflict(EditConflict):
    """The draft was saved in between (another window, another reader); carries what is there now."""

    code = "QUANG-3004"

    def __init__(self, detail: str, *, revision: int, sections: Sections) -> None:
        super().__init__(detail, field="revision")
        self.revision = revision
        self.sections = sections


@dataclass(frozen=True, slots=True)
class AppliedTemplate:
    """What became of a template: the draft's new revision and text, and the sections it did not touch."""

    revision: int
    sections: Sections
    not_replaced: tuple[str, ...]
    """Names of sections that hold other text; ask, then apply again with ``replace`` naming them."""


def open_reading(procedure_id: int) -> Reading:
    """The first reading of a requested procedure, made when there is none yet; changes nothing else.

    :raises NotFound: no such procedure
    """
    raise NotImplementedError


def claim(reading_id: int, actor: Actor) -> Reading:
    """Take the reading for ``actor`` (a user). Claiming what one holds already changes nothing.

    :raises AlreadyClaimed: somebody else holds it
    :raises ExamNotReady: nothing to read yet, or the exam is cancelled
    :raises TransitionRefused: it is final (open it by :func:`amend`)
    """
    raise NotImplementedError


def take_over(reading_id: int, actor: Actor) -> Reading:
    """Take a reading that another user holds, with its draft; the audit event names both.

    :raises ExamNotReady, TransitionRefused: as :func:`claim`
    """
    raise NotImplementedError


def release(reading_id: int, actor: Actor) -> Reading:
    """Give the reading back; a draft stays with it. A correction that is released is dropped: the text is again
    that of the version in force.

    :raises AlreadyClaimed: somebody else holds it
    """
    raise NotImplementedError


def save_draft(reading_id: int, revision: int, sections: Sections, actor: Actor) -> int:
    """Keep ``sections`` as the draft and return the new revision; ``revision`` is the one they were typed over.

    :raises DraftConflict: the draft has another revision now
    :raises AlreadyClaimed: the reading is held by somebody else, or (``TransitionRefused``) by nobody
    """
    raise NotImplementedError


def apply_template(
    reading_id: int, template_id: int, revision: int, actor: Actor, replace: frozenset[str] = frozenset()
) -> AppliedTemplate:
    """Fill the draft's empty sections, and those named by ``replace``, from a template, and save it.

    :raises NotFound: no such template
    :raises DraftConflict, AlreadyClaimed, TransitionRefused: as :func:`save_draft`
    """
    raise NotImplementedError


def approve(reading_id: int, revision: int, status: VersionStatus, actor: Actor) -> ReportVersion:
    """Approve the saved draft of ``revision`` as preliminary, final or (after :func:`amend`) corrected.

    One transaction: the immutable version, a delivery for every active receiver that wants it, the jobs that make
    the document and send it, the exam's state, audit, and the announcement to screens.

    :raises ConclusionMissing, ExamNotReady, DraftConflict, AlreadyClaimed, TransitionRefused: nothing was changed
    """
    raise NotImplementedError


def amend(reading_id: int, actor: Actor) -> Reading:
    """Open a final report for correction, held by ``actor``; the version in force stays until a corrected one is
    approved.

    :raises TransitionRefused: it is not final, or already open for correction
    """
    raise NotImplementedError
