"""Statistics on the screen: who sees them, filters in the address, Excel."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from django.http import FileResponse
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.jobs.models import Job
from ris_core.statistics.exports import (
    JOB_KIND,
    KEPT,
    after_export_died,
    ask_for_register,
    forget_register_exports,
    run_export_register,
)
from ris_core.statistics.models import RegisterExport
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_webapp.screens.statistics.sheets import register_wording
from ris_webapp.screens.statistics.wanted import Wanted
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db

PAGES = ("", "turnaround/", "images/", "register/")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_figures_or_says_that_there_are_none(page: str) -> None:
    reader = client_as(Role.RADIOLOGIST)
    empty = reader.get(f"/statistics/{page}?from=2020-01-01&to=2020-01-31")
    assert empty.status_code == 200
    assert "Không có ca nào" in empty.content.decode()
    a_receiver()
    approved(an_exam(), a_reader())
    assert "Không có ca nào" not in reader.get(f"/statistics/{page}").content.decode()
    assert client_as(Role.TECHNOLOGIST).get(f"/statistics/{page}").status_code == 403


@pytest.mark.parametrize("query", ["from=x&to=y", "from=2026-12-31&to=2026-01-01", "from=01/01/2020&to=2026-01-01"])
def test_a_period_that_is_none_is_put_right(query: str) -> None:
    assert client_as(Role.ADMINISTRATOR).get(f"/statistics/?{query}").status_code == 200


@pytest.mark.parametrize("of", ["overview", "turnaround", "images", "register"])
def test_a_table_can_be_had_as_a_workbook_and_it_is_written_down(of: str) -> None:
    exam = an_exam()
    approved(exam, a_reader())
    response = client_as(Role.RECEPTION).get(f"/statistics/export.xlsx?of={of}")
    assert isinstance(response, FileResponse)
    with zipfile.ZipFile(BytesIO(response.getvalue())) as book:
        text = book.read("xl/worksheets/sheet1.xml").decode()
    assert (exam.request.accession_number in text) == (of == "register")
    assert AuditEvent.objects.get(action="statistics.exported").subject == f"statistics:{of}"


def test_a_table_that_there_is_not_is_refused() -> None:
    assert client_as(Role.RECEPTION).get("/statistics/export.xlsx?of=users").status_code == 404


def test_one_exam_is_one_exam_in_english() -> None:
    an_exam()
    reader = client_as(user=a_user(Role.RADIOLOGIST, language="en"))
    page = reader.get("/statistics/").content.decode()
    assert "<b>1</b> exam ordered" in page
    assert "<b>1</b> patient<" in page
    an_exam()
    assert "<b>2</b> exams ordered" in reader.get("/statistics/").content.decode()


def test_a_long_register_is_written_by_the_worker_and_taken_by_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ris_webapp.screens.statistics.views.LINES_AT_ONCE", 1)
    numbers = [an_exam().request.accession_number for _ in range(2)]
    reader, other = client_as(user=a_user(Role.RADIOLOGIST, language="en")), client_as(Role.RADIOLOGIST)
    for _again in range(2):
        answer = reader.get("/statistics/export.xlsx?of=register")
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/statistics/register/")
    export = RegisterExport.objects.get()
    job = Job.objects.get(kind=JOB_KIND)
    assert reader.get(f"/statistics/registers/{export.pk}.xlsx").status_code == 404
    assert f"export:{export.pk}" in reader.get("/statistics/register/").content.decode()
    run_export_register(job.subject_id)
    run_export_register(job.subject_id)
    assert f"/statistics/registers/{export.pk}.xlsx" in reader.get("/statistics/register/").content.decode()
    assert "registers/" not in other.get("/statistics/register/").content.decode()
    assert other.get(f"/statistics/registers/{export.pk}.xlsx").status_code == 404
    response = reader.get(f"/statistics/registers/{export.pk}.xlsx")
    assert isinstance(response, FileResponse)
    with zipfile.ZipFile(BytesIO(response.getvalue())) as book:
        text = book.read("xl/worksheets/sheet1.xml").decode()
    assert all(number in text for number in numbers)
    assert "Imaging register" in text
    assert AuditEvent.objects.filter(action="statistics.taken").count() == 1
    RegisterExport.objects.update(asked_at=timezone.now() - KEPT)
    assert reader.get(f"/statistics/registers/{export.pk}.xlsx").status_code == 404
    forget_register_exports("")
    assert not RegisterExport.objects.exists()


def test_a_register_that_could_not_be_written_says_so() -> None:
    user = a_user(Role.RADIOLOGIST)
    period = Wanted.of({}).period
    export = ask_for_register(period, register_wording(period), Actor(user.username, user_id=user.pk))
    after_export_died(str(export.pk), "disk full")
    assert "Không viết được" in client_as(user=user).get("/statistics/register/").content.decode()
