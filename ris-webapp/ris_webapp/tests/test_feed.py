"""The feed of changes: nothing is missed, nothing is told twice, no patient data travels."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.changes.models import Change
from ris_core.changes.services import announce
from ris_core.orders.models import Urgency
from ris_testing.exams import an_exam
from ris_webapp import feed, stream
from ris_webapp.feed import BATCH, Feed, since
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def test_a_change_is_told_once() -> None:
    reader = Feed()
    reader.start()
    announce("message", 7)
    assert reader.read().changes == [{"topic": "message", "id": 7}]
    assert reader.read().changes == []


def test_what_was_committed_before_is_not_told() -> None:
    announce("message", 7)
    reader = Feed()
    reader.start()
    assert reader.read().changes == []


def test_a_change_that_commits_after_a_later_one_is_told_too() -> None:
    reader = Feed()
    reader.start()
    late = Change.objects.create(topic="message", subject_id=1)
    announce("message", 2)
    Change.objects.filter(pk=late.pk).delete()  # not visible yet: its transaction is still open
    assert [change["id"] for change in reader.read().changes] == [2]
    late.save(force_insert=True)
    assert [change["id"] for change in reader.read().changes] == [1]


def test_very_many_changes_hold_up_nobody() -> None:
    """Hundreds of orders a second: what comes after them is told at once, not when they have settled."""
    reader = Feed()
    reader.start()
    Change.objects.bulk_create([Change(topic="message", subject_id=number) for number in range(5 * feed.BATCH)])
    announce("message", 999_999)
    told = [change["id"] for _ in range(2) for change in reader.read().changes]
    assert told == [*range(5 * feed.BATCH), 999_999]


def test_old_changes_are_forgotten_so_that_memory_stays_small() -> None:
    reader = Feed()
    reader.start()
    announce("message", 1)
    Change.objects.update(at=timezone.now() - timedelta(seconds=feed.SETTLING_SECONDS + 1))
    reader.read()
    assert not reader._seen
    assert reader.read().changes == []


def test_an_exam_comes_with_what_lists_filter_by_and_nothing_of_the_patient() -> None:
    exam = an_exam()
    reader = Feed()
    reader.start()
    announce("exam", exam.pk)
    announce("exam", exam.pk)
    [change] = reader.read().changes
    assert change == {
        "topic": "exam", "id": exam.pk, "exam_state": exam.exam_state, "modality": "CT", "priority": "ROUTINE",
        "urgency": Urgency.ROUTINE, "due_at": change["due_at"], "scheduled_at": exam.scheduled_at.timestamp(),
        "is_new": True,
    }  # fmt: skip


def test_a_studys_change_is_its_exams_change() -> None:
    exam = an_exam()
    reader = Feed()
    reader.start()
    announce("study", exam.links.get().study_id)
    assert {(change["topic"], change["id"]) for change in reader.read().changes} == {
        ("study", exam.links.get().study_id),
        ("exam", exam.pk),
    }


def test_a_page_that_was_cut_off_is_told_what_it_missed() -> None:
    announce("message", 1)
    position = Change.objects.latest("pk").pk
    announce("message", 2)
    missed = since(position)
    assert missed is not None
    assert [change["id"] for change in missed.changes] == [2]
    assert missed.position == position + 1


def test_a_page_that_missed_too_much_must_load_anew() -> None:
    announce("message", 1)
    position = Change.objects.latest("pk").pk
    Change.objects.bulk_create([Change(topic="message", subject_id=n) for n in range(BATCH + 1)])
    assert since(position) is None
    Change.objects.filter(pk__lte=position).delete()
    assert since(position) is None


def test_a_listener_that_does_not_keep_up_is_told_to_load_anew_and_holds_up_nobody() -> None:
    async def listen() -> tuple[list[str | None], int]:
        listeners = stream.Listeners()
        with listeners.joined() as slow, listeners.joined() as quick:
            told = 0
            for number in range(stream.QUEUE_LENGTH + 1):
                listeners.tell(f"{number}")
                await quick.get()
                told += 1
            return [slow.get_nowait() for _ in range(slow.qsize())], told

    assert asyncio.run(listen()) == ([None], stream.QUEUE_LENGTH + 1)


def test_an_event_has_the_form_that_browsers_read() -> None:
    assert stream.event("change", "[]", 12) == "id: 12\nevent: change\ndata: []\n\n"


def test_a_page_is_told_what_changed_while_it_was_on_its_way() -> None:
    announce("message", 1)
    page = client_as().get("/").content.decode()
    position = Change.objects.latest("pk").pk
    assert f'data-events="/events?after={position}"' in page
    announce("message", 2)
    missed = since(position)
    assert missed is not None
    assert [change["id"] for change in missed.changes] == [2]


@pytest.mark.parametrize("screen", ["/patients/", "/deliveries/", "/exams/{exam}/", "/exams/{exam}/return/"])
def test_every_page_says_where_the_feed_stood_before_anything_of_it_was_read(screen: str) -> None:
    address = screen.format(exam=an_exam().pk)
    client = client_as(Role.RADIOLOGIST if "exam" in screen else Role.ADMINISTRATOR)
    announce("message", 1)
    position = Change.objects.latest("pk").pk
    with CaptureQueriesContext(connection) as captured:
        page = client.get(address, headers={"Accept": "text/html,*/*;q=0.8"}).content.decode()
    assert f'data-events="/events?after={position}"' in page
    asked = [query["sql"] for query in captured.captured_queries]
    first = next(number for number, sql in enumerate(asked) if 'FROM "changes_change"' in sql)
    shown = ("orders_requestedprocedure", "patients_patient", "delivery_delivery")
    assert all(f'FROM "{table}"' not in sql for sql in asked[:first] for table in shown)


@pytest.mark.parametrize(
    "headers", [{"HX-Request": "true"}, {"X-Quang-Background": "1"}, {"Accept": "application/json"}]
)
def test_what_a_page_asks_for_later_asks_nothing_of_the_feed(headers: dict[str, str]) -> None:
    with CaptureQueriesContext(connection) as captured:
        client_as().get("/", headers=headers)
    assert not [each for each in captured.captured_queries if 'FROM "changes_change"' in each["sql"]]
