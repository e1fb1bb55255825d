"""Passwords guessed from one address under many names, and roles of the settings that there are not (Q6)."""

from __future__ import annotations

import msgspec
import pytest
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from pytest_django.fixtures import Settings as SettingsFixture

from ris_core.access.settings import Access
from ris_core.accounts.models import SiteRole
from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import Actor, record
from ris_webapp.checks import roles_of_the_settings_exist
from ris_webapp.tests.people import PASSWORD, a_user, type_password

pytestmark = pytest.mark.django_db


def failed_before(address: str, times: int) -> None:
    for number in range(times):
        record(Actor(f"name{number}", address=address, kind=ActorKind.ANYBODY), "user.login_failed", success=False)


def log_in(address: str, name: str, password: str = PASSWORD) -> int:
    return int(type_password(Client(REMOTE_ADDR=address), name, password).status_code)


@pytest.mark.parametrize(
    ("guesses_from", "asks_from", "status"),
    [
        ("203.0.113.7", "203.0.113.7", 429),
        ("203.0.113.7", "203.0.113.8", 302),
        ("2001:db8:0:7::1", "2001:db8:0:7:ffff::2", 429),
        ("2001:db8:0:7::1", "2001:db8:0:8::1", 302),
    ],
)
def test_many_names_from_one_address_close_the_page_to_it(guesses_from: str, asks_from: str, status: int) -> None:
    user = a_user()
    failed_before(guesses_from, 49)
    assert log_in(guesses_from, "nobody", "wrong") == 401
    assert log_in(asks_from, user.username) == status
    assert AuditEvent.objects.filter(action="user.locked_out", reason="address").exists() is (status == 429)


def test_what_is_no_wrong_password_closes_the_page_to_nobody() -> None:
    """Outages of a directory or a provider, and a page elsewhere that calls the address of a provider's return."""
    for number in range(60):
        who = Actor(f"name{number}", address="203.0.113.7", kind=ActorKind.ANYBODY)
        record(who, "user.login_failed", success=False, code="QUANG-1401")
    assert log_in("203.0.113.7", a_user().username) == 302


def test_zero_means_no_limit(settings: SettingsFixture) -> None:
    quang = settings.QUANG
    settings.QUANG = msgspec.structs.replace(quang, access=Access(failed_logins_per_address=0))
    failed_before("203.0.113.7", 60)
    assert log_in("203.0.113.7", a_user().username) == 302


def findings(settings: SettingsFixture, roles: str) -> list[CheckMessage]:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, access=Access(second_factor_roles=roles))
    return roles_of_the_settings_exist(None, databases=["default"])


def test_a_role_of_the_settings_that_there_is_not_is_found_before_the_suite_starts(settings: SettingsFixture) -> None:
    a_user()
    SiteRole.objects.create(code="NIGHT", name="Trực đêm", functions=[])
    assert findings(settings, "SENIOR, night") == []
    (found,) = findings(settings, "SENIOR, ADMINISTRATER")
    assert "access.second_factor_roles names the role ADMINISTRATER" in found.msg


def test_with_a_role_of_the_settings_that_there_is_not_the_suite_does_not_start(settings: SettingsFixture) -> None:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, access=Access(second_factor_roles="ADMINISTRATER"))
    call_command("migrate", verbosity=0, skip_checks=False)  # nobody can log in yet: the role may still be made
    a_user()
    with pytest.raises(SystemCheckError, match=r"quang\.E001"):  # ``migrate`` comes before all parts
        call_command("migrate", verbosity=0, skip_checks=False)


def test_what_cannot_be_a_role_is_refused_in_the_settings() -> None:
    with pytest.raises(ValueError, match="second_factor_roles"):
        Access(second_factor_roles="SENIOR; ADMINISTRATOR")
