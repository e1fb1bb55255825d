"""Statistics on the screen: who sees them, filters in the address, Excel."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from django.http import FileResponse

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
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
