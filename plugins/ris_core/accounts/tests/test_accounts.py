"""Accounts and passwords: what administrators and users may do with them (Q1, Q6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import FormerPassword, Role, User
from ris_core.accounts.passwords import random_password
from ris_core.accounts.services import (
    FORMER_PASSWORDS_KEPT,
    MOST_WRONG,
    Account,
    TriedTooOften,
    change_account,
    change_own_password,
    end_sessions,
    must_renew_password,
    open_account,
    reset_password,
    restore_account,
    withdraw_account,
)
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM, Actor
from ris_core.errors import InvalidValue, TransitionRefused
from ris_core.signatures.credentials import is_unlocked
from ris_core.signatures.models import SigningCredential, UnlockedCredential
from ris_core.signatures.rules import CredentialKind

pytestmark = pytest.mark.django_db

READER = Account("bac_si_1", "Bác sĩ Một", Role.RADIOLOGIST, department="CĐHA", email="bs1@example.org")


def _administrator(name: str = "quan_tri_1") -> User:
    return open_account(Account(name, "Quản trị", Role.ADMINISTRATOR), SYSTEM)[0]


def test_a_new_account_has_a_first_password_that_must_be_changed_and_is_nowhere_in_clear() -> None:
    user, password = open_account(READER, SYSTEM)
    assert user.check_password(password)
    assert must_renew_password(user, timezone.now())
    event = AuditEvent.objects.get(action="user.created", subject=f"user:{user.pk}")
    assert password not in str(event.details)
    wanted = random_password()
    changed = change_own_password(user.pk, password, wanted, Actor(user.username, user.pk))
    assert not must_renew_password(changed, timezone.now())
    assert changed.check_password(wanted)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ab"),
        ("username", "bác_sĩ"),
        ("username", "bac-si"),
        ("username", "bac_si\n"),
        ("full_name", ""),
        ("role", "OWNER"),
        ("email", "not an address"),
        ("password_days", 45),
    ],
)
def test_what_an_account_cannot_be_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        open_account(replace(READER, **{field: value}), SYSTEM)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert not User.objects.exists()


def test_names_that_differ_in_case_only_are_one_name() -> None:
    open_account(READER, SYSTEM)
    with pytest.raises(InvalidValue) as refused:
        open_account(replace(READER, username="BAC_SI_1"), SYSTEM)
    assert refused.value.field == "username"


def test_a_password_is_not_used_again() -> None:
    user, first = open_account(READER, SYSTEM)
    second, third = random_password(), random_password()
    actor = Actor(user.username, user.pk)
    change_own_password(user.pk, first, second, actor)
    for wanted in (second, first):
        with pytest.raises(InvalidValue) as refused:
            change_own_password(user.pk, second, wanted, actor)
        assert refused.value.field == "wanted"
    change_own_password(user.pk, second, third, actor)
    assert FormerPassword.objects.filter(user=user).count() == 2


def test_only_so_many_former_passwords_are_kept() -> None:
    user, _ = open_account(READER, SYSTEM)
    now = timezone.now()
    FormerPassword.objects.bulk_create(
        FormerPassword(user=user, encoded="x", replaced_at=now - timedelta(days=day)) for day in range(1, 40)
    )
    reset_password(user.pk, SYSTEM)
    assert FormerPassword.objects.filter(user=user).count() == FORMER_PASSWORDS_KEPT


def test_a_wrong_present_password_changes_nothing_and_is_audited() -> None:
    user, first = open_account(READER, SYSTEM)
    with pytest.raises(InvalidValue) as refused:
        change_own_password(user.pk, "wrong", random_password(), Actor(user.username, user.pk))
    assert refused.value.field == "present"
    assert AuditEvent.objects.filter(action="user.password_change_failed", success=False).count() == 1
    user.refresh_from_db()
    assert user.check_password(first)


def test_whoever_sits_before_somebodys_session_does_not_try_their_password_out() -> None:
    user, first = open_account(READER, SYSTEM)
    other, others = open_account(replace(READER, username="khac_nua"), SYSTEM)
    for _ in range(MOST_WRONG):
        with pytest.raises(InvalidValue):
            change_own_password(user.pk, "wrong", random_password(), SYSTEM)
    with pytest.raises(TriedTooOften):
        change_own_password(user.pk, first, random_password(), SYSTEM)
    change_own_password(other.pk, others, random_password(), SYSTEM)


@pytest.mark.parametrize("wanted", ["Ngan-1a", "matkhau-2026-x", "MATKHAU-2026-X", "Matkhau-abcdef", "Matkhau2026xyz"])
def test_a_password_lacks_nothing(wanted: str) -> None:
    user, first = open_account(READER, SYSTEM)
    with pytest.raises(InvalidValue) as refused:
        change_own_password(user.pk, first, wanted, SYSTEM)
    assert refused.value.field == "wanted"


def test_a_password_is_renewed_after_the_days_of_the_account_or_the_site() -> None:
    user, first = open_account(READER, SYSTEM)
    user = change_own_password(user.pk, first, random_password(), SYSTEM)
    now = timezone.now()
    assert not must_renew_password(user, now + timedelta(days=89))
    assert must_renew_password(user, now + timedelta(days=91))
    user = change_account(user.pk, replace(READER, password_days=30), SYSTEM)
    assert must_renew_password(user, now + timedelta(days=31))


def test_a_withdrawn_account_is_closed_and_comes_back_with_another_password() -> None:
    _administrator()
    user, first = open_account(READER, SYSTEM)
    before = user.get_session_auth_hash()
    withdrawn = withdraw_account(user.pk, "nghỉ việc", SYSTEM)
    assert not withdrawn.is_open_at(timezone.now())
    assert withdrawn.get_session_auth_hash() != before
    for again in (lambda: withdraw_account(user.pk, "lần nữa", SYSTEM), lambda: reset_password(user.pk, SYSTEM)):
        with pytest.raises(TransitionRefused):
            again()
    restored, password = restore_account(user.pk, SYSTEM)
    assert restored.is_open_at(timezone.now())
    assert restored.check_password(password)
    assert not restored.check_password(first)


def _unlocked_key(user: User) -> SigningCredential:
    now = timezone.now()
    key = SigningCredential.objects.create(
        owner=user, kind=CredentialKind.PKCS12, subject="CN=x", issuer="x", serial="1", not_before=now,
        not_after=now + timedelta(days=1), certificate=b"x", added_at=now,
    )  # fmt: skip
    UnlockedCredential.objects.create(
        credential=key, sealed_secret=b"x", unlocked_at=now, expires_at=now + timedelta(hours=1)
    )
    return key


@pytest.mark.parametrize(
    "leave",
    [
        lambda user: withdraw_account(user.pk, "nghỉ việc", SYSTEM),
        lambda user: reset_password(user.pk, SYSTEM),
        lambda user: end_sessions(user.pk, SYSTEM),
        lambda user: change_account(user.pk, replace(READER, role=Role.CLINICIAN), SYSTEM),
    ],
)
def test_who_is_made_to_leave_signs_no_more(leave: Callable[[User], object]) -> None:
    _administrator()
    user, other = open_account(READER, SYSTEM)[0], open_account(replace(READER, username="bac_si_2"), SYSTEM)[0]
    mine, theirs = _unlocked_key(user), _unlocked_key(other)
    leave(user)
    assert (is_unlocked(mine), is_unlocked(theirs)) == (False, True)


def test_an_account_is_withdrawn_for_a_reason_only() -> None:
    _administrator()
    user, _ = open_account(READER, SYSTEM)
    with pytest.raises(InvalidValue):
        withdraw_account(user.pk, "  ", SYSTEM)


def test_an_expired_account_is_closed() -> None:
    now = timezone.now()
    user, _ = open_account(replace(READER, expires_at=now + timedelta(hours=1)), SYSTEM)
    assert user.is_open_at(now)
    assert not user.is_open_at(now + timedelta(hours=1))


def test_one_administrator_is_always_left() -> None:
    one, two = _administrator(), _administrator("quan_tri_2")
    with pytest.raises(TransitionRefused):
        withdraw_account(one.pk, "mình", Actor(one.username, one.pk))
    withdraw_account(two.pk, "nghỉ việc", Actor(one.username, one.pk))
    with pytest.raises(TransitionRefused):
        change_account(one.pk, Account(one.username, one.full_name, Role.RADIOLOGIST), SYSTEM)
    with pytest.raises(TransitionRefused):
        withdraw_account(one.pk, "ai đó", SYSTEM)
    one.refresh_from_db()
    assert (one.role, one.is_active) == (Role.ADMINISTRATOR, True)


def test_the_last_administrator_does_not_expire() -> None:
    one, two = _administrator(), _administrator("quan_tri_2")
    soon = timezone.now() + timedelta(days=1)

    def expiring(user: User, at: datetime | None) -> Account:
        return Account(user.username, user.full_name, Role.ADMINISTRATOR, expires_at=at)

    change_account(two.pk, expiring(two, soon), SYSTEM)
    with pytest.raises(TransitionRefused):
        change_account(one.pk, expiring(one, soon), SYSTEM)
    with pytest.raises(TransitionRefused):
        withdraw_account(one.pk, "còn người kia, đến mai", SYSTEM)
    change_account(two.pk, expiring(two, timezone.now() - timedelta(days=1)), SYSTEM)
    one.refresh_from_db()
    assert (one.expires_at, one.is_active) == (None, True)


def test_another_role_and_ending_sessions_make_every_session_worthless() -> None:
    user, _ = open_account(READER, SYSTEM)
    hashes = {user.get_session_auth_hash()}
    hashes.add(change_account(user.pk, replace(READER, role=Role.CLINICIAN), SYSTEM).get_session_auth_hash())
    hashes.add(end_sessions(user.pk, SYSTEM).get_session_auth_hash())
    assert len(hashes) == 3


def test_the_user_name_stays_and_only_what_changes_is_told() -> None:
    user, _ = open_account(READER, SYSTEM)
    changed = change_account(user.pk, replace(READER, username="another", title="TS.BS."), SYSTEM)
    assert (changed.username, changed.title) == ("bac_si_1", "TS.BS.")
    assert AuditEvent.objects.get(action="user.changed").details["fields"] == ["title"]
    change_account(user.pk, replace(READER, title="TS.BS."), SYSTEM)
    assert AuditEvent.objects.filter(action="user.changed").count() == 1
