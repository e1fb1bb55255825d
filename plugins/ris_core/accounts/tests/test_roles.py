"""Roles as data: least privilege in the ready set, changed by administrators, and never without one (P17, Q6)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from django.conf import settings

from ris_core.accounts import roles
from ris_core.accounts.managing_roles import GivesOneself, change_role, create_role, restore_role, withdraw_role
from ris_core.accounts.models import Role, SiteRole, User
from ris_core.accounts.roles import functions_of, may, roles_in_force, roles_with
from ris_core.accounts.rules import CLINICAL, READY_ROLES, Function
from ris_core.accounts.services import Account, change_account, open_account
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM, Actor
from ris_core.errors import InvalidValue, NotFound, TransitionRefused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    yield
    roles.forget()


def _someone(name: str, role: str) -> User:
    return open_account(Account(name, "Người dùng", role), SYSTEM)[0]


def _actor(user: User) -> Actor:
    return Actor(user.username, user.pk)


@pytest.fixture
def administrator() -> Actor:
    return _actor(_someone("quan_tri_1", Role.ADMINISTRATOR))


def _second_person(monkeypatch: pytest.MonkeyPatch) -> None:
    access = msgspec.structs.replace(settings.QUANG.access, second_administrator=True)
    monkeypatch.setattr(settings, "QUANG", msgspec.structs.replace(settings.QUANG, access=access))


def test_the_ready_set_gives_each_role_its_work_and_no_more() -> None:
    assert set(READY_ROLES) == set(Role.values)
    assert READY_ROLES["AUDITOR"] == {Function.VIEW_AUDIT, Function.ANSWER_DATA_REQUESTS}
    for role in ("ADMINISTRATOR", "IT", "AUDITOR", "RECEPTION"):
        assert not READY_ROLES[role] & CLINICAL, role
    assert {role for role, had in READY_ROLES.items() if Function.MANAGE_ACCOUNTS in had} == {"ADMINISTRATOR"}
    assert not READY_ROLES["IT"] & {Function.VIEW_PATIENTS, Function.VIEW_WORKLIST, Function.MANAGE_PATIENTS}
    assert {role for role, had in READY_ROLES.items() if Function.APPROVE_REPORT in had} == {"RADIOLOGIST", "SENIOR"}


def test_a_role_may_what_it_was_given_and_nothing_else(administrator: Actor) -> None:
    role = create_role("  Điều   dưỡng ", [Function.VIEW_WORKLIST, Function.VIEW_PATIENTS], administrator)
    assert (role.code, role.name) == ("DIEU_DUONG", "Điều dưỡng")
    assert functions_of("DIEU_DUONG") == {Function.VIEW_WORKLIST, Function.VIEW_PATIENTS}
    assert not may("DIEU_DUONG", Function.VIEW_REPORT)
    assert "DIEU_DUONG" in roles_with(Function.VIEW_PATIENTS)
    event = AuditEvent.objects.get(action="role.created")
    assert event.details["functions"] == ["view_patients", "view_worklist"]


def test_an_unknown_role_may_nothing() -> None:
    assert not any(may("KING", function) for function in Function)


def test_a_function_that_no_longer_exists_gives_nothing() -> None:
    SiteRole.objects.create(code="OLD", name="Cũ", functions=["view_everything", "view_worklist"])
    assert functions_of("OLD") == {Function.VIEW_WORKLIST}


@pytest.mark.parametrize(
    ("name", "functions", "field"),
    [
        ("", ["view_worklist"], "name"),
        ("x" * 65, ["view_worklist"], "name"),
        ("ca \x01", ["view_worklist"], "name"),
        ("Trực", [], "functions"),
        ("Trực", ["root"], "functions"),
        ("TRUC DEM", ["view_worklist"], "name"),
    ],
)
def test_a_role_that_cannot_be_is_refused_by_field(
    administrator: Actor, name: str, functions: list[str], field: str
) -> None:
    create_role("Trực đêm", [Function.VIEW_WORKLIST], administrator)
    with pytest.raises(InvalidValue) as refused:
        create_role(name, functions, administrator)
    assert refused.value.field == field


def test_roles_of_like_names_have_different_codes(administrator: Actor) -> None:
    made = [create_role(f"Khoa {mark}", [Function.VIEW_WORKLIST], administrator).code for mark in ("!", "?", "…x")]
    assert len(set(made)) == 3


def test_a_ready_role_is_changed_for_this_site_and_says_what_was_given_and_taken(administrator: Actor) -> None:
    wanted = READY_ROLES["CLINICIAN"] - {Function.VIEW_IMAGES} | {Function.VIEW_PATIENTS}
    changed = change_role("CLINICIAN", "", wanted, administrator)
    assert changed.is_changed
    assert not may("CLINICIAN", Function.VIEW_IMAGES)
    event = AuditEvent.objects.get(action="role.changed", subject="role:CLINICIAN")
    assert (event.details["given"], event.details["taken"]) == (["view_patients"], ["view_images"])
    assert roles_in_force()["CLINICIAN"].name == ""


def test_the_last_who_manages_accounts_stays_one(administrator: Actor) -> None:
    with pytest.raises(TransitionRefused):
        change_role("ADMINISTRATOR", "", READY_ROLES["ADMINISTRATOR"] - {Function.MANAGE_ACCOUNTS}, administrator)
    assert may("ADMINISTRATOR", Function.MANAGE_ACCOUNTS)
    keeper = create_role("Quản lý tài khoản", [Function.MANAGE_ACCOUNTS], administrator)
    _someone("giu_tai_khoan", keeper.code)
    change_role("ADMINISTRATOR", "", READY_ROLES["ADMINISTRATOR"] - {Function.MANAGE_ACCOUNTS}, administrator)
    assert not may("ADMINISTRATOR", Function.MANAGE_ACCOUNTS)
    with pytest.raises(TransitionRefused):
        change_role(keeper.code, keeper.name, [Function.VIEW_WORKLIST], administrator)


def test_what_another_process_has_just_made_of_a_role_counts(administrator: Actor) -> None:
    keeper = create_role("Quản lý tài khoản", [Function.MANAGE_ACCOUNTS], administrator)
    _someone("giu_tai_khoan", keeper.code)
    assert may(keeper.code, Function.MANAGE_ACCOUNTS)  # as this process remembers it for a second
    SiteRole.objects.filter(code=keeper.code).update(functions=[Function.VIEW_WORKLIST])
    with pytest.raises(TransitionRefused):
        change_role("ADMINISTRATOR", "", READY_ROLES["ADMINISTRATOR"] - {Function.MANAGE_ACCOUNTS}, administrator)


def test_a_role_that_somebody_has_is_not_withdrawn(administrator: Actor) -> None:
    role = create_role("Thử", [Function.VIEW_WORKLIST], administrator)
    user = _someone("nguoi_thu", role.code)
    with pytest.raises(TransitionRefused):
        withdraw_role(role.code, administrator)
    change_account(user.pk, Account(user.username, user.full_name, Role.CLINICIAN), administrator)
    withdraw_role(role.code, administrator)
    assert not may(role.code, Function.VIEW_WORKLIST)
    with pytest.raises(InvalidValue):
        _someone("nguoi_khac", role.code)
    restore_role(role.code, administrator)
    assert may(role.code, Function.VIEW_WORKLIST)


def test_what_is_not_there_is_not_changed(administrator: Actor) -> None:
    with pytest.raises(NotFound):
        change_role("KING", "Vua", [Function.VIEW_WORKLIST], administrator)


def test_nobody_gives_clinical_functions_to_themselves_where_a_second_person_is_wanted(
    administrator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = READY_ROLES["ADMINISTRATOR"] | {Function.VIEW_REPORT}
    account = Account("quan_tri_1", "Người dùng", Role.RADIOLOGIST)
    second = _actor(_someone("quan_tri_2", Role.ADMINISTRATOR))
    _second_person(monkeypatch)
    with pytest.raises(GivesOneself):
        change_role("ADMINISTRATOR", "", wanted, administrator)
    with pytest.raises(GivesOneself):
        change_account(administrator.user_id or 0, account, administrator)
    change_role("ADMINISTRATOR", "", READY_ROLES["ADMINISTRATOR"] - {Function.VIEW_STATISTICS}, administrator)
    assert change_account(administrator.user_id or 0, account, second).role == Role.RADIOLOGIST


def test_one_person_is_enough_where_the_site_has_one(administrator: Actor) -> None:
    change_role("ADMINISTRATOR", "", READY_ROLES["ADMINISTRATOR"] | {Function.VIEW_REPORT}, administrator)
    assert may("ADMINISTRATOR", Function.VIEW_REPORT)
