"""The worklist: what is found, in which order, how many queries it takes."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.exam_lists.targets import set_target
from ris_core.exam_search import services
from ris_core.names import folded
from ris_core.orders.models import ExamState, RequestedProcedure, Visit
from ris_core.patients.models import Patient
from ris_core.reports.models import Reading
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.screens.worklist import facets as counting
from ris_webapp.screens.worklist import listing
from ris_webapp.screens.worklist.facets import COUNTS, Count, SharedCounts, facets
from ris_webapp.screens.worklist.filters import COLUMN_SORTS, Cursor, Filter
from ris_webapp.screens.worklist.listing import exam_page
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db

READER = User(pk=0, role="RADIOLOGIST")
"""Somebody who sees every exam and has none of their own."""


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    COUNTS.forget()


def _named(name: str, **exam: object) -> RequestedProcedure:
    made = an_exam(**exam)  # type: ignore[arg-type]
    Patient.objects.filter(pk=made.patient_id).update(full_name=name, search_key=folded(name))
    return made


def _found(query: str) -> set[int]:
    return {row.procedure_id for row in exam_page(Filter(query=query, when="all"), READER).rows}


@pytest.mark.parametrize(
    "query", ["Nguyễn Thị Đào", "nguyen thi dao", "ĐÀO nguyễn", "dao", "ngu dao", "  Thị   NGUYEN ", "đào 1980"]
)
def test_a_name_is_found_with_or_without_diacritics_and_in_any_order(query: str) -> None:
    dao, other = _named("NGUYỄN THỊ ĐÀO"), _named("TRẦN VĂN DAOANH")
    found = _found(query)
    assert dao.pk in found
    assert other.pk not in found
    assert _found("daoa") == {other.pk}


def test_words_are_found_from_their_beginning_only() -> None:
    _named("NGUYỄN THANH LAN")
    assert _found("anh") == set()


def test_signs_that_databases_treat_as_wildcards_are_plain_text() -> None:
    _named("NGUYỄN THANH LAN")
    assert _found("%") == set()
    assert _found("_guyen") == set()


@pytest.mark.parametrize("few", [services.FEW, 0])
def test_common_and_rare_names_give_the_same_answer(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "FEW", few)
    found = {_named("LÊ VĂN AN").pk, _named("LÊ THỊ AN").pk}
    _named("LÊ ANH")
    assert _found("an le") >= found
    assert _found("van an") < found


@pytest.mark.parametrize(("few", "often"), [(services.FEW, 1000), (0, 1), (0, 1000)])
@pytest.mark.parametrize("newest", [2, 5, 1000])
@pytest.mark.parametrize("chips", [{}, {"state": "final"}, {"modality": "MR"}])
def test_a_search_shows_each_exam_once_from_the_latest_back_whichever_way_it_is_found(
    few: int, often: int, newest: int, chips: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FEW", few), ("OFTEN", often), ("NEWEST", newest)):
        monkeypatch.setattr(services, name, value)
    now = timezone.now()
    made = [
        _named(
            "LÊ VĂN AN" if number % 3 else "LÊ THỊ LY",
            modality="MR" if number % 2 else "CT",
            state="FINAL" if number % 5 else "ORDERED",
            scheduled_at=now + timedelta(hours=5 - number // 2),
            images=False,
        )
        for number in range(16)
    ]
    wanted = Filter(query="an", when="all", **chips)  # type: ignore[arg-type]
    fitting = [
        exam
        for exam in made
        if made.index(exam) % 3
        and (wanted.state != "final" or exam.exam_state == "FINAL")
        and wanted.modality in ("", exam.modality)
    ]
    expected = [exam.pk for exam in sorted(fitting, key=lambda exam: (exam.scheduled_at, exam.pk), reverse=True)]
    seen: list[int] = []
    after: Cursor | None = None
    while after or not seen:
        page = exam_page(wanted, READER, after, size=3)
        seen += [row.procedure_id for row in page.rows]
        after = page.next_cursor
        if after is None:
            break
    assert seen == expected
    assert facets(wanted, narrowed=listing.filtered(wanted, READER)).total == Count(len(expected))


def test_every_number_of_an_exam_finds_it() -> None:
    exam = an_exam()
    an_exam()
    exam.request.sent_accession_number = "HIS-2026-000000123456789"
    exam.request.save()
    national = [identifier.value for identifier in exam.patient.identifiers.filter(kind="NI")]
    numbers = [identifier.value for identifier in exam.patient.identifiers.all()]
    numbers += [exam.request.accession_number, exam.placer_order_number, exam.request.sent_accession_number]
    for number in numbers:
        assert _found(number) == {exam.pk}, number
        assert _found(number.lower()) == {exam.pk}, number
        if number in national:  # sealed in the database: found as a whole
            continue
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
    assert [row.procedure_id for row in exam_page(Filter(), READER).rows] == wanted


def test_emergencies_come_before_inpatients_and_of_these_first_what_is_due_first() -> None:
    """Within one urgency the time waited counts against the target, not alone."""
    now = timezone.now()
    set_target(Actor("test"), priority="", patient_class="", modality="US", service_code="", minutes=30)
    wanted = []
    for patient_class, modality, waited in [
        ("E", "CT", 10), ("I", "US", 40), ("I", "US", 5), ("I", "CT", 200), ("I", "CT", 100), ("O", "CT", 500),
    ]:  # fmt: skip
        exam = an_exam(modality=modality, images_arrived_at=now - timedelta(minutes=waited), scheduled_at=now)
        Visit.objects.filter(patient=exam.patient).update(patient_class=patient_class)
        wanted.append(exam.pk)
    rows = exam_page(Filter(), READER).rows
    assert [row.procedure_id for row in rows] == wanted
    assert [(row.target_minutes, row.late_minutes) for row in rows[:3]] == [(240, None), (30, 10), (30, None)]
    assert [row.procedure_id for row in exam_page(Filter(late=True, when="all"), READER).rows] == [wanted[1], wanted[5]]


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
        page = exam_page(wanted, READER, after, size=3)
        seen += [row.procedure_id for row in page.rows]
        after = page.next_cursor
        if after is None:
            break
        after = Cursor.parse(str(after))
    assert sorted(seen) == sorted(made)


def test_a_cursor_that_is_none_shows_the_first_page() -> None:
    for text in ("", "x", "1.2", "0.1.99999999999999999999999.1", "1.2.3", "1.2.3.x"):
        assert Cursor.parse(text) is None


def test_filters_narrow_and_survive_the_address() -> None:
    exam = an_exam(modality="MR", state="READY_TO_READ")
    an_exam(modality="CT", state="READY_TO_READ")
    an_exam(modality="MR", state="FINAL")
    wanted = Filter.parse({"state": "ready", "modality": "mr", "when": "today", "junk": "1"})
    assert [row.procedure_id for row in exam_page(wanted, READER).rows] == [exam.pk]
    assert wanted.address() == "?state=ready&modality=MR&when=today"
    assert Filter.parse({"state": "x", "when": "x", "priority": "x", "sort": "x"}) == Filter()


def test_mine_are_the_readings_i_hold_and_have_not_finished() -> None:
    me, other = a_user(), a_user()
    mine, done, theirs = an_exam(state="CLAIMED"), an_exam(state="FINAL"), an_exam(state="CLAIMED")
    Reading.objects.create(procedure=mine, state="CLAIMED", claimed_by=me)
    Reading.objects.create(procedure=done, state="FINAL", claimed_by=me)
    Reading.objects.create(procedure=theirs, state="CLAIMED", claimed_by=other)
    assert [row.procedure_id for row in exam_page(Filter(mine=True), me).rows] == [mine.pk]


def test_chips_count_under_the_other_filters() -> None:
    for modality, state in [("CT", "READY_TO_READ"), ("CT", "READY_TO_READ"), ("MR", "READY_TO_READ"), ("CT", "FINAL")]:
        an_exam(modality=modality, state=state)
    counted = facets(Filter(state="ready"), SharedCounts())
    assert counted.states["ready"] == Count(3)
    assert counted.states["final"] == Count(1)
    assert counted.modalities == {"CT": Count(2), "MR": Count(1)}
    assert counted.total == Count(3)


def test_a_search_is_counted_too_and_what_is_too_much_is_said_to_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for state in ("READY_TO_READ", "FINAL", "FINAL"):
        an_exam(state=state)
    wanted = Filter(query="đào", when="all")
    assert facets(wanted, narrowed=listing.filtered(wanted, READER)).states["final"] == Count(2)
    monkeypatch.setattr(counting, "MOST_FOUND", 1)
    for newest in (services.NEWEST, 2):
        monkeypatch.setattr(services, "NEWEST", newest)
        assert facets(wanted, narrowed=listing.filtered(wanted, READER)).total == Count(1, at_least=True)


def test_over_all_days_no_more_than_the_newest_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for state in ("READY_TO_READ", "FINAL", "FINAL"):
        an_exam(state=state)
    monkeypatch.setattr(counting, "MOST_ROWS", 1)
    counted = facets(Filter(when="all"), SharedCounts())
    assert counted.states["ready"] == Count(1)
    assert counted.states["final"].at_least


@pytest.mark.parametrize("column", COLUMN_SORTS)
def test_every_column_sorts_both_ways_page_by_page(column: str) -> None:
    for number in range(5):
        made = _named(
            f"LÊ VĂN {'ABCDE'[number]}", service_name=f"Dịch vụ {number % 2}", modality=["CT", "MR"][number % 2]
        )
        made.steps.update(room=f"P{number % 2}")
    there, back = (_all_pages(Filter(when="all", sort=sort)) for sort in (column, f"-{column}"))
    assert len(set(there)) == len(there) == 5
    assert sorted(there) == sorted(back)
    if column == "patient":
        assert there == back[::-1]


def _all_pages(wanted: Filter) -> list[int]:
    seen: list[int] = []
    after = None
    for _ in range(5):
        page = exam_page(wanted, READER, after, size=2)
        seen += [row.procedure_id for row in page.rows]
        after = page.next_cursor
        if after is None:
            break
    return seen


def test_a_sort_of_very_many_exams_is_of_the_newest_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = an_exam(scheduled_at=timezone.now() - timedelta(days=1)), an_exam()
    wanted = Filter(when="all", sort="patient")
    assert exam_page(wanted, READER).sorted_among is None
    monkeypatch.setattr(listing, "SORTED_AMONG", 1)
    page = exam_page(wanted, READER)
    assert ([row.procedure_id for row in page.rows], page.sorted_among) == ([new.pk], 1)
    assert old.pk not in [row.procedure_id for row in page.rows]


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(service="so nao", when="all"), Filter(department="nội thần kinh", when="all"),
        Filter(region="HEAD", when="all"), Filter(patient_class="O", when="all"),
        Filter(device="ct9", query="dao", when="all"), Filter(report="xuat huyet", when="all"),
    ],
)  # fmt: skip
def test_further_filters_narrow(wanted: Filter) -> None:
    exam = an_exam()
    exam.steps.update(station_ae_title="CT9")
    approved(exam, a_reader())
    other = an_exam(service_name="Siêu âm thai", service_code="SA.THAI")
    Visit.objects.filter(patient_id=other.patient_id).update(patient_class="I")
    type(other.request).objects.filter(pk=other.request_id).update(requesting_department="Khoa Sản")
    assert [row.procedure_id for row in exam_page(wanted, READER).rows] == [exam.pk]
    assert Filter.parse(dict(parse_qsl(wanted.address()[1:]))) == wanted


def test_days_from_and_until_are_whole_days_here() -> None:
    today = timezone.localdate()
    exam = an_exam()
    an_exam(scheduled_at=timezone.now() - timedelta(days=3))
    assert [row.procedure_id for row in exam_page(Filter(since=today, until=today), READER).rows] == [exam.pk]
    assert len(exam_page(Filter(since=today - timedelta(days=3)), READER).rows) == 2
    assert Filter.parse({"since": "31.12.2026", "until": "x"}) == Filter()


def test_counts_are_made_once_for_all_who_ask_within_two_seconds() -> None:
    moment = [100.0]
    counts = SharedCounts(clock=lambda: moment[0])
    an_exam()
    assert facets(Filter(), counts).total == Count(1)
    an_exam()
    assert facets(Filter(), counts).total == Count(1)
    moment[0] += 2.1
    assert facets(Filter(), counts).total == Count(2)


def _queries(client: Client, address: str) -> int:
    """Without those that are made once in a second or two for all who ask: roles, counts."""
    fewest = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        fewest.append(len(captured))
    return min(fewest)


@pytest.mark.parametrize("address", ["/", "/?when=all", "/?q=nguyen", "/?mine=1"])
def test_a_page_takes_as_many_queries_for_thirty_exams_as_for_three(address: str) -> None:
    user = a_user()
    client = client_as(user=user)

    def more(count: int) -> None:
        for _ in range(count):
            Reading.objects.create(procedure=an_exam(state="CLAIMED"), state="CLAIMED", claimed_by=user)

    more(3)
    few = _queries(client, address)
    more(27)
    assert _queries(client, address) <= few
    assert few <= 29


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
