"""What an error answers: its own words, else those of the kind of error that it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client

from ris_core.imports.errors import ImportTooLarge, OtherPerson
from ris_core.patterns import PatternRefused
from ris_webapp.errors import WORDS, words_of
from ris_webapp.tests.people import client_as


@pytest.mark.parametrize(
    ("code", "status"),
    [(ImportTooLarge.code, 422), (OtherPerson.code, 409), (PatternRefused.code, 422), ("QUANG-9999", 500)],
)
def test_an_error_without_words_of_its_own_answers_as_its_kind(code: str, status: int) -> None:
    assert code not in WORDS
    assert words_of(code).status == status


def test_it_can_look_up_every_code_that_has_words() -> None:
    listed = (Path(__file__).parents[3] / "docs" / "error-codes.md").read_text()
    assert [code for code in WORDS if f"| `{code}` |" not in listed] == []


def _away(_execute: Callable[..., Any], *_arguments: object) -> Any:
    raise OperationalError("connection to server at 10.0.0.9 failed: password=secret")


@pytest.mark.django_db
@pytest.mark.parametrize("logged_in", [True, False])
def test_a_database_that_does_not_answer_is_said_to_people_and_programs(logged_in: bool) -> None:
    browser = client_as() if logged_in else Client()
    if not logged_in:
        browser.cookies[settings.SESSION_COOKIE_NAME] = "of-a-session-that-is-looked-up"
    browser.raise_request_exception = False
    with connection.execute_wrapper(_away):
        page = browser.get("/?date=all")
        script = browser.get("/?date=all", headers={"accept": "application/json"})
    assert (page.status_code, page["Retry-After"], script.status_code) == (503, "5", 503)
    assert script.json()["code"] == "QUANG-1012"
    told = page.content.decode()
    assert "QUANG-1012" in told
    assert "Cơ sở dữ liệu chưa trả lời" in told
    assert "secret" not in told + script.content.decode()
    if logged_in:
        assert browser.get("/?date=all").status_code == 200, "still logged in when it is back"
