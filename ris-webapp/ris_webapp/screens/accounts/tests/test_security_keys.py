"""Security keys in the browser: added on one's page, asked for after the password, removed (Q6)."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django.fixtures import Settings as PytestSettings

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.second_factors.models import SecurityKey
from ris_core.second_factors.tests.soft_key import SoftKey
from ris_webapp.tests.people import PASSWORD, a_user, client_as

pytestmark = pytest.mark.django_db
PAGE, ADD, CODE = "/account/second-factor/", "/account/security-keys/", "/login/code/"


@pytest.fixture(autouse=True)
def site(settings: PytestSettings) -> None:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, public_url="https://ris.test")


def asked(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', page)
    assert found, "the page asks for no key"
    options: dict[str, Any] = json.loads(found[1])
    return options


def add(client: Client, key: SoftKey, name: str = "YubiKey") -> Any:
    answer = key.create(asked(client.get(PAGE).content.decode()))
    return client.post(ADD, {"name": name, "credential": json.dumps(answer)}, follow=True)


def after_password(user: User) -> Client:
    client = Client()
    answer = client.post("/login/", {"username": user.username, "password": PASSWORD, "next": "/patients/"})
    assert answer["Location"] == CODE
    return client


def test_a_key_is_added_and_asked_for_after_the_password() -> None:
    user, key = a_user(), SoftKey()
    shown = add(client_as(user=user), key).content.decode()
    assert len(re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", shown)) == 10
    client = after_password(user)
    answer = json.dumps(key.get(asked(client.get(CODE).content.decode())))
    assert client.get("/patients/").status_code == 302, "nobody is logged in before the key"
    let_in = client.post(CODE, {"credential": answer})
    assert (let_in.status_code, let_in["Location"]) == (302, "/patients/")
    page = client.get(PAGE).content.decode()
    assert "YubiKey" in page
    (event,) = AuditEvent.objects.filter(action="user.logged_in")
    assert event.details["second_factor"] is True


def test_an_answer_counts_once_and_in_the_session_that_was_asked() -> None:
    user, key = a_user(), SoftKey()
    add(client_as(user=user), key)
    client, other = after_password(user), after_password(user)
    answer = json.dumps(key.get(asked(client.get(CODE).content.decode())))
    assert other.post(CODE, {"credential": answer}).status_code == 401
    assert client.post(CODE, {"credential": "no answer"}).status_code == 401
    assert client.post(CODE, {"credential": answer}).status_code == 401, "the first answer took the challenge with it"


def test_a_recovery_code_stands_in_for_a_lost_key() -> None:
    user, key = a_user(), SoftKey()
    shown = add(client_as(user=user), key).content.decode()
    found = re.search(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", shown)
    assert found
    client = after_password(user)
    assert client.post(CODE, {"code": "000000"}).status_code == 401
    assert client.post(CODE, {"code": found[0]}).status_code == 302


def test_whose_role_must_have_a_second_factor_has_one_by_a_key(settings: PytestSettings) -> None:
    access = msgspec.structs.replace(settings.QUANG.access, second_factor_roles="RADIOLOGIST")
    settings.QUANG = msgspec.structs.replace(settings.QUANG, access=access)
    client = client_as(user=a_user())
    assert client.get("/patients/")["Location"] == PAGE
    add(client, SoftKey())
    assert client.get("/patients/").status_code == 200


def test_a_session_of_before_changes_no_second_factor() -> None:
    user = a_user()
    before = client_as(user=user)
    add(client_as(user=user), SoftKey())
    key = SecurityKey.objects.get()
    assert "data-security-key" not in before.get(PAGE).content.decode()
    for path, sent in ((ADD, {"name": "mine", "credential": "{}"}), (f"{ADD}{key.pk}/remove/", {})):
        assert before.post(path, sent).status_code == 403
    assert before.post(PAGE, {"code": "123456"}).status_code == 200
    assert SecurityKey.objects.count() == 1


def test_a_key_is_removed_by_its_owner_only() -> None:
    user = a_user()
    client = client_as(user=user)
    add(client, SoftKey())
    key = SecurityKey.objects.get()
    assert client_as(user=a_user()).post(f"{ADD}{key.pk}/remove/").status_code == 404
    assert client.post(f"{ADD}{key.pk}/remove/").status_code == 302
    assert not SecurityKey.objects.exists()


def test_without_a_name_of_the_host_no_key_is_offered(settings: PytestSettings) -> None:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, public_url="http://127.0.0.1:8080")
    assert "data-security-key" not in client_as(user=a_user()).get(PAGE).content.decode()
