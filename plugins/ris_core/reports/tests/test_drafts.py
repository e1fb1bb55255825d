"""Earlier states of a draft: when one is put aside, by whom it was typed, how long it stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.services import Actor
from ris_core.changes.models import Change
from ris_core.reports.content import plain_content
from ris_core.reports.drafts import EVERY, MOST_OF_A_READING, forget_old_states
from ris_core.reports.holding import claim, release, take_over
from ris_core.reports.models import DraftState, Reading, VersionStatus
from ris_core.reports.services import amend, approve, open_reading, save_draft
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db

ONE, OTHER = "window-one", "window-other"


def typed(reading: Reading, text: str, actor: Actor, window: str = ONE) -> None:
    reading.refresh_from_db()
    save_draft(reading.pk, reading.draft_revision, plain_content(conclusion=text), actor, window)


def held() -> tuple[Reading, Actor]:
    reader = a_reader()
    return claim(open_reading(an_exam().pk).pk, reader), reader


def kept(reading: Reading) -> list[str]:
    states = DraftState.objects.filter(reading=reading).order_by("revision")
    return [state.content["sections"][2]["blocks"][0]["text"] for state in states]


def test_typing_on_keeps_no_state_of_every_save() -> None:
    reading, reader = held()
    for text in ("Gan", "Gan to", "Gan to."):
        typed(reading, text, reader)
    assert kept(reading) == []


def test_five_minutes_of_typing_keep_one() -> None:
    reading, reader = held()
    typed(reading, "Gan to.", reader)
    Reading.objects.filter(pk=reading.pk).update(draft_kept_at=timezone.now() - EVERY)
    typed(reading, "Gan to. Lách to.", reader)
    typed(reading, "Lách to.", reader)
    assert kept(reading) == ["Gan to."]


def test_another_window_or_person_writes_over_nothing_that_is_not_kept() -> None:
    reading, reader = held()
    typed(reading, "Một.", reader)
    typed(reading, "Hai.", reader, OTHER)
    senior = a_reader(role=Role.SENIOR)
    take_over(reading.pk, "Hết ca trực", senior)
    typed(reading, "Ba.", senior, OTHER)
    assert kept(reading) == ["Một.", "Hai."]
    assert set(DraftState.objects.values_list("typed_by", flat=True)) == {reader.user_id}


def test_the_first_save_of_another_window_is_told_to_screens() -> None:
    reading, reader = held()
    typed(reading, "Một.", reader)
    before = Change.objects.count()
    typed(reading, "Một. Hai.", reader)
    assert Change.objects.count() == before
    typed(reading, "Hai.", reader, OTHER)
    assert Change.objects.count() == before + 1


def test_a_correction_that_is_dropped_can_be_taken_again() -> None:
    reading, reader = held()
    typed(reading, "Không thấy bất thường.", reader)
    reading.refresh_from_db()
    approve(reading.pk, reading.draft_revision, VersionStatus.FINAL, reader)
    amend(reading.pk, reader)
    typed(reading, "Nang gan.", reader)
    release(reading.pk, reader)
    assert kept(reading) == ["Nang gan."]


def test_a_reading_keeps_its_newest_states() -> None:
    reading, reader = held()
    for number in range(MOST_OF_A_READING + 3):
        typed(reading, f"Câu {number}.", reader, ONE if number % 2 else OTHER)
    assert len(kept(reading)) == MOST_OF_A_READING
    assert kept(reading)[-1] == f"Câu {MOST_OF_A_READING + 1}."


def test_old_states_are_forgotten_and_versions_are_not() -> None:
    reading, reader = held()
    typed(reading, "Một.", reader)
    typed(reading, "Hai.", reader, OTHER)
    reading.refresh_from_db()
    approve(reading.pk, reading.draft_revision, VersionStatus.FINAL, reader)
    assert forget_old_states(1) == 0
    DraftState.objects.update(saved_at=timezone.now() - timedelta(days=2))
    assert forget_old_states(1) == 1
    assert reading.versions.count() == 1
