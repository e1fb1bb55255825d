"""Login, logout and what ends a session (requirements Q1, Q6)."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory
from django.utils import timezone

from ris_core.access.models import UserSession
from ris_core.accounts.models import User
from ris_core.accounts.passwords import random_password
from ris_core.audit.models import AuditEvent
from ris_webapp.client import client_address
from ris_webapp.sessions import session_is_alive
from ris_webapp.tests.people import PASSWORD, a_user, client_as, type_password

pytestmark = pytest.mark.django_db


def _log_in(client: Client, user: User, password: str = PASSWORD, **headers: str) -> int:
    return int(type_password(client, user.username, password, headers=headers).status_code)


def test_the_right_password_opens_a_new_session_and_is_audited() -> None:
    user, client = a_user(), Client()
    client.get("/login/")
    client.session.save()
    before = client.session.session_key
    assert _log_in(client, user) == 302
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie.value != before
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert AuditEvent.objects.filter(action="user.logged_in", user=user).count() == 1


def test_passwords_are_kept_with_argon2() -> None:
    assert a_user().password.startswith("argon2$")


def test_after_five_failures_even_the_right_password_waits() -> None:
    user, client = a_user(), Client()
    answers = [_log_in(client, user, "wrong") for _ in range(5)]
    assert answers == [401, 401, 401, 401, 429]
    assert _log_in(client, user) == 429
    page = client.post("/login/", {"username": user.username, "password": PASSWORD})
    assert "15 phút" in page.content.decode()
    assert AuditEvent.objects.filter(action="user.locked_out", actor=user.username, success=False).exists()


def test_a_lock_holds_for_the_address_behind_the_front_door_and_leaves_other_addresses_alone() -> None:
    user, client = a_user(), Client()
    for _ in range(5):
        _log_in(client, user, "wrong", **{"X-Forwarded-For": "203.0.113.7"})
    assert _log_in(client, user, **{"X-Forwarded-For": "203.0.113.7"}) == 429
    assert _log_in(client, user, **{"X-Forwarded-For": "203.0.113.8"}) == 302


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("172.18.0.4", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("127.0.0.1", "no address", "127.0.0.1"),
    ],
)
def test_only_the_front_doors_word_on_addresses_is_believed(peer: str, forwarded: str, address: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded} if forwarded else None)
    assert client_address(request) == address


def test_logout_ends_the_session_on_the_server_and_needs_a_post() -> None:
    user = a_user()
    client = client_as(user=user)
    key = client.session.session_key
    assert client.get("/logout/").status_code == 405
    assert session_is_alive(key)
    assert client.post("/logout/").status_code == 302
    assert not session_is_alive(key)
    assert client.get("/").status_code == 302


def _used(client: Client, seconds_ago: int) -> None:
    session = client.session
    session["used_at"] -= seconds_ago
    session.save()


def test_an_idle_session_ends() -> None:
    client = client_as()
    _used(client, settings.SESSION_COOKIE_AGE + 1)
    assert not session_is_alive(client.session.session_key)
    assert client.get("/").status_code == 302


def test_use_keeps_a_session_alive_and_the_pages_own_requests_do_not() -> None:
    client = client_as()
    _used(client, 120)
    used_at = client.session["used_at"]
    client.get("/worklist/rows/", {"ids": "1"}, headers={"X-Quang-Background": "1"})
    assert client.session["used_at"] == used_at
    client.get("/")
    assert client.session["used_at"] > used_at


def test_a_login_that_was_ended_is_over_whatever_key_its_session_has_got_since() -> None:
    """Django exchanges a session's key when the secret is exchanged; who ends the login knows the former."""
    client = client_as()
    session = client.session
    login = UserSession.objects.get(session_key=session.session_key)
    session.cycle_key()
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    _used(client, 120)
    assert client.get("/patients/").status_code == 200
    login.refresh_from_db()
    assert login.session_key == client.session.session_key
    UserSession.objects.update(ended_at=timezone.now())
    _used(client, 120)
    assert client.get("/patients/")["Location"].startswith("/login/")


def test_work_in_a_viewer_keeps_a_session_alive() -> None:
    client = client_as()
    _used(client, 120)
    used_at = client.session["used_at"]
    assert client.get("/in-use/").status_code == 204
    assert client.session["used_at"] > used_at
    assert Client().get("/in-use/").status_code == 204


def test_a_withdrawn_account_is_logged_out_at_once() -> None:
    user = a_user()
    client = client_as(user=user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/").status_code == 302
    assert not session_is_alive(client.session.session_key)


def test_a_password_in_the_address_is_not_read() -> None:
    user = a_user()
    answer = Client().get("/login/", {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 200
    assert PASSWORD not in answer.content.decode()


def test_after_login_one_is_not_sent_to_another_site() -> None:
    user = a_user()
    credentials = {"username": user.username, "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post("/login/", credentials)["Location"] == "/start/"


def test_forms_without_the_csrf_token_are_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login/", {"username": "x", "password": "y"}).status_code == 403


@pytest.mark.parametrize("password", ["Ngan-1", "khongcohoa-1", "KHONGCOTHUONG-1", "KhongCoSo-aa", "KhongDacBiet1"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


def test_random_passwords_pass_every_check() -> None:
    for _ in range(50):
        validate_password(random_password())


def test_language_and_theme_are_kept_with_the_user() -> None:
    user = a_user()
    client = client_as(user=user)
    client.post("/preferences/", {"language": "en"})
    client.post("/preferences/", {"theme": "dark"})
    page = client.get("/").content.decode()
    assert 'lang="en"' in page
    assert 'data-theme="dark"' in page
    client.post("/preferences/", {"language": "xx", "theme": "<b>"})
    user.refresh_from_db()
    assert (user.language, user.theme) == ("en", "dark")


def test_headers_keep_injected_markup_and_other_sites_out() -> None:
    answer = Client().get("/login/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "media-src 'self'" in policy  # videos on the telephone's page
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert "no-store" in answer["Cache-Control"]
