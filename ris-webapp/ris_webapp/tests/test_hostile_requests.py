"""Requests that no page of ours makes: refused or taken for the default, never an internal error on either database."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

NUL = "%00"
TOO_LONG_FOR_INT = "9" * 5000
BEYOND_64_BITS = "9" * 30


@pytest.fixture
def admin() -> Client:
    return client_as(Role.ADMINISTRATOR)


@pytest.mark.parametrize(
    "address",
    [
        "/?q=an{}",
        "/?q=1{}",
        "/?{}=1",
        "/deliveries/?receiver={}",
        "/deliveries/?q={}",
        "/messages/?q={}",
        "/login/?next={}",
        "/open/a{}",
        "/launch?receiver={}",
    ],
)
def test_a_nul_character_in_the_address_is_refused(admin: Client, address: str) -> None:
    answer = admin.get(address.format(NUL))
    assert answer.status_code == 400
    assert "QUANG-1001" in answer.content.decode()


def test_a_nul_character_in_a_form_is_refused_before_login() -> None:
    answer = Client().post("/login/", {"username": "bs\0an", "password": "x"})
    assert answer.status_code == 400
    assert not AuditEvent.objects.exists()


def test_browsers_are_told_to_stay_with_tls_when_the_public_address_has_it(settings: Settings) -> None:
    """Also when a proxy before the front door ends TLS, and the request arrives here without it."""
    assert "Strict-Transport-Security" not in Client().get("/login/").headers
    settings.SESSION_COOKIE_SECURE = True
    assert "max-age" in Client().get("/login/").headers["Strict-Transport-Security"]


def test_a_session_cookie_with_a_nul_character_is_no_session() -> None:
    answer = Client().get("/login/", headers={"Cookie": r'quang_session="\000abcdefghijklmnop"'})
    assert answer.status_code == 200


def test_a_nul_character_in_a_scripts_request_is_refused() -> None:
    reader = client_as(Role.RADIOLOGIST)
    answer = reader.post("/exams/next", {"modality": "C\0T"}, content_type="application/json")
    assert answer.status_code == 422


@pytest.mark.parametrize("number", [TOO_LONG_FOR_INT, BEYOND_64_BITS, "-1", "٣"])
@pytest.mark.parametrize(
    "address",
    [
        "/?after=0.0.{}",
        "/?after={}.0.1",
        "/?when=all&after=0.{}.1",
        "/worklist/rows/?ids={}",
        "/deliveries/?page={}",
        "/deliveries/?open={}",
        "/messages/?before={}",
        "/unmatched/{}/",
    ],
)
def test_a_number_beyond_all_bounds_is_no_internal_error(admin: Client, address: str, number: str) -> None:
    assert admin.get(address.replace("{}", number)).status_code < 500


@pytest.mark.parametrize("number", [TOO_LONG_FOR_INT, BEYOND_64_BITS])
def test_a_form_with_numbers_beyond_all_bounds_is_no_internal_error(admin: Client, number: str) -> None:
    assert admin.post("/deliveries/replay", {"delivery": number}).status_code < 500
    assert admin.post("/unmatched/1/link/", {"procedure": number}).status_code < 500
