"""A second factor from pairing to losing the telephone, in the browser (Q6)."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from ris_core.access.tools import admitted
from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.second_factors.models import OneTimePassword, RecoveryCode
from ris_core.second_factors.rules import code_at
from ris_webapp.tests.people import PASSWORD, a_user, client_as

pytestmark = pytest.mark.django_db

PAGE = "/account/second-factor/"


class Telephone:
    """An authenticator app, with a clock that is set by hand: half a minute passes between two codes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secret = b""
        self.now = time.time()
        monkeypatch.setattr(time, "time", lambda: self.now)

    def scan(self, page: str) -> None:
        found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
        assert found
        self.secret = base64.b32decode(found[1])

    def code(self) -> str:
        self.now += 30
        return code_at(self.secret, int(self.now) // 30)


@pytest.fixture
def telephone(monkeypatch: pytest.MonkeyPatch) -> Telephone:
    return Telephone(monkeypatch)


def pair(client: Client, telephone: Telephone) -> list[str]:
    telephone.scan(client.get(PAGE).content.decode())
    page = client.post(PAGE, {"code": telephone.code()}).content.decode()
    return re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", page)


def after_password(user: User) -> Client:
    client = Client()
    answer = client.post("/login/", {"username": user.username, "password": PASSWORD, "next": "/patients/"})
    assert (answer.status_code, answer["Location"]) == (302, "/login/code/")
    return client


def allow(settings: Settings, **access: Any) -> None:
    changed = msgspec.structs.replace(settings.QUANG.access, **access)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, access=changed)


def test_after_pairing_the_password_alone_logs_nobody_in(telephone: Telephone) -> None:
    user = a_user()
    codes = pair(client_as(user=user), telephone)
    assert len(codes) == 10
    client = after_password(user)
    assert client.get("/").status_code == 302
    assert "_auth_user_id" not in client.session
    assert 'autocomplete="one-time-code"' in client.get("/login/code/").content.decode()
    before = client.session.session_key
    answer = client.post("/login/code/", {"code": telephone.code()})
    assert (answer.status_code, answer["Location"]) == (302, "/patients/")
    assert client.get("/").status_code == 200
    assert client.session.session_key != before
    assert AuditEvent.objects.get(action="user.logged_in").details["second_factor"] is True


def test_a_code_logs_in_once(telephone: Telephone) -> None:
    user = a_user()
    pair(client_as(user=user), telephone)
    code = telephone.code()
    assert after_password(user).post("/login/code/", {"code": code}).status_code == 302
    assert after_password(user).post("/login/code/", {"code": code}).status_code == 401


def test_after_five_wrong_codes_not_even_the_right_one_is_taken(telephone: Telephone) -> None:
    user = a_user()
    pair(client_as(user=user), telephone)
    client = after_password(user)
    for _ in range(5):
        assert client.post("/login/code/", {"code": "000000"}).status_code == 401
    assert client.post("/login/code/", {"code": telephone.code()}).status_code == 401
    assert AuditEvent.objects.filter(action="user.second_factor_failed", success=False).count() == 6


def test_a_recovery_code_works_once(telephone: Telephone) -> None:
    user = a_user()
    codes = pair(client_as(user=user), telephone)
    assert after_password(user).post("/login/code/", {"code": codes[0].upper()}).status_code == 302
    assert after_password(user).post("/login/code/", {"code": codes[0]}).status_code == 401
    assert after_password(user).post("/login/code/", {"code": codes[1]}).status_code == 302
    assert RecoveryCode.objects.filter(user=user, used_at=None).count() == 8
    assert not RecoveryCode.objects.filter(digest__in=codes).exists()


def test_the_password_is_good_for_five_minutes_and_only_while_the_account_stays_as_it_was(
    telephone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = a_user()
    pair(client_as(user=user), telephone)
    client = after_password(user)
    User.objects.filter(pk=user.pk).update(sessions_ended=7)
    assert client.get("/login/code/")["Location"] == "/login/"
    client = after_password(user)
    telephone.now += 301
    assert client.get("/login/code/")["Location"] == "/login/"
    assert Client().get("/login/code/")["Location"] == "/login/"


def test_a_wrong_code_pairs_nothing_and_the_secret_lies_sealed(telephone: Telephone) -> None:
    user = a_user()
    client = client_as(user=user)
    telephone.scan(client.get(PAGE).content.decode())
    assert client.post(PAGE, {"code": "000000"}).status_code == 422
    kept = OneTimePassword.objects.get(user=user)
    assert kept.confirmed_at is None
    assert telephone.secret not in bytes(kept.sealed_secret)
    answer = Client().post("/login/", {"username": user.username, "password": PASSWORD})
    assert answer["Location"] == "/start/", "what is not paired is not asked for"


def test_another_login_is_shown_another_secret(telephone: Telephone) -> None:
    """Who had the password before its owner paired an app does not have the owner's codes."""
    user = a_user()
    stranger, owner = client_as(user=user), client_as(user=user)
    telephone.scan(stranger.get(PAGE).content.decode())
    seen = telephone.secret
    telephone.scan(owner.get(PAGE).content.decode())
    assert telephone.secret != seen
    shown = telephone.secret
    telephone.scan(owner.get(PAGE).content.decode())
    assert telephone.secret == shown, "a reload shows the same"
    assert len(pair(owner, telephone)) == 10
    assert "<code>" not in stranger.get(PAGE).content.decode()


def test_it_is_taken_away_with_a_code_of_its_own_or_by_an_administrator_with_a_reason(telephone: Telephone) -> None:
    user = a_user()
    client = client_as(user=user)
    pair(client, telephone)
    assert client.post(PAGE, {"code": "000000"}).status_code == 422
    assert client.post(PAGE, {"code": telephone.code()}).status_code == 302
    assert not OneTimePassword.objects.exists()
    pair(client, telephone)
    administrator = client_as(Role.ADMINISTRATOR)
    address = f"/admin/users/{user.pk}/second-factor/"
    assert "Gỡ xác thực hai lớp" in administrator.get(f"/admin/users/{user.pk}/").content.decode()
    administrator.post(address, {"reason": " "})
    assert OneTimePassword.objects.exists()
    administrator.post(address, {"reason": "mất điện thoại"})
    assert not OneTimePassword.objects.exists()
    assert client.post(address, {"reason": "x"}).status_code == 403


def test_a_role_that_must_have_one_does_nothing_before_pairing(telephone: Telephone, settings: Settings) -> None:
    allow(settings, second_factor_roles="SENIOR, ADMINISTRATOR")
    assert client_as(Role.RADIOLOGIST).get("/").status_code == 200
    client = client_as(Role.ADMINISTRATOR)
    assert client.get("/")["Location"] == PAGE
    script = client.get("/", headers={"Accept": "application/json"})
    assert (script.status_code, script.json()["code"]) == (403, "QUANG-1011")
    assert "phải dùng" in client.get(PAGE).content.decode()
    pair(client, telephone)
    assert client.get("/admin/users/").status_code == 200


def test_administration_opens_with_a_second_factor_or_from_its_networks(
    telephone: Telephone, settings: Settings
) -> None:
    allow(settings, admin_second_factor=True, admin_networks="10.1.0.0/16")
    client = client_as(Role.ADMINISTRATOR)
    refused = client.get("/admin/users/")
    assert refused.status_code == 403
    assert "QUANG-1406" in refused.content.decode()
    assert client.get("/").status_code == 200
    assert client.get("/admin/users/", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 200
    assert client.get("/admin/users/", headers={"X-Forwarded-For": "10.1.2.3, 203.0.113.7"}).status_code == 403
    pair(client, telephone)
    assert client.get("/admin/users/").status_code == 200


def test_programs_do_not_get_in_by_password_where_a_second_factor_is_asked_for(
    telephone: Telephone, settings: Settings
) -> None:
    user = a_user()
    assert admitted(user.username, PASSWORD, "") is not None
    pair(client_as(user=user), telephone)
    assert admitted(user.username, PASSWORD, "") is None
    other = a_user(Role.SENIOR)
    allow(settings, second_factor_roles="SENIOR")
    assert admitted(other.username, PASSWORD, "") is None
