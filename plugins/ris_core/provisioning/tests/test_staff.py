"""Accounts follow the HIS's staff (MFN^M02) where the sender's profile says so, and never beyond what it says (P17)."""

from __future__ import annotations

from datetime import UTC

import pytest

from ris_core.accounts.models import Role, SiteRole, User
from ris_core.accounts.roles import forget
from ris_core.accounts.rules import Function
from ris_core.accounts.services import Account, open_account, withdraw_account
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.catalogue.models import Department, Staff
from ris_core.errors import InvalidValue
from ris_core.hl7.er7 import Message
from ris_core.intake.master_data import apply_master_data
from ris_core.intake.profile import Profile, Words, profile_from
from ris_core.intake.reading import Reading

pytestmark = pytest.mark.django_db

RULE = {"TECHNOLOGIST": "TECHNOLOGIST", "PHYSICIAN": "CLINICIAN"}


def tell(event: str = "MAD", *, code: str = "KTV7", name: str = "LÊ^HOA^THỊ", kind: str = "KTV", active: str = "A",
         rule: dict[str, str] | None = None) -> None:  # fmt: skip
    lines = [
        r"MSH|^~\&|HIS|BVX|QUANG|RIS|20261121||MFN^M02|F1|P|2.5.1||||||UNICODE UTF-8", "MFI|STF||UPD|||AL",
        f"MFE|{event}|1||{code}|CWE", f"STF|{code}^^BVX||{name}|{kind}||F|{active}|CDHA",
    ]  # fmt: skip
    profile = Profile(words=Words(staff_accounts=RULE if rule is None else rule))
    reading = Reading("BVX", UTC, profile=profile)
    reply = apply_master_data(Message.parse("\r".join(lines).encode()), reading, SYSTEM)
    assert reply.refusal is None


def test_without_a_rule_staff_is_no_account_and_with_one_it_is_opened_once() -> None:
    tell(rule={})
    tell(rule={"NURSE": "RECEPTION"})
    assert not User.objects.exists()
    Department.objects.create(code="CDHA", name="Chẩn đoán hình ảnh")
    tell()
    tell()
    user = User.objects.get()
    assert (user.username, user.full_name, user.role) == ("ktv7", "LÊ THỊ HOA", Role.TECHNOLOGIST)
    assert (user.department, user.staff_code, user.must_change_password) == ("Chẩn đoán hình ảnh", "KTV7", True)
    assert not user.has_usable_password()
    assert AuditEvent.objects.filter(action="user.created").count() == 1


def test_it_follows_closes_and_comes_back_but_its_role_is_this_sites() -> None:
    tell()
    user = User.objects.get()
    User.objects.update(role=Role.RADIOLOGIST, email="hoa@bvx.vn")
    tell("MUP", name="LÊ^HÒA^THỊ")
    user.refresh_from_db()
    assert (user.full_name, user.role, user.email) == ("LÊ THỊ HÒA", Role.RADIOLOGIST, "hoa@bvx.vn")
    tell("MDC")
    user.refresh_from_db()
    assert (user.is_active, user.sessions_ended) == (False, 1)
    tell("MAC")
    user.refresh_from_db()
    assert user.is_active
    tell("MUP", active="I")
    user.refresh_from_db()
    assert not user.is_active


def test_an_account_that_a_person_opened_or_closed_is_theirs() -> None:
    own, _ = open_account(Account("hoa_1", "Lê Thị Hoa", Role.RADIOLOGIST, staff_code="KTV7"), SYSTEM)
    tell(name="ANOTHER^NAME")
    tell("MDL")
    own.refresh_from_db()
    assert (User.objects.count(), own.is_active, own.full_name) == (1, True, "Lê Thị Hoa")
    tell(code="KTV8")
    other = User.objects.get(staff_code="KTV8")
    withdraw_account(other.pk, "nghỉ việc", SYSTEM)
    tell("MUP", code="KTV8")
    tell("MDC", code="KTV8")
    tell("MAC", code="KTV8")
    other.refresh_from_db()
    assert not other.is_active


def test_a_message_makes_no_administrator_whatever_the_rule_is_called() -> None:
    for kind, role in (("OTHER", "ADMINISTRATOR"), ("OTHER", "IT"), ("OTHER", "no role"), ("BOSS", "CLINICIAN")):
        with pytest.raises(InvalidValue):
            profile_from({"words": {"staff_accounts": {kind: role}}})
    SiteRole.objects.create(code="CHIEF", name="Trưởng", functions=[Function.MANAGE_ACCOUNTS])
    forget()
    tell(rule={"TECHNOLOGIST": "CHIEF"})
    assert not User.objects.exists()


def test_who_became_an_administrator_here_is_closed_by_no_message() -> None:
    tell()
    User.objects.update(role=Role.ADMINISTRATOR)
    tell("MDL")
    assert User.objects.get().is_active


def test_a_name_that_is_taken_makes_no_account_and_the_list_of_staff_is_taken_over_all_the_same() -> None:
    open_account(Account("ktv7", "Ai đó", Role.RECEPTION), SYSTEM)
    tell()
    assert (Staff.objects.get().code, User.objects.count()) == ("KTV7", 1)
    assert AuditEvent.objects.get(action="user.not_made").details["code"] == "QUANG-1001"
