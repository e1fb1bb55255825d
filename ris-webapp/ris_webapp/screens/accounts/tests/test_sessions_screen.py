"""Where one is logged in, and logging out elsewhere (Q1, Q6)."""

from __future__ import annotations

import pytest
from django.test import Client

from ris_core.access.models import UserSession
from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_webapp.screens.accounts.browsers import browser_of
from ris_webapp.sessions import session_is_alive
from ris_webapp.tests.people import PASSWORD, a_user

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0"


def logged_in(user: User, browser: str = FIREFOX, address: str = "203.0.113.7") -> Client:
    client = Client(headers={"User-Agent": browser, "X-Forwarded-For": address})
    assert client.post("/login/", {"username": user.username, "password": PASSWORD}).status_code == 302
    return client


def test_one_sees_where_one_is_logged_in_and_nobody_elses_logins() -> None:
    user = a_user()
    here, _ = logged_in(user), logged_in(user, EDGE, "203.0.113.9")
    logged_in(a_user(), address="203.0.113.11")
    page = here.get("/account/sessions/").content.decode()
    assert "Firefox, Linux" in page
    assert "Edge, Windows" in page
    assert "203.0.113.9" in page
    assert "203.0.113.11" not in page
    assert page.count("Phiên này") == 1


def test_a_login_that_is_ended_from_elsewhere_is_over_at_once() -> None:
    user = a_user()
    here, there = logged_in(user), logged_in(user, EDGE)
    cookie = there.session.session_key
    session = UserSession.objects.order_by("pk").last()
    assert session is not None
    assert here.post(f"/account/sessions/{session.pk}/end/").status_code == 302
    assert there.get("/").status_code == 302
    assert not session_is_alive(cookie)
    assert here.get("/").status_code == 200
    assert AuditEvent.objects.filter(action="user.session_ended", user=user).count() == 1
    session.refresh_from_db()
    assert session.ended_at is not None, "viewers that were opened from it end with it"
    assert "Edge" not in here.get("/account/sessions/").content.decode()


def test_all_others_are_ended_in_one_go() -> None:
    user = a_user()
    here, others = logged_in(user), [logged_in(user) for _ in range(3)]
    assert here.post("/account/sessions/end-others/").status_code == 302
    assert [other.get("/").status_code for other in others] == [302, 302, 302]
    assert here.get("/").status_code == 200


def test_nobody_ends_somebody_elses_login() -> None:
    mine, theirs = logged_in(a_user()), logged_in(a_user())
    session = UserSession.objects.order_by("pk").last()
    assert session is not None
    assert mine.post(f"/account/sessions/{session.pk}/end/").status_code == 404
    assert theirs.get("/").status_code == 200


def test_a_login_is_found_after_its_password_was_changed_in_it() -> None:
    user = a_user()
    here, there = logged_in(user), logged_in(user, EDGE)
    wanted = "Mot-mat-khau-9"
    changed = there.post("/account/password/", {"present": PASSWORD, "wanted": wanted, "again": wanted})
    assert changed.status_code == 302
    assert here.get("/").status_code == 302, "the user's other logins are over"
    again = Client()
    assert again.post("/login/", {"username": user.username, "password": wanted}).status_code == 302
    session = UserSession.objects.get(browser=EDGE)
    assert again.post(f"/account/sessions/{session.pk}/end/").status_code == 302
    assert there.get("/").status_code == 302


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [(FIREFOX, "Firefox, Linux"), (EDGE, "Edge, Windows"), ("curl/8", ""), ("<script>", ""), ("", "")],
)
def test_a_browser_is_named_when_it_is_recognised(user_agent: str, name: str) -> None:
    assert browser_of(user_agent) == name
