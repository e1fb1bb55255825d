"""Tell live screens that something has changed."""

from __future__ import annotations

from ris_core.changes.models import Change
from ris_core.statements import append


def announce(topic: str, subject_id: int) -> None:
    """Add a row to the feed, in the caller's transaction: screens learn of it when it commits, never before.

    Screens read on from the key they have seen last, so keys must grow with time whichever process announces.
    """
    append(Change(topic=topic, subject_id=subject_id))
