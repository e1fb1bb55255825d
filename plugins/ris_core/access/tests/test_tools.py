"""People's programs at Orthanc: a password is checked once, and what changes about its account is seen soon."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from pytest_django.fixtures import Settings as PytestSettings

from ris_core.access import tools
from ris_core.access.tools import (
    ADMITTED_SECONDS,
    LOCKED_SECONDS,
    LOOKED_AFTER_SECONDS,
    MOST_FAILURES,
    MOST_NAMES,
    MOST_REMEMBERED,
    Account,
    ToolCallers,
    name_and_password,
)
from ris_core.accounts import services as accounts
from ris_core.accounts.models import Role, User
from ris_core.accounts.rules import READY_ROLES
from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.directories.errors import DirectoryRefused

RIGHT = "right"
LAN = Account(1, "bs_lan", READY_ROLES["RADIOLOGIST"], "1")


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@dataclass
class House:
    """One account with the password ``right``, and a clock that is set by hand."""

    account: Account | None = LAN
    now: float = 1000.0
    admissions: int = 0
    looks: int = 0
    callers: ToolCallers = field(init=False)

    def __post_init__(self) -> None:
        self.callers = ToolCallers(self._admit, self._look, clock=lambda: self.now)

    def _admit(self, name: str, password: str, _: str) -> Account | None:
        self.admissions += 1
        return self.account if (name, password) == ("bs_lan", "right") else None

    def _look(self, _: int) -> Account | None:
        self.looks += 1
        return self.account

    def call(self, password: str = RIGHT, name: str = "bs_lan") -> Account | None:
        return self.callers.caller(basic(name, password), "10.0.0.1")


def test_a_password_is_checked_once_and_the_account_looked_at_every_few_seconds() -> None:
    house = House()
    for _ in range(100):
        assert house.call() == LAN
        house.now += 0.1
    assert house.admissions == 1
    assert house.looks == 10 // LOOKED_AFTER_SECONDS
    house.now += ADMITTED_SECONDS
    assert house.call() == LAN
    assert house.admissions == 2


@pytest.mark.parametrize("now", [None, replace(LAN, functions=READY_ROLES["RECEPTION"]), replace(LAN, state="2")])
def test_a_change_of_the_account_is_in_force_within_seconds(now: Account | None) -> None:
    house = House()
    assert house.call() == LAN
    house.account = now
    house.now += LOOKED_AFTER_SECONDS + 0.1
    assert LOOKED_AFTER_SECONDS < 5
    assert house.call() == now
    assert house.admissions == 2, "the password is checked again"


def test_after_five_failures_not_even_the_right_password_is_looked_at_for_a_while() -> None:
    house = House()
    for _ in range(MOST_FAILURES + 3):
        assert house.call("wrong") is None
    assert house.admissions == MOST_FAILURES
    assert house.call() is None
    house.now += LOCKED_SECONDS + 1
    assert house.call() == LAN


@pytest.mark.parametrize("written", ["bs_lan ", " BS_Lan", "BV\\bs_lan", "bs_lan@benhvien.test"])
def test_a_name_written_otherwise_is_as_locked(written: str) -> None:
    house = House()
    for number in range(MOST_FAILURES):
        house.call("wrong", written + " " * number)
    assert house.call() is None


def test_typing_many_other_names_opens_no_locked_one() -> None:
    house = House()
    for _ in range(MOST_FAILURES):
        house.call("wrong")
    for number in range(MOST_NAMES * 2):
        house.call("wrong", f"name{number}")
    assert house.call() is None


def test_memory_does_not_grow_and_holds_no_password() -> None:
    house = House()
    assert house.call() == LAN
    for number in range(MOST_REMEMBERED * 2):
        house.call("wrong", f"name{number}")
    for number in range(MOST_NAMES * 2):
        house.callers._count_failure(f"other{number}", house.now)
    assert len(house.callers._failures) <= MOST_NAMES
    assert "right" not in repr(house.callers.__dict__)
    assert basic("bs_lan", "right") not in repr(house.callers.__dict__)


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic ", "Basic !!!", "Bearer abc", "Basic " + base64.b64encode(b"nocolon").decode(), basic("", "x"),
     basic("x", ""), basic("x", "a\0b"), "Basic " + base64.b64encode(b"\xff:\xff").decode(), basic("x", "y" * 2000)],
)  # fmt: skip
def test_what_is_no_name_and_password_is_nobody(header: str) -> None:
    assert name_and_password(header) is None


def test_a_password_may_have_colons_and_any_letters() -> None:
    assert name_and_password(basic("lan", "mật:khẩu:")) == ("lan", "mật:khẩu:")


@pytest.mark.django_db
def test_a_local_account_gets_in_unless_its_password_is_to_be_changed() -> None:
    user = User.objects.create_user("bs_lan", "Quang-2026!", full_name="Lan", role=Role.RADIOLOGIST)
    account = tools.admitted("bs_lan", "Quang-2026!", "10.0.0.1")
    assert account is not None
    assert account == tools.looked_at(user.pk)
    assert tools.admitted("bs_lan", "wrong", "") is None
    accounts.end_sessions(user.pk, SYSTEM)
    assert tools.looked_at(user.pk) != account
    _, first = accounts.reset_password(user.pk, SYSTEM)
    assert tools.admitted("bs_lan", first, "") is None
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert tools.looked_at(user.pk) is None
    told = AuditEvent.objects.filter(details__tool=True).values_list("action", "success")
    assert sorted(told) == [("user.login_failed", False), ("user.login_failed", False), ("user.tool_logged_in", True)]
    assert {event.kind for event in AuditEvent.objects.filter(action="user.login_failed")} == {ActorKind.ANYBODY}


@pytest.mark.django_db
def test_a_directory_is_asked_about_other_names(monkeypatch: pytest.MonkeyPatch, settings: PytestSettings) -> None:
    user = User.objects.create_user("bs_lan", None, full_name="Lan", role=Role.RADIOLOGIST)
    user.origin = "DIRECTORY"
    user.save()
    monkeypatch.setattr(tools, "sign_in", lambda name, password, address: user if password == "right" else None)
    account = tools.admitted("bs.lan", "right", "")
    assert account is not None
    assert account.user_id == user.pk
    assert tools.admitted("bs.lan", "wrong", "") is None

    def refuse(*_: str) -> None:
        raise DirectoryRefused("no group")

    monkeypatch.setattr(tools, "sign_in", refuse)
    assert tools.admitted("bs.lan", "right", "") is None
    assert msgspec.structs.asdict(settings.QUANG.access)["basic_for_tools"] is False
