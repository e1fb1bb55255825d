"""Logging in at an OpenID provider, with the browser's part (Q1, Q6)."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django.fixtures import Settings as PytestSettings

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.openid import services
from ris_core.openid.connections import HttpProvider
from ris_core.openid.errors import ProviderUnavailable
from ris_core.openid.tests.example_provider import ISSUER, PROVIDER, ExampleProvider, logout_claims, signed
from ris_core.second_factors import services as second_factors
from ris_core.second_factors.rules import code_at

pytestmark = pytest.mark.django_db
BEGIN, RETURN, ENDED = "/login/with/sso/", "/login/with/sso/return/", "/login/with/sso/ended/"


@pytest.fixture
def peer(settings: PytestSettings, monkeypatch: pytest.MonkeyPatch) -> ExampleProvider:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, openid=(PROVIDER,))
    example = ExampleProvider()
    for function in (services.begin, services.finish, services.end_by_provider, services.address_to_log_out):
        defaults = tuple(
            example.opening if each == HttpProvider.from_settings else each for each in function.__defaults__ or ()
        )
        monkeypatch.setattr(function, "__defaults__", defaults)
    return example


def come_back(client: Client, peer: ExampleProvider, after: str = "/patients/", **says: Any) -> Any:
    peer.says = says
    away = client.get(BEGIN, {"next": after})
    assert away.status_code == 302
    assert away["Location"].startswith(f"{ISSUER}/auth?")
    return client.get(RETURN, peer.log_in_at(away["Location"]))


def test_the_page_has_a_button_and_the_login_goes_on_to_the_page_that_was_asked_for(peer: ExampleProvider) -> None:
    client = Client()
    page = client.get("/login/?next=/patients/").content.decode()
    assert 'href="/login/with/sso/?next=%2Fpatients%2F"' in page
    answer = come_back(client, peer)
    assert (answer.status_code, answer["Location"]) == (302, "/patients/")
    assert client.get("/patients/").status_code == 200
    assert AuditEvent.objects.filter(action="user.logged_in").count() == 1


@pytest.mark.parametrize("after", ["https://evil.test/", "//evil.test/", "javascript:alert(1)", "/\\evil.test"])
def test_nobody_is_sent_on_to_a_stranger(peer: ExampleProvider, after: str) -> None:
    assert come_back(Client(), peer, after)["Location"] == "/start/"


def test_another_browser_or_a_second_time_gets_nobody_in(peer: ExampleProvider) -> None:
    client = Client()
    away = client.get(BEGIN)
    answer = peer.log_in_at(away["Location"])
    stolen = Client().get(RETURN, answer)
    assert (stolen.status_code, AuditEvent.objects.filter(action="user.login_failed").count()) == (403, 1)
    assert client.get(RETURN, answer).status_code == 302
    assert client.get(RETURN, answer).status_code == 403


def test_a_cookie_that_was_changed_is_none(peer: ExampleProvider) -> None:
    client = Client()
    answer = peer.log_in_at(client.get(BEGIN)["Location"])
    client.cookies["quang_openid"] = client.cookies["quang_openid"].value[:-2] + "xx"
    assert client.get(RETURN, answer).status_code == 403


def test_an_outage_leaves_the_local_login(peer: ExampleProvider) -> None:
    peer.raises = ProviderUnavailable("down")
    answer = Client().get(BEGIN)
    assert answer.status_code == 503
    assert 'name="password"' in answer.content.decode()


def test_without_a_role_the_page_says_so(peer: ExampleProvider) -> None:
    assert come_back(Client(), peer, groups=["ke-toan"]).status_code == 403


def test_our_own_second_factor_is_asked_for_unless_the_providers_counts(peer: ExampleProvider) -> None:
    come_back(Client(), peer)
    user = User.objects.get()
    secret, _ = second_factors.begin_pairing(user.pk)
    step = int(time.time()) // 30
    second_factors.confirm_pairing(user.pk, code_at(secret, step), SYSTEM)
    client = Client()
    assert come_back(client, peer)["Location"] == "/login/code/"
    assert client.get("/patients/").status_code == 302, "nobody is logged in yet"
    assert client.post("/login/code/", {"code": code_at(secret, step + 1)})["Location"] == "/patients/"
    assert end(client) == 200
    assert client.get("/patients/").status_code == 302
    assert come_back(client, peer, sid="login-2", amr=["pwd", "mfa"])["Location"] == "/patients/"


def end(client: Client, jti: str = "out-1") -> int:
    sender = Client(enforce_csrf_checks=True)
    return sender.post(ENDED, {"logout_token": signed(logout_claims(jti))}).status_code


def test_the_provider_ends_the_session_at_once_and_no_token_works_twice(peer: ExampleProvider) -> None:
    client = Client()
    come_back(client, peer)
    assert end(client) == 200
    assert client.get("/patients/").status_code == 302
    assert end(client) == 400
    assert AuditEvent.objects.filter(action="user.logout_refused").count() == 1
    assert Client().post(ENDED, {}).status_code == 400
    assert Client().post("/login/with/other/ended/", {}).status_code == 404


def test_logging_out_leads_to_the_providers_logout(peer: ExampleProvider) -> None:
    client = Client()
    come_back(client, peer)
    page = client.post("/logout/")
    assert page.status_code == 200
    assert f"{ISSUER}/out?id_token_hint=" in page.content.decode()
    assert client.get("/patients/").status_code == 302


def test_a_page_elsewhere_that_calls_the_return_fills_no_audit_trail(peer: ExampleProvider) -> None:
    for _ in range(20):
        assert Client(REMOTE_ADDR="203.0.113.7").get(RETURN, {"code": "x", "state": "y"}).status_code == 403
    assert Client(REMOTE_ADDR="203.0.113.8").get(RETURN).status_code == 403
    refused = AuditEvent.objects.filter(action="user.login_failed", details__code="QUANG-1412")
    assert sorted(refused.values_list("address", flat=True)) == ["203.0.113.7", "203.0.113.8"]
    for _ in range(5):
        Client().post(ENDED, {"logout_token": "x"})
    assert AuditEvent.objects.filter(action="user.logout_refused").count() == 1
