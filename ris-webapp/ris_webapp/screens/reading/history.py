"""The history of a report: approved versions, earlier states of the draft, and the draft as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ris_core.accounts.models import User
from ris_core.errors import NotFound
from ris_core.reports.content import Content
from ris_core.reports.models import DraftState, ReportVersion
from ris_core.reports.texts import content_of
from ris_webapp.screens.reading.differences import against
from ris_webapp.screens.reading.status import ReadingPage, clock_with_seconds


@dataclass(frozen=True, slots=True)
class State:
    """What the report said at one time."""

    key: str
    """``v`` and the number of a version, ``d`` and the revision of a draft, or ``now``."""
    kind: Literal["version", "draft", "now"]
    content: Content
    who: User | None
    at: datetime | None
    version: ReportVersion | None = None


def states_of(page: ReadingPage) -> list[State]:
    """Everything that may be compared, newest first; drafts for those who may see the draft."""
    versions = (
        ReportVersion.objects.filter(reading__procedure=page.exam)
        .select_related("approved_by")
        .prefetch_related("deliveries__receiver")
    )
    found = [
        State(f"v{each.number}", "version", content_of(each), each.approved_by, each.approved_at, each)
        for each in versions
    ]
    found += [
        State(f"d{each.revision}", "draft", Content.from_json(each.content), each.typed_by, each.saved_at)
        for each in _drafts(page)
    ]
    found.sort(key=lambda state: state.at.timestamp() if state.at else 0.0, reverse=True)
    reading = page.reading
    if page.rights.sees_draft and reading is not None and reading.draft_by is not None:
        found.insert(0, State("now", "now", content_of(reading), reading.draft_by, reading.draft_saved_at))
    return found


def state_of(page: ReadingPage, key: str) -> State:
    """:raises NotFound: no such state, or not for this user"""
    found = next((state for state in states_of(page) if state.key == key), None)
    if found is None:
        raise NotFound("no such state of this report")
    return found


def standing_against(page: ReadingPage, mine: Content) -> dict[str, Any]:
    """What the user sees of the report now, and how ``mine`` differs from it."""
    reading = page.reading
    return {
        "revision": reading.draft_revision if reading else 0,
        "savedAt": clock_with_seconds(reading.draft_saved_at if reading else None),
        "window": reading.draft_window if reading else "",
        **against(page.content, mine),
    }


def _drafts(page: ReadingPage) -> list[DraftState]:
    if not page.rights.sees_draft or page.reading is None:
        return []
    return list(page.reading.draft_states.select_related("typed_by"))
