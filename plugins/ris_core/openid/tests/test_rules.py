"""What a token must say, and what it must not (OpenID Connect Core 1.0, Back-Channel Logout 1.0; Q1, Q6)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ris_core.openid.rules import (
    challenge_of,
    gave_second_factor,
    groups_of,
    person_of,
    subject_of,
    why_no_login,
    why_no_logout,
)
from ris_core.openid.settings import OpenidProvider
from ris_core.openid.tests.example_provider import ISSUER, PROVIDER, id_claims, logout_claims, now


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, ""),
        ({"aud": ["quang"]}, ""),
        ({"aud": ["quang", "other"], "azp": "quang"}, ""),
        ({"sid": None}, ""),
        ({"iss": "https://other.test"}, "iss"),
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": {"quang": 1}}, "aud"),
        ({"aud": ["quang", "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"exp": now() - 120}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": "9999999999"}, "exp"),
        ({"iat": now() + 600}, "iat"),
        ({"iat": now() - 3600}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": now() + 600}, "nbf"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sid": ["a"]}, "sid"),
        ({"events": {}}, "events"),
    ],
)
def test_an_id_token_proves_the_login_that_was_begun_and_no_other(change: dict[str, Any], wrong: str) -> None:
    assert why_no_login(id_claims("n-1", **change), PROVIDER, "n-1", now()) == wrong


def test_no_nonce_is_never_proved_by_none() -> None:
    assert why_no_login(id_claims("", nonce=""), PROVIDER, "", now()) == "nonce"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, ""),
        ({"sid": None}, ""),
        ({"sub": None}, ""),
        ({"sub": None, "sid": None}, "sub or sid"),
        ({"sub": 7}, "sub or sid"),
        ({"iss": "https://other.test"}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"exp": now() - 120}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": now() - 3600}, "iat"),
        ({"jti": None}, "jti"),
        ({"events": None}, "events"),
        ({"events": {"another": {}}}, "events"),
        ({"events": "http://schemas.openid.net/event/backchannel-logout"}, "events"),
        ({"nonce": "n-1"}, "nonce"),
    ],
)
def test_a_logout_token_is_one_and_of_now(change: dict[str, Any], wrong: str) -> None:
    assert why_no_logout(logout_claims(**change), PROVIDER, now()) == wrong


@pytest.mark.parametrize(
    ("claims", "path", "groups"),
    [
        ({"groups": ["a", "b"]}, "groups", {"a", "b"}),
        ({"groups": "a"}, "groups", {"a"}),
        ({"groups": [1, None, {"a": 1}, "b"]}, "groups", {"b"}),
        ({"groups": {"a": 1}}, "groups", set()),
        ({}, "groups", set()),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}),
        ({"realm_access": "roles"}, "realm_access.roles", set()),
        ({"https://benhvien.test/groups": ["a"]}, "https://benhvien.test/groups", {"a"}),
        ({"groups": [str(number) for number in range(1000)]}, "groups", {str(number) for number in range(500)}),
    ],
)
def test_groups_are_found_wherever_the_provider_puts_them(claims: dict[str, Any], path: str, groups: set[str]) -> None:
    assert groups_of(claims, path) == groups


def test_a_person_is_told_by_issuer_and_sub_not_by_name() -> None:
    lan = person_of(id_claims("n"), PROVIDER)
    assert (lan.name, lan.full_name, lan.email) == ("bs.lan", "Nguyễn Thị Lan", "lan@benhvien.test")
    other = person_of(id_claims("n", sub="lan-2", preferred_username="bs.lan@benhvien.test"), PROVIDER)
    assert (other.name, other.subject != lan.subject) == ("bs.lan", True)
    assert subject_of("https://a.test", "b") != subject_of("https://a.test/b", "")
    assert person_of(id_claims("n", email_verified=False), PROVIDER).email == ""
    assert person_of(id_claims("n", preferred_username=["x"], name=7), PROVIDER).name == ""
    odd = person_of(id_claims("n", name="Lan\0 Anh", email="l" * 250 + "@b.test"), PROVIDER)
    assert (odd.full_name, len(odd.email)) == ("Lan Anh", 254)


def test_only_a_second_factor_that_the_site_counts_counts() -> None:
    assert gave_second_factor({"amr": ["pwd", "mfa"]}, PROVIDER)
    assert not gave_second_factor({"amr": ["pwd"]}, PROVIDER)
    assert not gave_second_factor({"amr": "mfa"}, PROVIDER)
    assert not gave_second_factor({"amr": ["mfa"]}, msgspec.structs.replace(PROVIDER, second_factor_amr=()))


def test_the_challenge_is_that_of_the_standards_example() -> None:
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("address", "plain", "may"),
    [
        (f"{ISSUER}/token", False, True),
        ("https://keys.benhvien.test/jwks", False, True),
        ("https://benhvien.test/token", False, False),
        ("https://sso.benhvien.test:8443/token", False, False),
        ("https://sso.benhvien.test@inside.test/token", False, False),
        ("https://169.254.169.254/latest", False, False),
        ("http://sso.benhvien.test/token", True, False),
        ("file:///etc/passwd", False, False),
        ("https://[::1", False, False),
        ("", False, False),
    ],
)
def test_only_the_providers_own_hosts_are_called_by_tls(address: str, plain: bool, may: bool) -> None:
    provider = msgspec.structs.replace(PROVIDER, hosts=("keys.benhvien.test",), plain_http=plain)
    assert provider.may_call(address) is may


@pytest.mark.parametrize(
    "change",
    [
        {"name": "S S"},
        {"issuer": "http://sso.benhvien.test"},
        {"issuer": "http://127.0.0.1:9000"},
        {"issuer": f"{ISSUER}?a=b"},
        {"issuer": "ftp://sso.benhvien.test"},
        {"client_id": ""},
        {"scopes": ("profile",)},
        {"algorithms": ()},
        {"timeout_seconds": 0},
    ],
)
def test_settings_that_do_not_fit_together_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="openid"):
        OpenidProvider(**{**msgspec.structs.asdict(PROVIDER), **change})


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_setting_takes_unsigned_tokens_or_shared_secrets(algorithm: str) -> None:
    block = {**msgspec.to_builtins(PROVIDER), "algorithms": [algorithm]}
    with pytest.raises(msgspec.ValidationError, match="algorithms"):
        msgspec.convert(block, OpenidProvider)


def test_plain_http_is_for_this_machine_only() -> None:
    local = msgspec.structs.replace(PROVIDER, issuer="http://127.0.0.1:9000", plain_http=True)
    assert local.may_call("http://127.0.0.1:9000/token")
    assert not local.may_call("http://127.0.0.1:8042/")
