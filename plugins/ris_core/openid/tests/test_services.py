"""Logins by an OpenID provider of the test's own: begun, finished, ended by it (Q1, Q6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings as PytestSettings

from ris_core.access.models import UserSession
from ris_core.access.sessions import begin_session
from ris_core.accounts import services as accounts
from ris_core.accounts.models import Origin, Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.directories.errors import DirectoryRefused
from ris_core.directories.models import DirectoryIdentity
from ris_core.directories.services import look_up_all_again
from ris_core.openid import services
from ris_core.openid.errors import LoginNotProved, LogoutNotProved, ProviderUnavailable
from ris_core.openid.tests.example_provider import (
    ISSUER,
    PROVIDER,
    ExampleProvider,
    id_claims,
    logout_claims,
    now,
    signed,
)

pytestmark = pytest.mark.django_db
RETURN = "https://ris.test/login/with/sso/return/"


@pytest.fixture
def peer(settings: PytestSettings) -> ExampleProvider:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, openid=(PROVIDER,))
    return ExampleProvider()


def log_in(peer: ExampleProvider, **says: Any) -> services.Vouched:
    peer.says = says
    begun, address = services.begin(PROVIDER, RETURN, "/", peer.opening)
    assert address.startswith(f"{ISSUER}/auth?")
    return services.finish(begun, PROVIDER, peer.log_in_at(address), RETURN, "10.0.0.1", peer.opening)


def noted(vouched: services.Vouched) -> str:
    key = begin_session(vouched.user, "django-session")
    services.note_login(key, vouched.provider, vouched.subject, vouched.sid, vouched.issued_at)
    return key


def end(peer: ExampleProvider, claims: dict[str, Any]) -> list[UserSession]:
    return services.end_by_provider(PROVIDER, signed(claims), "10.0.0.2", peer.opening)


def test_the_first_login_opens_an_account_and_later_ones_keep_it_up_to_date(peer: ExampleProvider) -> None:
    user = log_in(peer).user
    assert (user.username, user.role, user.origin) == ("bs_lan", "RADIOLOGIST", Origin.DIRECTORY)
    assert not user.has_usable_password()
    again = log_in(peer, preferred_username="lan.nguyen", groups=["truong-khoa"], name="TS Nguyễn Thị Lan").user
    assert (again.pk, again.username, again.role) == (user.pk, "bs_lan", "SENIOR")
    assert again.sessions_ended == 1


def test_nobody_gets_anothers_account_by_name_or_e_mail(peer: ExampleProvider) -> None:
    local = User.objects.create_user("bs_lan", "x", full_name="Lan", role=Role.ADMINISTRATOR)
    local.email = "lan@benhvien.test"
    local.save()
    with pytest.raises(DirectoryRefused):
        log_in(peer)
    assert User.objects.count() == 1
    assert AuditEvent.objects.get(action="user.directory_refused").details["why"] == "name is not free"


def test_who_has_no_group_with_a_role_stays_outside_and_loses_the_account(peer: ExampleProvider) -> None:
    with pytest.raises(DirectoryRefused):
        log_in(peer, groups=["ke-toan"])
    assert not User.objects.exists()
    user = log_in(peer).user
    with pytest.raises(DirectoryRefused):
        log_in(peer, groups=[])
    user.refresh_from_db()
    assert not user.is_active
    assert log_in(peer).user.pk == user.pk, "the provider gives the group back"


def test_an_administrators_withdrawal_stands_whatever_the_provider_says(peer: ExampleProvider) -> None:
    accounts.withdraw_account(log_in(peer).user.pk, "nghỉ việc", SYSTEM)
    with pytest.raises(DirectoryRefused):
        log_in(peer)


def test_nobody_comes_in_with_an_account_that_has_expired_here(peer: ExampleProvider) -> None:
    User.objects.filter(pk=log_in(peer).user.pk).update(expires_at=timezone.now())
    with pytest.raises(DirectoryRefused):
        log_in(peer)


Spoil = Callable[[dict[str, str]], dict[str, str]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: {**answer, "state": "another"},
        lambda answer: {"code": answer["code"]},
        lambda answer: {**answer, "code": "guessed"},
        lambda answer: {"state": answer["state"]},
        lambda answer: {"state": answer["state"], "error": "access_denied"},
        lambda answer: {**answer, "iss": "https://other.test"},
    ],
)
def test_an_answer_that_is_not_the_begun_logins_proves_nothing(peer: ExampleProvider, spoil: Spoil) -> None:
    begun, address = services.begin(PROVIDER, RETURN, "/", peer.opening)
    with pytest.raises(LoginNotProved):
        services.finish(begun, PROVIDER, spoil(peer.log_in_at(address)), RETURN, opening=peer.opening)
    assert not User.objects.exists()


def test_an_answer_without_the_name_of_a_provider_that_gives_it_proves_nothing(peer: ExampleProvider) -> None:
    peer.names_itself = True
    begun, address = services.begin(PROVIDER, RETURN, "/", peer.opening)
    answer = peer.log_in_at(address)
    with pytest.raises(LoginNotProved):
        services.finish(begun, PROVIDER, answer, RETURN, opening=peer.opening)
    assert services.finish(begun, PROVIDER, {**answer, "iss": ISSUER}, RETURN, opening=peer.opening).user.pk


def test_a_code_is_worth_nothing_in_another_browser(peer: ExampleProvider) -> None:
    _, address = services.begin(PROVIDER, RETURN, "/", peer.opening)
    answer = peer.log_in_at(address)
    other, _ = services.begin(PROVIDER, RETURN, "/", peer.opening)
    for begun in (None, other):
        with pytest.raises(LoginNotProved):
            services.finish(begun, PROVIDER, answer, RETURN, opening=peer.opening)
    with pytest.raises(LoginNotProved):  # nor with the state exchanged: nonce and verifier are another's
        services.finish(other, PROVIDER, {**answer, "state": other.state}, RETURN, opening=peer.opening)


def test_a_provider_that_is_down_is_told_apart_from_a_refusal(peer: ExampleProvider) -> None:
    peer.raises = ProviderUnavailable("down")
    with pytest.raises(ProviderUnavailable):
        services.begin(PROVIDER, RETURN, "/", peer.opening)


@pytest.mark.parametrize("named", [{}, {"sid": None}, {"sub": None}])
def test_the_provider_ends_a_login_once(peer: ExampleProvider, named: dict[str, Any]) -> None:
    key = noted(log_in(peer))
    other = noted(log_in(peer, sub="other", sid="login-2", preferred_username="bs.binh"))
    (ended,) = end(peer, logout_claims(**named))
    assert (ended.key, ended.session_key) == (key, "django-session")
    assert UserSession.objects.get(key=key).ended_at is not None
    assert UserSession.objects.get(key=other).ended_at is None
    assert AuditEvent.objects.filter(action="user.session_ended", actor="openid:sso").count() == 1
    with pytest.raises(LogoutNotProved, match="used before"):
        end(peer, logout_claims(**named))
    assert end(peer, logout_claims("out-2", **named)) == []


def test_a_session_identifier_of_somebody_else_ends_nothing(peer: ExampleProvider) -> None:
    noted(log_in(peer))
    assert end(peer, logout_claims(sub="other")) == []


@pytest.mark.parametrize("claims", [id_claims("n"), logout_claims(events=None), logout_claims(aud="other")])
def test_no_other_token_ends_a_login(peer: ExampleProvider, claims: dict[str, Any]) -> None:
    noted(log_in(peer))
    with pytest.raises(LogoutNotProved):
        end(peer, claims)


def test_a_login_that_the_provider_ends_while_it_is_under_way_does_not_begin(peer: ExampleProvider) -> None:
    vouched = log_in(peer)
    end(peer, logout_claims())
    with pytest.raises(LoginNotProved):
        noted(vouched)
    noted(log_in(peer, sid="login-2"))


def test_a_provider_whose_clock_is_ahead_ends_a_login_that_is_under_way_too(peer: ExampleProvider) -> None:
    vouched = log_in(peer, iat=now() + 50)
    end(peer, logout_claims(iat=now() + 50))
    with pytest.raises(LoginNotProved):
        noted(vouched)


def test_sessions_end_when_the_provider_has_not_vouched_for_too_long_or_is_taken_out(
    peer: ExampleProvider, settings: PytestSettings
) -> None:
    user = log_in(peer).user
    look_up_all_again("")
    user.refresh_from_db()
    assert (user.is_active, user.sessions_ended) == (True, 0)
    DirectoryIdentity.objects.update(confirmed_at=timezone.now() - timedelta(minutes=721))
    look_up_all_again("")
    user.refresh_from_db()
    assert (user.is_active, user.sessions_ended) == (True, 1)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, openid=())
    look_up_all_again("")
    user.refresh_from_db()
    assert not user.is_active


def test_the_browser_is_sent_to_log_out_there_too(peer: ExampleProvider) -> None:
    address = services.address_to_log_out("sso", "a.b.c", "https://ris.test/login/", peer.opening)
    assert address.startswith(f"{ISSUER}/out?id_token_hint=a.b.c&")
