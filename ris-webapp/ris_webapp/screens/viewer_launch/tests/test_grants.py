"""Viewer cookies of one browser stay few enough for the front door, and go at logout."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from ris_core.access.tokens import viewer_cookie_name
from ris_core.identifiers import StudyInstanceUID
from ris_webapp.screens.reading.tests.exams import a_study, a_user, an_exam, client_of
from ris_webapp.screens.viewer_launch.grants import LEDGER_COOKIE, MAXIMUM_BYTES, grant_viewing, withdraw_all


class Browser:
    """Keeps cookies as a browser does, whatever their path."""

    def __init__(self) -> None:
        self.jar: dict[str, str] = {}

    def request(self) -> object:
        request = RequestFactory().get("/")
        request.COOKIES = {LEDGER_COOKIE: self.jar.get(LEDGER_COOKIE, "")}
        return request

    def take(self, cookies: SimpleCookie) -> None:
        for name, morsel in cookies.items():
            if morsel["max-age"] == 0:
                self.jar.pop(name, None)
            else:
                self.jar[name] = morsel.value

    @property
    def viewer_cookies(self) -> dict[str, str]:
        return {name: value for name, value in self.jar.items() if name.startswith("quang_view_")}

    def open(self, study_uid: str) -> None:
        response = HttpResponse()
        grant_viewing(self.request(), response, [[study_uid]], "reader", grant="session:test")  # type: ignore[arg-type]
        self.take(response.cookies)


def test_a_day_of_reading_never_overfills_the_request_headers() -> None:
    browser = Browser()
    uids = [StudyInstanceUID.new() for _ in range(120)]
    for uid in uids:
        browser.open(uid)
        assert sum(len(name) + len(value) + 3 for name, value in browser.viewer_cookies.items()) <= MAXIMUM_BYTES
    newest = dict(browser.viewer_cookies)
    browser.open(uids[-1])
    assert newest.keys() == browser.viewer_cookies.keys()


def test_several_exams_stay_open_beside_each_other() -> None:
    browser = Browser()
    for _ in range(8):
        browser.open(StudyInstanceUID.new())
    assert len(browser.viewer_cookies) == 8


def test_logging_out_takes_every_grant_away() -> None:
    browser = Browser()
    for _ in range(3):
        browser.open(StudyInstanceUID.new())
    response = HttpResponse()
    withdraw_all(browser.request(), response)  # type: ignore[arg-type]
    browser.take(response.cookies)
    assert browser.jar == {}


def test_the_list_of_grants_lasts_as_long_as_they_do() -> None:
    response = HttpResponse()
    grant_viewing(Browser().request(), response, [[StudyInstanceUID.new()]], "reader", grant="session:test")  # type: ignore[arg-type]
    grants = [morsel["max-age"] for name, morsel in response.cookies.items() if name != LEDGER_COOKIE]
    assert response.cookies[LEDGER_COOKIE]["max-age"] >= max(grants) > 0


def test_a_forged_list_of_grants_withdraws_nothing_else() -> None:
    request = RequestFactory().get("/")
    request.COOKIES = {LEDGER_COOKIE: "quang_session.5-../../x.3-abcdefabcdef.9"}
    response = HttpResponse()
    withdraw_all(request, response)
    assert set(response.cookies) == {"quang_view_abcdefabcdef", LEDGER_COOKIE}


@pytest.mark.django_db
def test_the_logout_button_withdraws_what_reading_granted() -> None:
    exam = an_exam()
    study = a_study(exam)
    client = client_of(a_user())
    client.get(f"/exams/{exam.pk}/")
    answer: Any = client.post("/logout/")
    assert answer.cookies[viewer_cookie_name([study.study_instance_uid])]["max-age"] == 0
