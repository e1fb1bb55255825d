from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from ris_core.access.ended_grants import (
    TRUSTED_SECONDS,
    EndedGrants,
    end_grants,
    forget_ended_grants,
    read_ended_grants,
)
from ris_core.access.models import EndedGrant, UserSession
from ris_core.access.sessions import begin_session, end_session, password_renewed_in
from ris_core.access.tokens import look_grant, session_grant, share_grant
from ris_core.accounts.models import User
from ris_core.accounts.services import change_own_password, end_sessions, withdraw_account
from ris_core.audit.services import SYSTEM
from ris_core.delivery.looks import begin_look
from ris_core.delivery.models import Receiver, ReceiverLook, ResultFormat

PASSWORD = "Quang-2026-thu!"


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("bs_lan", PASSWORD, full_name="Lan", role="RADIOLOGIST")


def is_open(key: str) -> bool:
    return session_grant(key) not in read_ended_grants()


def test_a_login_is_open_until_it_is_logged_out(user: User) -> None:
    key, other = begin_session(user), begin_session(user)
    assert is_open(key)
    end_session(key)
    assert not is_open(key)
    assert is_open(other)


def test_a_login_that_nobody_uses_ends_by_itself(user: User) -> None:
    key = begin_session(user)
    idle = timedelta(minutes=settings.QUANG.access.session_idle_minutes, seconds=1)
    assert session_grant(key) not in read_ended_grants()
    assert session_grant(key) in read_ended_grants(timezone.now() + idle)


def test_the_logins_of_a_withdrawn_account_end(user: User) -> None:
    key = begin_session(user)
    withdraw_account(user.pk, "gone", SYSTEM)
    assert not is_open(key)


def test_an_account_that_expires_takes_its_logins_with_it(user: User) -> None:
    key = begin_session(user)
    User.objects.filter(pk=user.pk).update(expires_at=timezone.now())
    assert not is_open(key)


def test_all_of_a_users_logins_can_be_ended(user: User) -> None:
    key = begin_session(user)
    end_sessions(user.pk, SYSTEM)
    assert not is_open(key)
    user.refresh_from_db()
    assert is_open(begin_session(user))


def test_another_password_ends_the_users_other_logins(user: User) -> None:
    own, other = begin_session(user), begin_session(user)
    changed = change_own_password(user.pk, PASSWORD, "Khac-2026-thu!", SYSTEM)
    password_renewed_in(own, changed)
    assert is_open(own)
    assert not is_open(other)


@pytest.mark.django_db
def test_a_receiver_that_is_switched_off_opens_nothing() -> None:
    receiver = Receiver.objects.create(code="HIS", name="HIS", format=ResultFormat.ORU, host="h", port=1, active=True)
    later = timezone.now() + timedelta(hours=1)
    grant, other = begin_look("HIS", [], later), begin_look("EMR", [], later)
    assert grant not in read_ended_grants()
    Receiver.objects.filter(pk=receiver.pk).update(active=False)
    assert grant in read_ended_grants()
    assert other not in read_ended_grants()


@pytest.mark.django_db
def test_opening_the_same_again_is_one_look_as_long_as_its_last_token() -> None:
    now = timezone.now()
    grant = begin_look("HIS", [], now + timedelta(hours=2))
    assert begin_look("HIS", [], now + timedelta(hours=1)) == grant
    look = ReceiverLook.objects.get()
    assert (look_grant(look.pk), look.expires_at) == (grant, now + timedelta(hours=2))
    forget_ended_grants()
    assert ReceiverLook.objects.exists()
    ReceiverLook.objects.update(expires_at=now - timedelta(hours=1))
    forget_ended_grants()
    assert not ReceiverLook.objects.exists()


def test_what_no_token_can_name_any_more_is_forgotten(user: User) -> None:
    end_grants([share_grant(1, 1), share_grant(2, 1)])
    end_grants([share_grant(1, 1)])  # twice is once
    begin_session(user)
    begin_session(user)
    long_ago = timezone.now() - timedelta(days=2)
    EndedGrant.objects.filter(grant=share_grant(1, 1)).update(ended_at=long_ago)
    UserSession.objects.filter(pk=UserSession.objects.order_by("pk")[0].pk).update(began_at=long_ago)
    forget_ended_grants()
    assert [row.grant for row in EndedGrant.objects.all()] == [share_grant(2, 1)]
    assert UserSession.objects.count() == 1


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Reading:
    """A database that can be lost."""

    ended: frozenset[str] = frozenset()
    lost = False
    times = 0

    def __call__(self) -> frozenset[str]:
        self.times += 1
        if self.lost:
            raise DatabaseError
        return self.ended


def test_nothing_is_open_before_the_first_reading() -> None:
    assert not EndedGrants(Reading()).is_open("session:a")


def test_a_token_without_a_grant_opens_nothing() -> None:
    grants = EndedGrants(Reading())
    grants.refresh()
    assert not grants.is_open("")


def test_a_grant_of_no_known_kind_opens_nothing() -> None:
    """Tokens of versions before named their receiver, and did not end with whose the exam is."""
    grants = EndedGrants(Reading())
    grants.refresh()
    assert not grants.is_open("receiver:HIS")
    assert grants.is_open("look:1")


def test_whoever_is_outside_is_shut_out_when_the_database_has_been_lost_for_five_seconds() -> None:
    clock, reading = Clock(), Reading()
    grants = EndedGrants(reading, clock)
    grants.refresh_if_due()
    assert grants.is_open("share:1.1")
    reading.lost = True
    clock.now += TRUSTED_SECONDS
    grants.refresh_if_due()
    assert grants.is_open("share:1.1")
    clock.now += 0.1
    assert not any(map(grants.is_open, ("share:1.1", "portal:1", "look:1")))
    assert grants.is_open("session:a")  # its own readers go on
    reading.lost = False
    grants.refresh_if_due()
    assert grants.is_open("share:1.1")


def test_the_database_is_asked_once_a_second() -> None:
    clock, reading = Clock(), Reading()
    grants = EndedGrants(reading, clock)
    for _ in range(50):
        grants.refresh_if_due()
        clock.now += 0.1
    assert reading.times == 5
    reading.ended = frozenset({"share:1.1"})
    clock.now += 1
    grants.refresh_if_due()
    assert not grants.is_open("share:1.1")
