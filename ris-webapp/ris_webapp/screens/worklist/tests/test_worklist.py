"""The worklist: what is found, in which order, how many queries it takes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.names import folded
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.reports.models import Reading
from ris_testing.exams import an_exam
from ris_webapp.screens.worklist import search
from ris_webapp.screens.worklist.exams import exam_page
from ris_webapp.screens.worklist.facets import COUNTS, SharedCounts, facets
from ris_webapp.screens.worklist.filters import Cursor, Filter
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    COUNTS.forget()


def _named(name: str, **exam: object) -> RequestedProcedure:
    made = an_exam(**exam)  # type: ignore[arg-type]
    Patient.objects.filter(pk=made.patient_id).update(full_name=name, search_key=folded(name))
    return made


def _found(query: str) -> set[int]:
    return {row.procedure_id for row in exam_page(Filter(query=query, when="all"), 0).rows}


@pytest.mark.parametrize(
    "query", ["Nguyễn Thị Đào", "nguyen thi dao", "ĐÀO nguyễn", "dao", "ngu dao", "  Thị   NGUYEN ", "đào 1980"]
)
def test_a_name_is_found_with_or_without_diacritics_and_in_any_order(query: str) -> None:
    dao, other = _named("NGUYỄN THỊ ĐÀO"), _named("TRẦN VĂN DAOANH")
    found = _found(query)
    assert dao.pk in found
    assert (other.pk in found) == (query in ("dao", "đào 1980"))


def test_words_are_found_from_their_beginning_only() -> None:
    _named("NGUYỄN THANH LAN")
    assert _found("anh") == set()


def test_signs_that_databases_treat_as_wildcards_are_plain_text() -> None:
    _named("NGUYỄN THANH LAN")
    assert _found("%") == set()
    assert _found("_guyen") == set()


@pytest.mark.parametrize("few", [search.FEW, 0])
def test_common_and_rare_names_give_the_same_answer(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FEW", few)
    found = {_named("LÊ VĂN AN").pk, _named("LÊ THỊ AN").pk}
    _named("LÊ ANH")
    assert _found("an le") >= found
    assert _found("van an") < found


def test_every_number_of_an_exam_finds_it() -> None:
    exam = an_exam()
    an_exam()
    exam.request.sent_accession_number = "HIS-2026-000000123456789"
    exam.request.save()
    numbers = [identifier.value for identifier in exam.patient.identifiers.all()]
    numbers += [exam.request.accession_number, exam.placer_order_number, exam.request.sent_accession_number]
    for number in numbers:
        assert _found(number) == {exam.pk}, number
        assert _found(number.lower()) == {exam.pk}, number
        assert exam.pk in _found(number[:-2]), number
        assert exam.pk in _found(number[2:]), number


def test_unfinished_exams_come_by_priority_and_time_and_finished_ones_after_them() -> None:
    now = timezone.now()
    wanted = []
    for priority, rank, minutes, state in [
        ("STAT", 0, -10, "READY_TO_READ"), ("STAT", 0, 5, "ORDERED"), ("HIGH", 1, -300, "DRAFT"),
        ("ROUTINE", 2, -400, "READY_TO_READ"), ("ROUTINE", 2, -20, "IN_PROGRESS"), ("LOW", 3, -500, "ORDERED"),
        ("ROUTINE", 2, -5, "RETURNED"), ("STAT", 0, -30, "FINAL"), ("STAT", 0, -60, "CANCELLED"),
    ]:  # fmt: skip
        at = now + timedelta(minutes=minutes)
        wanted.append(an_exam(state=state, priority=priority, priority_rank=rank, scheduled_at=at).pk)
    assert [row.procedure_id for row in exam_page(Filter(), 0).rows] == wanted


@pytest.mark.parametrize(
    "wanted", [Filter(when="all"), Filter(when="all", sort="priority"), Filter(priority="routine")]
)
def test_pages_show_every_exam_exactly_once_also_those_of_the_same_moment(wanted: Filter) -> None:
    now = timezone.now()
    states = [*ExamState.values, *ExamState.values]
    made = {
        an_exam(state=state, scheduled_at=now + timedelta(minutes=number // 4), priority_rank=2, images=False).pk
        for number, state in enumerate(states)
    }
    seen: list[int] = []
    after: Cursor | None = None
    for _ in range(len(states)):
        page = exam_page(wanted, 0, after, size=3)
        seen += [row.procedure_id for row in page.rows]
        after = page.next_cursor
        if after is None:
            break
        after = Cursor.parse(str(after))
    assert sorted(seen) == sorted(made)


def test_a_cursor_that_is_none_shows_the_first_page() -> None:
    for text in ("", "x", "1.2", "0.99999999999999999999999.1", "1.2.3.4"):
        assert Cursor.parse(text) is None


def test_filters_narrow_and_survive_the_address() -> None:
    exam = an_exam(modality="MR", state="READY_TO_READ")
    an_exam(modality="CT", state="READY_TO_READ")
    an_exam(modality="MR", state="FINAL")
    wanted = Filter.parse({"state": "ready", "modality": "mr", "when": "today", "junk": "1"})
    assert [row.procedure_id for row in exam_page(wanted, 0).rows] == [exam.pk]
    assert wanted.address() == "?state=ready&modality=MR&when=today"
    assert Filter.parse({"state": "x", "when": "x", "priority": "x", "sort": "x"}) == Filter()


def test_mine_are_the_readings_i_hold_and_have_not_finished() -> None:
    me, other = a_user(), a_user()
    mine, done, theirs = an_exam(state="CLAIMED"), an_exam(state="FINAL"), an_exam(state="CLAIMED")
    Reading.objects.create(procedure=mine, state="CLAIMED", claimed_by=me)
    Reading.objects.create(procedure=done, state="FINAL", claimed_by=me)
    Reading.objects.create(procedure=theirs, state="CLAIMED", claimed_by=other)
    assert [row.procedure_id for row in exam_page(Filter(mine=True), me.pk).rows] == [mine.pk]


def test_chips_count_under_the_other_filters() -> None:
    for modality, state in [("CT", "READY_TO_READ"), ("CT", "READY_TO_READ"), ("MR", "READY_TO_READ"), ("CT", "FINAL")]:
        an_exam(modality=modality, state=state)
    counted = facets(Filter(state="ready"), SharedCounts())
    assert counted.states["ready"] == 3
    assert counted.states["final"] == 1
    assert counted.modalities == {"CT": 2, "MR": 1}
    assert counted.total == 3


def test_counts_are_made_once_for_all_who_ask_within_two_seconds() -> None:
    moment = [100.0]
    counts = SharedCounts(clock=lambda: moment[0])
    an_exam()
    assert facets(Filter(), counts).total == 1
    an_exam()
    assert facets(Filter(), counts).total == 1
    moment[0] += 2.1
    assert facets(Filter(), counts).total == 2


def _queries(client: object, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200  # type: ignore[attr-defined]
    return len(captured)


@pytest.mark.parametrize("address", ["/", "/?when=all", "/?q=nguyen", "/?mine=1"])
def test_a_page_takes_as_many_queries_for_thirty_exams_as_for_three(address: str) -> None:
    user = a_user()
    client = client_as(user=user)

    def more(count: int) -> None:
        for _ in range(count):
            Reading.objects.create(procedure=an_exam(state="CLAIMED"), state="CLAIMED", claimed_by=user)

    more(3)
    client.get(address)
    few = _queries(client, address)
    more(27)
    assert _queries(client, address) <= few
    assert few <= 17


def test_the_preview_shows_the_order_and_leaves_a_trace() -> None:
    exam = an_exam()
    user = a_user()
    page = client_as(user=user).get(f"/worklist/{exam.pk}/").content.decode()
    for text in (exam.placer_order_number, "LÊ THỊ HOA", "Đau đầu, chóng mặt", "21/11/1980", "Chưa máy nào lấy"):
        assert text in page
    event = AuditEvent.objects.get(action="exam.viewed")
    assert (event.user_id, event.patient_id) == (user.pk, exam.patient_id)
    assert client_as().get("/worklist/999999/").status_code == 404


def test_rows_give_the_exams_asked_for_and_ignore_nonsense() -> None:
    exam = an_exam()
    an_exam()
    page = client_as().get("/worklist/rows/", {"ids": f"{exam.pk},x,999999,-1"}).content.decode()
    assert page.count("data-exam=") == 1


def test_a_role_that_may_not_open_exams_is_offered_no_link_to_them() -> None:
    exam = an_exam()
    reception = client_as("RECEPTION")
    for page in (reception.get("/"), reception.get(f"/worklist/{exam.pk}/")):
        assert "NGUYỄN THỊ ĐÀO" in page.content.decode()
        assert "/exams/" not in page.content.decode()


def test_names_link_to_the_reading_page() -> None:
    exam = an_exam()
    assert f'href="{reverse("reading:page", args=(exam.pk,))}"' in client_as().get("/").content.decode()
