"""Earlier states of a draft, so that what was overwritten can be looked at and taken again.

A save every second is no history. A state is put aside before a draft is written on in another window or by another
person, before a template or a dropped correction replaces it, and once in five minutes of typing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone

from ris_core.reports.models import DraftState, Reading
from ris_core.reports.texts import content_of

EVERY: Final = timedelta(minutes=5)
MOST_OF_A_READING: Final = 60
"""The newest; five hours of typing."""
_ROWS_AT_ONCE: Final = 2_000


def put_aside(reading: Reading, writer_id: int, window: str, *, always: bool = False) -> None:
    """Keep what the draft of ``reading`` (locked, not yet written on) says, if it is time to.

    :param always: the draft is about to be replaced, not written on
    """
    now = timezone.now()
    typed_by = reading.draft_by_id
    if typed_by is None or reading.draft_saved_at is None or not reading.plain_text.strip():
        reading.draft_kept_at = now
        return
    moved = typed_by != writer_id or reading.draft_window != window
    recent = reading.draft_kept_at is not None and now - reading.draft_kept_at < EVERY
    if recent and not moved and not always:
        return
    reading.draft_kept_at = now
    DraftState.objects.get_or_create(
        reading=reading,
        revision=reading.draft_revision,
        defaults={
            "content": content_of(reading).as_json(),
            "typed_by_id": typed_by,
            "saved_at": reading.draft_saved_at,
        },
    )
    beyond = reading.draft_states.order_by("-revision").values_list("pk", flat=True)[MOST_OF_A_READING:]
    DraftState.objects.filter(pk__in=list(beyond)).delete()


def written_by(reading: Reading, writer_id: int | None, window: str = "") -> None:
    """Say in ``reading`` (saved by the caller) whose words its draft holds now; none: the version's in force."""
    reading.draft_by_id = writer_id
    reading.draft_window = window


def forget_old_states(days: float) -> int:
    """Delete states older than ``days``; how many. What was approved is in the versions and stays."""
    old = DraftState.objects.filter(saved_at__lt=timezone.now() - timedelta(days=days)).order_by("pk")
    deleted = 0
    while keys := list(old.values_list("pk", flat=True)[:_ROWS_AT_ONCE]):
        deleted += DraftState.objects.filter(pk__in=keys).delete()[0]
    return deleted
