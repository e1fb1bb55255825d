"""The captcha of the login page: when it is asked, how long and how often it counts, and what is written down (Q6)."""

from __future__ import annotations

import base64
import time
from io import BytesIO

import msgspec
import pytest
from django.http import QueryDict
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from ris_core.audit.models import AuditEvent
from ris_webapp.screens.login import captcha
from ris_webapp.tests.people import PASSWORD, a_user, captcha_solved

pytestmark = pytest.mark.django_db


def log_in(name: str, password: str = PASSWORD, address: str = "203.0.113.7", **more: str) -> tuple[int, str]:
    answer = Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": password, **more})
    return answer.status_code, answer.content.decode()


def guessed(name: str, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        assert log_in(name, "wrong", address)[0] == 401


def form(made: captcha.Captcha, answer: str) -> QueryDict:
    entered = QueryDict(mutable=True)
    entered.update({captcha.TOKEN: made.token, captcha.ANSWER: answer})
    return entered


def test_after_three_wrong_passwords_from_wherever_the_right_one_alone_opens_nothing() -> None:
    user = a_user()
    guessed(user.username, ("198.51.100.1", "198.51.100.2", "198.51.100.3"))
    status, page = log_in(user.username.upper())
    assert (status, 'name="captcha_answer"' in page) == (422, True)
    assert log_in(user.username, **captcha_solved(page))[0] == 302
    assert log_in(a_user().username)[0] == 302, "others are asked for nothing"


def test_the_page_of_the_third_failure_shows_it_and_a_wrong_answer_is_asked_again() -> None:
    user = a_user()
    guessed(user.username, ("203.0.113.7",) * 2)
    _status, page = log_in(user.username, "wrong")
    status, again = log_in(user.username, **{**captcha_solved(page), captcha.ANSWER: "11111"})
    assert (status, "trả lời câu hỏi" in again) == (422, True)
    assert captcha_solved(again)[captcha.TOKEN] != captcha_solved(page)[captcha.TOKEN]
    assert log_in(user.username, **captcha_solved(again))[0] == 302


def test_five_wrong_passwords_lock_although_each_captcha_was_solved_and_the_lock_asks_for_none() -> None:
    user, page, statuses = a_user(), "", []
    for _ in range(5):
        status, page = log_in(user.username, "wrong", **captcha_solved(page))
        statuses.append(status)
    assert statuses == [401, 401, 401, 401, 429]
    status, page = log_in(user.username)
    assert (status, captcha_solved(page)) == (429, {})


def test_many_names_from_one_address_are_asked_too(settings: Settings) -> None:
    access = msgspec.structs.replace(settings.QUANG.access, failed_logins_per_address=8)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, access=access)
    for number in range(4):
        guessed(f"name{number}", ("203.0.113.7",))
    assert captcha_solved(Client(REMOTE_ADDR="203.0.113.7").get("/login/").content.decode())
    assert log_in(a_user().username)[0] == 422
    assert log_in(a_user().username, address="203.0.113.8")[0] == 302


def test_zero_asks_never(settings: Settings) -> None:
    access = msgspec.structs.replace(settings.QUANG.access, captcha_after=0)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, access=access)
    user = a_user()
    guessed(user.username, ("203.0.113.7",) * 4)
    assert log_in(user.username)[0] == 302


def test_it_counts_once_rightly_answered_or_not() -> None:
    made = captcha.made()
    right = captcha.answer_of(made.token)
    captcha.solve(form(made, f" {right[:2]} {right[2:]} "))
    with pytest.raises(captcha.NotSolved, match="answered before"):
        captcha.solve(form(made, right))
    another = captcha.made()
    with pytest.raises(captcha.NotSolved, match="wrong"):
        captcha.solve(form(another, "1"))
    with pytest.raises(captcha.NotSolved, match="answered before"):
        captcha.solve(form(another, captcha.answer_of(another.token)))


def test_it_is_over_after_five_minutes_and_one_of_somebody_elses_making_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = captcha.made()
    right = captcha.answer_of(made.token)
    for token in ("", "x", made.token[:-1] + ("A" if made.token[-1] != "A" else "B"), "é" * 300):
        with pytest.raises(captcha.NotSolved):
            captcha.solve(form(captcha.Captcha(token), right))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + captcha.SECONDS + 1)
    with pytest.raises(captcha.NotSolved, match="too long ago"):
        captcha.solve(form(made, right))


def test_the_picture_is_drawn_here_and_the_page_does_not_name_its_digits() -> None:
    user = a_user()
    guessed(user.username, ("203.0.113.7",) * 3)
    _status, page = log_in(user.username)
    digits = captcha_solved(page)[captcha.ANSWER]
    assert digits not in page.replace(captcha_solved(page)[captcha.TOKEN], "")
    encoded = page.partition("data:image/png;base64,")[2].partition('"')[0]
    drawn = Image.open(BytesIO(base64.b64decode(encoded)))
    assert drawn.size == (200, 64)
    assert len(set(drawn.tobytes())) > 20


def test_who_cannot_see_the_picture_is_asked_in_words_in_their_language_until_they_want_the_picture() -> None:
    user, client = a_user(), Client(REMOTE_ADDR="203.0.113.7")
    guessed(user.username, ("203.0.113.7",) * 3)
    typed = {"username": user.username, "password": PASSWORD}
    page = client.post("/login/", {**typed, captcha.KIND: "words"}).content.decode()
    assert "Viết liền bằng chữ số" in page
    assert "data:image" not in page
    wrong = client.post("/login/", {**typed, **captcha_solved(page), captcha.ANSWER: "0"}).content.decode()
    assert "Viết liền bằng chữ số" in wrong
    client.post("/language/", {"language": "en"})
    english = client.post("/login/", {**typed, **captcha_solved(wrong), captcha.KIND: "words"}).content.decode()
    assert "Type these as digits" in english
    assert "data:image" in client.post("/login/", {**typed, captcha.KIND: "picture"}).content.decode()
    assert client.post("/login/", {**typed, **captcha_solved(english)}).status_code == 302


def test_programs_that_send_no_answer_fill_no_audit_trail() -> None:
    user = a_user()
    guessed(user.username, ("203.0.113.7",) * 3)
    for _ in range(10):
        assert log_in(user.username)[0] == 422
    assert AuditEvent.objects.filter(action="user.login_failed", details__code="QUANG-1414").count() == 1
