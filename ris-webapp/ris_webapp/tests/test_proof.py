"""Who sits before somebody's session makes no login of it that stays (Q6)."""

from __future__ import annotations

import re
import time
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings as PytestSettings

from ris_core.access.models import ApiKey
from ris_core.accounts.models import Origin, Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, record
from ris_core.directories.models import DirectoryIdentity
from ris_core.directories.settings import Directory
from ris_core.second_factors import services as second_factors
from ris_core.second_factors.models import OneTimePassword, SecurityKey
from ris_core.second_factors.rules import code_at
from ris_webapp import login_backend
from ris_webapp.tests.people import PASSWORD, a_user, client_as

pytestmark = pytest.mark.django_db

FACTORS, KEYS = "/account/second-factor/", "/account/security-keys/"
API_KEY: dict[str, Any] = {"name": "HIS & «x»", "sender": "HIS|BVQ", "scopes": ["orders:read", "orders:write"]}


def unattended(user: User) -> Client:
    """A session that was logged into a while ago and is still alive."""
    client = client_as(user=user)
    session = client.session
    session["proved_at"] -= 601
    session.save()
    return client


def carried(page: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        found.setdefault(name, []).append(value)
    return found


def test_a_key_planted_at_an_unattended_session_is_refused_and_so_is_an_app() -> None:
    user = a_user()
    client = unattended(user)
    page = client.get(FACTORS)
    assert (page.status_code, "proof_password" in page.content.decode()) == (403, True)
    assert not re.search(r"<code>[A-Z2-7]{32}</code>", page.content.decode())
    planted = client.post(KEYS, {"name": "planted", "credential": "{}"})
    assert (planted.status_code, planted["Location"]) == (302, FACTORS)
    assert client.post(FACTORS, {"code": "123456"}).status_code == 403
    assert not SecurityKey.objects.exists()
    assert not OneTimePassword.objects.filter(confirmed_at__isnull=False).exists()


def test_the_password_opens_the_page_for_a_while() -> None:
    user = a_user()
    client = unattended(user)
    wrong = client.post(FACTORS, {"proof_for_page": "1", "proof_password": "wrong"})
    assert (wrong.status_code, "chưa đúng" in wrong.content.decode()) == (403, True)
    assert AuditEvent.objects.filter(action="user.proof_failed", subject=f"user:{user.pk}", success=False).exists()
    right = client.post(FACTORS, {"proof_for_page": "1", "proof_password": PASSWORD})
    assert (right.status_code, right["Location"]) == (302, FACTORS)
    assert client.get(FACTORS).status_code == 200


def test_five_wrong_passwords_close_the_question_too() -> None:
    client = unattended(a_user())
    statuses = [client.post(FACTORS, {"proof_password": "wrong"}).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 403, 429]
    assert client.post(FACTORS, {"proof_password": PASSWORD}).status_code == 429


def test_what_was_typed_goes_on_with_the_proof_and_another_persons_password_is_none() -> None:
    client = unattended(a_user(Role.ADMINISTRATOR))
    page = client.post("/admin/api-keys/new/", API_KEY)
    assert (page.status_code, ApiKey.objects.exists()) == (403, False)
    sent = carried(page.content.decode())
    assert sent["scopes"] == ["orders:read", "orders:write"]
    other = a_user()
    other.set_password("Khac-2026-thu!")
    other.save()
    refused = client.post("/admin/api-keys/new/", {**API_KEY, "proof_password": "Khac-2026-thu!"})
    assert (refused.status_code, ApiKey.objects.exists()) == (403, False)
    made = client.post("/admin/api-keys/new/", {**API_KEY, "proof_password": PASSWORD})
    assert (made.status_code, ApiKey.objects.get().name) == (200, API_KEY["name"])


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/admin/users/new/", {"username": "planted", "full_name": "X", "role": "ADMINISTRATOR"}),
        ("/admin/users/{}/", {"username": "x", "full_name": "X", "role": "RADIOLOGIST", "email": "me@evil.test"}),
        ("/admin/users/{}/reset-password/", {}),
        ("/admin/users/{}/restore/", {}),
        ("/admin/users/{}/second-factor/", {"reason": "lost"}),
    ],
)
def test_an_administrators_unattended_session_changes_no_account(address: str, form: dict[str, str]) -> None:
    victim = a_user()
    client = unattended(a_user(Role.ADMINISTRATOR))
    before = User.objects.values_list("username", "email", "password", "is_active")
    known = set(before)
    answer = client.post(address.format(victim.pk), form)
    assert (answer.status_code, "proof_password" in answer.content.decode()) == (403, True)
    assert set(before.all()) == known
    assert client.get("/admin/users/").status_code == 200


def test_a_code_of_ones_app_proves_as_much() -> None:
    user = a_user()
    secret, _shown = second_factors.begin_pairing(user.pk, "")
    step = int(time.time()) // 30
    second_factors.confirm_pairing(user.pk, code_at(secret, step - 1), Actor(user.username, user.pk))
    client = unattended(user)
    assert client.post(FACTORS, {"proof_for_page": "1", "proof_code": "000000"}).status_code == 403
    assert client.post(FACTORS, {"proof_for_page": "1", "proof_code": code_at(secret, step)}).status_code == 302


def test_who_has_no_password_here_is_told_to_log_in_again() -> None:
    user = a_user()
    User.objects.filter(pk=user.pk).update(origin=Origin.DIRECTORY)
    user.set_unusable_password()
    user.save()
    page = unattended(User.objects.get(pk=user.pk)).get(FACTORS).content.decode()
    assert "đăng xuất rồi đăng nhập lại" in page
    assert "proof_password" not in page


def test_the_directory_that_vouched_is_asked_and_no_other_of_the_same_name(
    settings: PytestSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = a_user()
    User.objects.filter(pk=user.pk).update(origin=Origin.DIRECTORY, password="!")
    first, second = (Directory(name=name, urls=("ldaps://x",), base="dc=x", roles=()) for name in ("bv", "tram"))
    settings.QUANG = msgspec.structs.replace(settings.QUANG, directories=(first, second))
    DirectoryIdentity.objects.create(
        user=user, directory="tram", subject="1", login_name="bs.lan", confirmed_at=timezone.now()
    )
    asked = []

    def sign_in(name: str, password: str, address: str, *, of: str) -> User | None:
        asked.append((name, of))
        return user if password == PASSWORD else None

    monkeypatch.setattr(login_backend, "sign_in", sign_in)
    client = unattended(User.objects.get(pk=user.pk))
    sent = {"proof_for_page": "1", "proof_password": PASSWORD}
    assert client.post(FACTORS, sent).status_code == 302
    assert asked == [("bs.lan", "tram")]


def test_a_stolen_session_finds_out_no_password_from_however_many_addresses() -> None:
    user = a_user()
    stolen = unattended(user)

    def prove(client: Client, password: str, number: int) -> int:
        sent = {"proof_for_page": "1", "proof_password": password}
        return int(client.post(FACTORS, sent, REMOTE_ADDR=f"203.0.113.{number}").status_code)

    for _outage in range(5):
        record(Actor("x"), "user.proof_failed", subject=f"user:{user.pk}", success=False, code="QUANG-1411")
    assert prove(unattended(user), PASSWORD, 98) == 302, "an outage is no wrong password"
    assert {prove(stolen, f"wrong {number}", number) for number in range(5)} == {403}
    assert prove(stolen, PASSWORD, 99) == 429


def test_an_administrators_unlocking_lets_who_mistyped_try_again_and_nobody_unlock_themselves() -> None:
    user = a_user(Role.ADMINISTRATOR)
    client = unattended(user)

    def proved(password: str) -> int:
        return int(client.post(FACTORS, {"proof_for_page": "1", "proof_password": password}).status_code)

    for _wrong in range(5):
        proved("wrong")
    client.post(f"/admin/users/{user.pk}/unlock/")
    assert proved(PASSWORD) == 429
    client_as(Role.ADMINISTRATOR).post(f"/admin/users/{user.pk}/unlock/")
    assert [proved("wrong") for _again in range(5)] == [403, 403, 403, 403, 429]
    client_as(Role.ADMINISTRATOR).post(f"/admin/users/{user.pk}/unlock/")
    assert proved(PASSWORD) == 302
