"""Accounts from a file: looked at line by line, opened wholly or not at all (P17)."""

from __future__ import annotations

import pytest

from ris_core.accounts import importing
from ris_core.accounts.importing import COLUMNS, import_accounts, read_accounts, staff_without_account
from ris_core.accounts.models import Role, User
from ris_core.accounts.services import Account, open_account
from ris_core.audit.services import SYSTEM
from ris_core.catalogue.models import Department, Staff
from ris_core.errors import InvalidValue

pytestmark = pytest.mark.django_db

HEAD = "username;full_name;role;staff_code;expires_on\n"


def _file(*lines: str) -> bytes:
    return ("\ufeff" + HEAD + "\n".join(lines)).encode()


def test_every_line_becomes_an_account_with_a_first_password() -> None:
    file = _file("bs_hoa;Bác sĩ Hoa;radiologist;NV01;31/12/2027", "", "ktv_nam;KTV Nam;TECHNOLOGIST;;")
    opened = import_accounts(file, SYSTEM)
    assert [(user.username, user.role, user.staff_code) for user, _ in opened] == [
        ("bs_hoa", "RADIOLOGIST", "NV01"),
        ("ktv_nam", "TECHNOLOGIST", ""),
    ]
    assert all(user.must_change_password and user.check_password(password) for user, password in opened)
    assert opened[0][0].expires_at is not None


def test_of_a_long_file_some_are_opened_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "OPENED_AT_ONCE", 2)
    file = _file(*(f"bs_{number};Bác sĩ {number};RADIOLOGIST;;" for number in range(3)))
    opened = [[user.username for user, _ in import_accounts(file, SYSTEM)] for _ in range(3)]
    assert opened == [["bs_0", "bs_1"], ["bs_2"], []]


def test_taken_over_again_a_file_opens_nothing_twice() -> None:
    file = _file("bs_hoa;Bác sĩ Hoa;RADIOLOGIST;;")
    import_accounts(file, SYSTEM)
    assert import_accounts(file, SYSTEM) == []
    assert read_accounts(file).known == ("bs_hoa",)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("bs;Bác sĩ;RADIOLOGIST;;", "username"),
        ("bs hoa;Bác sĩ;RADIOLOGIST;;", "username"),
        ("bs_hoa;;RADIOLOGIST;;", "full_name"),
        ("bs_hoa;Bác sĩ;KING;;", "role"),
        ("bs_hoa;Bác sĩ;;;", "role"),
        ("bs_hoa;Bác sĩ;RADIOLOGIST;;31-12-27", "expires_on"),
        ("KTV_NAM;Bác sĩ;RADIOLOGIST;;", "username"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(line: str, field: str) -> None:
    file = _file("ktv_nam;KTV Nam;TECHNOLOGIST;;", line)
    reading = read_accounts(file)
    assert [(wrong.number, wrong.field) for wrong in reading.wrong] == [(3, field)]
    with pytest.raises(InvalidValue):
        import_accounts(file, SYSTEM)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"username;full_name\nx;y", b"username;full_name;role;salary\n", b"a\0b", b"x" * 1_100_000],
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidValue):
        read_accounts(content)


def test_staff_of_the_master_data_without_an_account_make_a_file_that_is_taken() -> None:
    Department.objects.create(code="CC", name="Cấp cứu")
    for code, name, kind in (
        ("NV 01", "Bác sĩ Hoa", "PHYSICIAN"),
        ("NV02", "=KTV Nam", "TECHNOLOGIST"),
        ("7", "X", "NURSE"),
    ):
        Staff.objects.create(code=code, name=name, kind=kind, department_code="CC")
    Staff.objects.create(code="NV09", name="Đã nghỉ", active=False)
    open_account(Account("da_co", "Đã có", Role.CLINICIAN, staff_code="7"), SYSTEM)
    text = staff_without_account()
    assert text.startswith("\ufeff" + ",".join(COLUMNS))
    assert "'=KTV Nam" in text
    reading = read_accounts(text.encode())
    assert reading.wrong == ()
    said = [(account.username, account.role, account.department, account.staff_code) for account in reading.accounts]
    assert sorted(said) == [("nv02", "TECHNOLOGIST", "Cấp cứu", "NV02"), ("nv_01", "CLINICIAN", "Cấp cứu", "NV 01")]
