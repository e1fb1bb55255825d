"""Whom the identity system or an administrator has closed out stays out, and nobody comes in under another's name
(P17, Q6, ADR 30)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from ris_core.accounts.models import User
from ris_core.accounts.services import restore_account, withdraw_account
from ris_core.audit.services import SYSTEM
from ris_core.directories.errors import DirectoryRefused
from ris_core.directories.rules import Person
from ris_core.directories.vouching import admit, bring_up_to_date
from ris_core.messages.models import InboundMessage
from ris_core.openid.tests.example_provider import PROVIDER
from ris_webapp.api.tests.programs import Program
from ris_webapp.scim.tests.test_scim import USERS, a_person, made, patch, switched_on, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def idp(settings: Settings) -> Program:
    return switched_on(settings)


def somebody(name: str = "bs.lan", **more: Any) -> Person:
    return Person(subject="s" * 32, name=name, full_name="Lan", **more)


def comes_in(person: Person) -> bool:
    """Whether they get in by the provider, whose own groups would give them a role."""
    try:
        return admit(PROVIDER.name, person, "RADIOLOGIST", SYSTEM).is_active
    except DirectoryRefused:
        return False


def is_open(user: User) -> bool:
    return User.objects.get(pk=user.pk).is_active


@pytest.mark.parametrize("how", ["deactivated", "deleted", "without a group"])
def test_who_was_closed_at_the_provider_and_then_by_the_system_does_not_come_back_by_the_provider(
    idp: Program, how: str
) -> None:
    user, group = made(idp)
    assert comes_in(somebody())
    bring_up_to_date(PROVIDER.name, somebody().subject, somebody(enabled=False), "RADIOLOGIST")
    assert not is_open(user)
    if how == "deactivated":
        patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": False})
    elif how == "deleted":
        told(idp, "DELETE", f"{USERS}/{user.pk}", None, 204)
    else:
        told(idp, "DELETE", group, None, 204)
    assert not comes_in(somebody())
    assert not is_open(user)


def test_who_was_deleted_before_they_ever_came_gets_no_role_of_the_provider(idp: Program) -> None:
    user, _ = made(idp)
    told(idp, "DELETE", f"{USERS}/{user.pk}", None, 204)
    assert not comes_in(somebody())
    assert User.objects.filter(username__startswith="bs_lan").count() == 1


def test_who_is_active_again_there_comes_back_by_the_provider(idp: Program) -> None:
    user, _ = made(idp)
    assert comes_in(somebody())
    bring_up_to_date(PROVIDER.name, somebody().subject, somebody(enabled=False), "RADIOLOGIST")
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": False})
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": True})
    assert not is_open(user), "the provider has closed them, and has not said otherwise"
    assert comes_in(somebody())


def test_whom_an_administrator_has_closed_no_synchronisation_opens(idp: Program) -> None:
    user, group = made(idp)
    withdraw_account(user.pk, "máy bị mất", SYSTEM)
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "title", "value": "ThS"})
    told(idp, "PUT", f"{USERS}/{user.pk}", a_person())
    patch(idp, group, {"op": "replace", "path": "externalId", "value": "other"})
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": False})
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": True})
    assert not is_open(user)
    assert not comes_in(somebody())
    restore_account(user.pk, SYSTEM)
    assert comes_in(somebody())
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": False})
    assert not is_open(user)
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": True})
    assert is_open(user)


@pytest.mark.parametrize(
    "other",
    [somebody("bs-lan"), somebody("bs_lan"), somebody("bs.lan", domain="other.example")],
    ids=lambda it: it.name,
)
def test_a_name_that_only_looks_alike_is_somebody_elses(idp: Program, other: Person) -> None:
    user, _ = made(idp)
    assert not comes_in(other)
    assert comes_in(somebody("BS.Lan", domain="benhvien.vn"))
    assert is_open(user)


@pytest.mark.parametrize(
    "body",
    [
        a_person(password="Bi-mat-4711"),
        a_person(PassWord="Bi-mat-4711"),
        {"Operations": [{"op": "replace", "path": "password", "value": "Bi-mat-4711"}]},
        {"Operations": [{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:password",
                         "value": "Bi-mat-4711"}]},
        {"Operations": [{"op": "add", "value": {"password": "Bi-mat-4711"}}]},
        b'{"password": "Bi-mat-4711", ',
    ],
)  # fmt: skip
def test_a_password_that_is_sent_all_the_same_is_kept_nowhere(idp: Program, body: object) -> None:
    user, _ = made(idp)
    changes = isinstance(body, dict) and "Operations" in body
    method, path = ("PATCH", f"{USERS}/{user.pk}") if changes else ("POST", USERS)
    told(idp, method, path, body, 400)
    kept = InboundMessage.objects.order_by("-pk")[0]
    assert kept.error_code
    assert b"mat-4711" not in bytes(kept.raw)
    assert f"{method} {path}".encode() in bytes(kept.raw)
    if not isinstance(body, bytes):
        json.loads(bytes(kept.raw).partition(b"\r\n\r\n")[2])


def test_what_has_no_password_is_kept_as_it_came(idp: Program) -> None:
    body = json.dumps(a_person(), ensure_ascii=False).encode()
    told(idp, "POST", USERS, body, 201)
    assert bytes(InboundMessage.objects.order_by("-pk")[0].raw).endswith(body)
