"""Accounts by a directory, with a directory of the test's own behind the same port as the real one (P4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings as PytestSettings

from ris_core.accounts import services as accounts
from ris_core.accounts.models import Origin, Role, User
from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import SYSTEM, Actor
from ris_core.directories import services, vouching
from ris_core.directories.errors import DirectoryRefused, DirectoryUnavailable, NameUnknown, PasswordRefused
from ris_core.directories.models import DirectoryIdentity
from ris_core.directories.rules import LoginName, Person
from ris_core.directories.settings import Directory, GroupRole
from ris_core.errors import TransitionRefused
from ris_core.settings import Settings

pytestmark = pytest.mark.django_db

PASSWORD = "mat-khau-Lan-1"
READERS, CHIEFS = "cn=bac si,dc=test", "cn=truong khoa,dc=test"
DIRECTORY = Directory(
    name="bv",
    urls=("ldaps://dc1.test",),
    base="dc=test",
    kind="openldap",
    domains=("bv",),
    roles=(GroupRole(group=CHIEFS, role="SENIOR"), GroupRole(group=READERS, role="RADIOLOGIST")),
)
LAN = Person(
    subject="0a1b",
    dn="uid=bs.lan,dc=test",
    name="bs.lan",
    full_name="Nguyễn Thị Lan",
    email="lan@benhvien.test",
    department="CĐHA",
    groups=frozenset({READERS}),
)


@dataclass
class Hospital:
    """Stands for all directories of the settings; ``people`` by directory and name, with their passwords."""

    people: dict[tuple[str, str], tuple[Person, str]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def opening(self, directory: Directory, _: Settings) -> OneDirectory:
        return OneDirectory(self, directory.name)

    def sign_in(self, typed: str, password: str = PASSWORD) -> User | None:
        return services.sign_in(typed, password, "10.0.0.1", self.opening)


@dataclass
class OneDirectory:
    hospital: Hospital
    name: str

    def sign_in(self, name: LoginName, password: str) -> Person:
        self._answer(name.name)
        if (self.name, name.name.lower()) not in self.hospital.people:
            raise NameUnknown("nobody")
        person, expected = self.hospital.people[self.name, name.name.lower()]
        if password != expected:
            raise PasswordRefused("no")
        return person

    def look_up(self, subjects: Iterable[str]) -> Iterator[tuple[str, Person | None]]:
        self._answer("all")
        known = {person.subject: person for (name, _), (person, _) in self.hospital.people.items() if name == self.name}
        for subject in subjects:
            yield subject, known.get(subject)

    def _answer(self, asked: str) -> None:
        self.hospital.asked.append(f"{self.name}:{asked}")
        if self.name in self.hospital.down:
            raise DirectoryUnavailable("down")


def configure(settings: PytestSettings, *directories: Directory) -> None:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, directories=directories)


@pytest.fixture
def hospital(settings: PytestSettings) -> Hospital:
    configure(settings, DIRECTORY)
    return Hospital({("bv", "bs.lan"): (LAN, PASSWORD)})


def sessions_ended(user: User) -> int:
    return User.objects.get(pk=user.pk).sessions_ended


def test_the_first_login_opens_an_account_and_later_ones_keep_it_up_to_date(hospital: Hospital) -> None:
    user = hospital.sign_in("BV\\bs.lan")
    assert user is not None
    assert (user.username, user.full_name, user.role, user.origin, user.email, user.department) == (
        "bs_lan", "Nguyễn Thị Lan", "RADIOLOGIST", Origin.DIRECTORY, "lan@benhvien.test", "CĐHA",
    )  # fmt: skip
    assert not user.has_usable_password()
    renamed = replace(LAN, full_name="Nguyễn Lan", groups=frozenset({READERS, CHIEFS}))
    hospital.people["bv", "bs.lan"] = (renamed, PASSWORD)
    again = hospital.sign_in("bs.lan")
    assert again is not None
    assert (again.pk, again.full_name, again.role, again.sessions_ended) == (user.pk, "Nguyễn Lan", "SENIOR", 1)
    assert DirectoryIdentity.objects.get().verifier == ""
    assert {event.action for event in AuditEvent.objects.filter(subject=f"user:{user.pk}")} == {
        "user.created", "user.changed",
    }  # fmt: skip


def test_somebody_who_is_renamed_in_the_directory_keeps_the_account(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    hospital.people = {("bv", "lan.nguyen"): (replace(LAN, name="lan.nguyen", dn="uid=lan.nguyen,dc=test"), PASSWORD)}
    again = hospital.sign_in("lan.nguyen")
    assert user is not None
    assert again is not None
    assert again.pk == user.pk
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "password"),
    [("bs.lan", "wrong"), ("bs.lan", ""), ("nobody", PASSWORD), ("other\\bs.lan", PASSWORD), ("*", PASSWORD)],
)
def test_nobody_else_gets_in(hospital: Hospital, typed: str, password: str) -> None:
    assert hospital.sign_in(typed, password) is None
    assert not User.objects.exists()


def test_without_a_group_of_the_settings_nobody_gets_in(hospital: Hospital) -> None:
    hospital.people["bv", "bs.lan"] = (replace(LAN, groups=frozenset({"cn=ke toan,dc=test"})), PASSWORD)
    with pytest.raises(DirectoryRefused, match="no group"):
        hospital.sign_in("bs.lan")
    assert not User.objects.exists()
    assert AuditEvent.objects.get().action == "user.directory_refused"


def test_a_directory_never_answers_for_a_local_account(hospital: Hospital) -> None:
    local = User.objects.create_user("BS_Lan", "Local-2026!", full_name="Khác", role=Role.ADMINISTRATOR)
    with pytest.raises(DirectoryRefused, match="another account"):
        hospital.sign_in("bs.lan")
    assert hospital.sign_in("bs_lan") is None
    assert hospital.asked == ["bv:bs.lan"]
    assert User.objects.get() == local


def test_directories_are_asked_in_order_and_the_first_that_knows_the_name_decides(
    hospital: Hospital, settings: PytestSettings
) -> None:
    second = msgspec.structs.replace(DIRECTORY, name="tram", domains=("tram",))
    configure(settings, DIRECTORY, second)
    other = replace(LAN, subject="ff", name="ktv_hung", groups=frozenset({CHIEFS}))
    hospital.people["tram", "ktv_hung"] = (other, PASSWORD)
    hospital.people["tram", "bs.lan"] = (replace(LAN, subject="ee"), "another")
    found = hospital.sign_in("ktv_hung")
    assert found is not None
    assert found.role == "SENIOR"
    assert hospital.asked == ["bv:ktv_hung", "tram:ktv_hung"]
    hospital.asked.clear()
    assert hospital.sign_in("bs.lan", "another") is None
    assert hospital.asked == ["bv:bs.lan"], "a wrong password is not tried elsewhere"
    assert hospital.sign_in("ktv_hung@tram") == found


def test_of_two_directories_with_one_login_name_only_the_persons_own_is_asked_for_a_proof(
    hospital: Hospital, settings: PytestSettings
) -> None:
    configure(settings, DIRECTORY, msgspec.structs.replace(DIRECTORY, name="tram", domains=("tram",)))
    hospital.people["tram", "bs.lan"] = (replace(LAN, subject="ee"), "another")
    user = hospital.sign_in("bs.lan")
    assert user is not None
    DirectoryIdentity.objects.filter(user=user).update(directory="tram", subject="ee")
    hospital.asked.clear()
    assert services.sign_in("bs.lan", "another", "", hospital.opening, of="tram") == user
    assert services.sign_in("bs.lan", PASSWORD, "", hospital.opening, of="tram") is None
    assert hospital.asked == ["tram:bs.lan", "tram:bs.lan"]


def test_who_leaves_the_group_or_the_house_is_out_until_the_directory_takes_them_again(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    hospital.people["bv", "bs.lan"] = (replace(LAN, groups=frozenset()), PASSWORD)
    services.look_up_again(DIRECTORY, hospital.opening)
    user.refresh_from_db()
    assert (user.is_active, user.sessions_ended) == (False, 1)
    with pytest.raises(DirectoryRefused):
        hospital.sign_in("bs.lan")
    with pytest.raises(TransitionRefused, match="directory"):
        accounts.restore_account(user.pk, SYSTEM)
    hospital.people["bv", "bs.lan"] = (LAN, PASSWORD)
    again = hospital.sign_in("bs.lan")
    assert again == user
    assert again.is_active
    del hospital.people["bv", "bs.lan"]
    services.look_up_again(DIRECTORY, hospital.opening)
    services.look_up_again(DIRECTORY, hospital.opening)
    assert sessions_ended(user) == 2, "ended once for each withdrawal"


def test_an_administrators_withdrawal_stands_whatever_the_directory_says(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    accounts.withdraw_account(user.pk, "nghỉ việc", Actor("admin"))
    with pytest.raises(DirectoryRefused, match="administrator"):
        hospital.sign_in("bs.lan")
    services.look_up_again(DIRECTORY, hospital.opening)
    restored, password = accounts.restore_account(user.pk, Actor("admin"))
    assert (restored.is_active, password) == (True, "")
    assert hospital.sign_in("bs.lan") == user


def test_another_role_in_the_directory_ends_sessions_within_the_next_look_up(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    hospital.people["bv", "bs.lan"] = (replace(LAN, groups=frozenset({CHIEFS})), PASSWORD)
    services.look_up_again(DIRECTORY, hospital.opening)
    user.refresh_from_db()
    assert (user.role, user.sessions_ended, user.is_active) == ("SENIOR", 1, True)


def test_a_silent_directory_lets_nobody_in_where_that_is_chosen(hospital: Hospital) -> None:
    hospital.sign_in("bs.lan")
    hospital.down.add("bv")
    with pytest.raises(DirectoryUnavailable):
        hospital.sign_in("bs.lan")


def test_a_silent_directory_is_stood_in_for_as_long_as_chosen(hospital: Hospital, settings: PytestSettings) -> None:
    cached = msgspec.structs.replace(DIRECTORY, outage="cached", outage_minutes=30)
    configure(settings, cached)
    user = hospital.sign_in("bs.lan")
    identity = DirectoryIdentity.objects.get()
    assert identity.verifier.startswith("argon2$argon2id$")
    hospital.down.add("bv")
    assert hospital.sign_in("BS.LAN@bv") == user
    assert hospital.sign_in("bs.lan", "wrong") is None
    with pytest.raises(DirectoryUnavailable):
        hospital.sign_in("ktv_hung")
    DirectoryIdentity.objects.update(verified_at=timezone.now() - timedelta(minutes=31))
    with pytest.raises(DirectoryUnavailable):
        hospital.sign_in("bs.lan")
    services.look_up_again(cached, hospital.opening)
    identity.refresh_from_db()
    assert identity.verifier == ""


def test_looking_somebody_up_does_not_prolong_the_life_of_a_password(
    hospital: Hospital, settings: PytestSettings
) -> None:
    """It may have been changed in the directory since."""
    cached = msgspec.structs.replace(DIRECTORY, outage="cached", outage_minutes=30)
    configure(settings, cached)
    hospital.sign_in("bs.lan")
    DirectoryIdentity.objects.update(verified_at=timezone.now() - timedelta(minutes=31))
    services.look_up_again(cached, hospital.opening)
    assert DirectoryIdentity.objects.get().verifier == ""
    hospital.down.add("bv")
    with pytest.raises(DirectoryUnavailable):
        hospital.sign_in("bs.lan")


def test_a_name_that_is_not_free_is_refused_and_audited(hospital: Hospital) -> None:
    User.objects.create_user("BS_Lan", "Local-2026!", full_name="Khác", role=Role.ADMINISTRATOR)
    with pytest.raises(DirectoryRefused, match="another account"):
        hospital.sign_in("bs.lan")
    event = AuditEvent.objects.get(action="user.directory_refused")
    assert (event.actor, event.address, event.details["why"]) == ("bs.lan", "10.0.0.1", "name is not free")
    assert event.kind == ActorKind.ANYBODY


def test_without_the_password_of_our_own_account_a_directory_is_silent_and_sessions_end_in_time(
    hospital: Hospital,
) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    DirectoryIdentity.objects.update(confirmed_at=timezone.now() - timedelta(minutes=241))
    services.look_up_again(msgspec.structs.replace(DIRECTORY, bind_dn="cn=quang,dc=test"))
    assert sessions_ended(user) == 1


def test_a_withdrawal_by_the_directory_that_comes_twice_stays_the_directorys(hospital: Hospital) -> None:
    """Two look-ups at once: the second finds the account closed, which is not an administrator's doing."""
    user = hospital.sign_in("bs.lan")
    known = DirectoryIdentity.objects.get()
    for _ in range(2):
        vouching.withdraw(known, "no group with a role")
    assert DirectoryIdentity.objects.get().withdrawn_at is not None
    assert hospital.sign_in("bs.lan") == user


def test_sessions_end_when_the_directory_is_silent_for_too_long(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    hospital.down.add("bv")
    services.look_up_again(DIRECTORY, hospital.opening)
    assert sessions_ended(user) == 0
    DirectoryIdentity.objects.update(confirmed_at=timezone.now() - timedelta(minutes=241))
    for _ in range(2):
        services.look_up_again(DIRECTORY, hospital.opening)
    assert sessions_ended(user) == 1
    hospital.down.clear()
    assert hospital.sign_in("bs.lan") == user


def test_a_directory_that_does_not_answer_holds_up_only_so_many(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "LONGEST_WAIT_SECONDS", 0.01)
    for _ in range(services.MOST_AT_ONCE):
        assert services._asking.acquire(blocking=False)
    try:
        with pytest.raises(DirectoryUnavailable, match="too many"):
            hospital.sign_in("bs.lan")
        User.objects.create_user("quantri", "Local-2026!", full_name="Khác", role=Role.ADMINISTRATOR)
        assert hospital.sign_in("quantri") is None, "a wrong local password is counted as ever"
    finally:
        for _ in range(services.MOST_AT_ONCE):
            services._asking.release()
    assert hospital.asked == []
    assert hospital.sign_in("bs.lan") is not None


def test_in_direct_mode_a_session_lasts_until_its_confirmation_is_old(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    direct = msgspec.structs.replace(DIRECTORY, mode="direct", direct_name="{name}@bv")
    hospital.asked.clear()
    services.look_up_again(direct, hospital.opening)
    assert (hospital.asked, sessions_ended(user)) == ([], 0)
    DirectoryIdentity.objects.update(confirmed_at=timezone.now() - timedelta(minutes=241))
    services.look_up_again(direct, hospital.opening)
    assert sessions_ended(user) == 1


def test_accounts_of_a_directory_that_is_taken_out_of_the_settings_are_closed(
    hospital: Hospital, settings: PytestSettings
) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    configure(settings)
    services.look_up_all_again("")
    user.refresh_from_db()
    assert not user.is_active


def test_the_rules_of_local_passwords_are_not_those_of_a_directorys(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    User.objects.filter(pk=user.pk).update(created_at=timezone.now() - timedelta(days=400))
    user.refresh_from_db()
    assert accounts.password_due_at(user) is None
    assert not accounts.must_renew_password(user, timezone.now())
    with pytest.raises(TransitionRefused):
        accounts.reset_password(user.pk, SYSTEM)
    with pytest.raises(TransitionRefused):
        accounts.change_own_password(user.pk, PASSWORD, "Another-2026!", SYSTEM)


def test_what_the_directory_says_is_not_changed_here_and_the_rest_is(hospital: Hospital) -> None:
    user = hospital.sign_in("bs.lan")
    assert user is not None
    wanted = accounts.Account("x", "Ai Khác", "ADMINISTRATOR", title="ThS.BS.", department="Khác", email="a@b.test")
    changed = accounts.change_account(user.pk, wanted, Actor("admin"))
    assert (changed.title, changed.full_name, changed.role, changed.department, changed.email) == (
        "ThS.BS.", "Nguyễn Thị Lan", "RADIOLOGIST", "CĐHA", "lan@benhvien.test",
    )  # fmt: skip


def test_the_last_local_administrator_stays_though_a_directory_has_others(hospital: Hospital) -> None:
    vouching.admit(DIRECTORY.name, LAN, "ADMINISTRATOR", SYSTEM)
    local = User.objects.create_user("quantri", "x", full_name="Quản trị", role=Role.ADMINISTRATOR)
    with pytest.raises(TransitionRefused, match="last administrator"):
        accounts.withdraw_account(local.pk, "thử", Actor("other"))
