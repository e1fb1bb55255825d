"""Names, filters and roles: what is typed never becomes more than a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter

from ris_core.directories.rules import (
    LoginName,
    direct_name,
    directories_for,
    is_enabled,
    is_overdue,
    may_stand_in,
    normal_dn,
    person_filter,
    role_of,
    subject_filter,
)
from ris_core.directories.settings import Directory, GroupRole

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
AD = Directory(
    name="ad",
    urls=("ldaps://dc1.benhvien.test",),
    base="dc=benhvien,dc=test",
    domains=("BENHVIEN", "benhvien.test"),
    roles=(
        GroupRole(group="CN=Truong khoa,OU=Nhom,DC=benhvien,DC=test", role="SENIOR"),
        GroupRole(group="CN=Bac si CDHA,OU=Nhom,DC=benhvien,DC=test", role="RADIOLOGIST"),
    ),
)
OPEN = msgspec.structs.replace(AD, name="ol", kind="openldap", domains=("tram.test",))


@pytest.mark.parametrize(
    ("typed", "name", "domain"),
    [
        ("bs.lan", "bs.lan", ""),
        ("  bs.lan ", "bs.lan", ""),
        ("BENHVIEN\\bs.lan", "bs.lan", "benhvien"),
        ("bs.lan@benhvien.test", "bs.lan", "benhvien.test"),
        ("KTV_Hung", "KTV_Hung", ""),
    ],
)
def test_a_name_is_read_with_its_domain(typed: str, name: str, domain: str) -> None:
    assert LoginName.parse(typed) == LoginName(name, domain)


@pytest.mark.parametrize(
    "typed",
    ["", " ", "*", "a*", "lan)(uid=*", "lan)(|(uid=*", "cn=lan,dc=test", "lan\0", "a\\b\\c", "a@b@c", "@b", "a@",
     "\\lan", "lan\\",
     "nguyễn", "a" * 65, "-lan", ".lan", "lan\nx", "lan #", "lan/..", "a@-b", "lan\u202e"],
)  # fmt: skip
def test_what_is_no_plain_name_is_asked_of_nobody(typed: str) -> None:
    assert LoginName.parse(typed) is None


@given(st.text(max_size=80))
def test_whatever_is_typed_a_name_has_letters_digits_dot_hyphen_and_underscore_only(typed: str) -> None:
    name = LoginName.parse(typed)
    if name is not None:
        assert name.name.isascii()
        assert name.name.replace(".", "").replace("-", "").replace("_", "").isalnum()
        assert name.account is None or (name.account.isascii() and name.account.replace("_", "a").isalnum())


@given(st.text(min_size=1, max_size=40))
def test_no_text_changes_the_form_of_a_filter(text: str) -> None:
    """Even if a name came here that :class:`LoginName` would have refused."""
    made = person_filter(OPEN, text)
    assert made.count("(") == made.count(")") == person_filter(OPEN, "x").count("(")
    assert "\0" not in made
    parsed = parse_filter(made, None, False, None, None, None)
    assert len(parsed.elements[0].elements) == 2
    value = parsed.elements[0].elements[1].assertion
    assert "attr" in value
    assert value["attr"] == "uid"


def test_a_filter_escapes_what_means_something() -> None:
    assert person_filter(OPEN, "*)(uid=*") == "(&(objectClass=person)(uid=\\2a\\29\\28uid=\\2a))"
    assert subject_filter(OPEN, "*") == "(&(objectClass=person)(entryUUID=\\2a))"
    assert subject_filter(AD, "0a2a") == "(&(&(objectCategory=person)(objectClass=user))(objectGUID=\\0a\\2a))"


def test_a_name_is_escaped_in_a_dn_and_left_in_a_principal_name() -> None:
    direct = msgspec.structs.replace(OPEN, mode="direct", direct_name="uid={name},ou=people,dc=test")
    assert direct_name(direct, LoginName("lan,ou=admins")) == "uid=lan\\,ou\\=admins,ou=people,dc=test"
    principal = msgspec.structs.replace(AD, mode="direct", direct_name="{name}@benhvien.test")
    assert direct_name(principal, LoginName("bs.lan")) == "bs.lan@benhvien.test"


@pytest.mark.parametrize(
    ("name", "account"),
    [("bs.lan", "bs_lan"), ("BS-Lan", "bs_lan"), ("ktv_hung", "ktv_hung"), ("ab", None), ("a" * 64, "a" * 64)],
)
def test_an_account_has_a_name_of_letters_digits_and_underscores(name: str, account: str | None) -> None:
    assert LoginName(name).account == account


def test_who_is_asked_follows_the_domain_or_the_order() -> None:
    both = (AD, OPEN)
    assert directories_for(LoginName("lan"), both) == [AD, OPEN]
    assert directories_for(LoginName("lan", "tram.test"), both) == [OPEN]
    assert directories_for(LoginName("lan", "benhvien"), both) == [AD]
    assert directories_for(LoginName("lan", "khac.test"), both) == []


def test_the_first_line_of_the_roles_that_fits_counts_however_the_group_is_written() -> None:
    reader = normal_dn("cn=bac si CDHA , ou=NHOM,dc=BENHVIEN, dc=test")
    senior = normal_dn("CN=Truong khoa,OU=Nhom,DC=benhvien,DC=test")
    assert role_of([reader], AD.roles, normal_dn) == "RADIOLOGIST"
    assert role_of([reader, senior], AD.roles, normal_dn) == "SENIOR"
    assert role_of([normal_dn("cn=bac si cdha,ou=khac,dc=benhvien,dc=test")], AD.roles, normal_dn) is None
    assert role_of([], AD.roles, normal_dn) is None
    assert normal_dn("no dn at all") == "no dn at all"
    assert normal_dn("cn=bac si cdha+ou=nhom,dc=benhvien,dc=test") != reader


@pytest.mark.parametrize(
    ("control", "expires", "locked", "enabled"),
    [
        ("512", "0", "", True),
        ("514", "0", "", False),
        ("66050", "9223372036854775807", "", False),
        ("512", "9223372036854775807", "", True),
        ("512", "133000000000000000", "", False),
        ("512", "144000000000000000", "", True),
        ("", "", "", True),
        ("", "", "000001010000Z", False),
        ("", "", "20261122090000Z", True),
        ("512", "99999999999999999999", "", True),
    ],
)
def test_a_closed_account_of_a_directory_is_closed(control: str, expires: str, locked: str, enabled: bool) -> None:
    assert is_enabled(control, expires, locked, NOW) is enabled


def test_a_remembered_yes_stands_in_only_where_chosen_and_not_for_long() -> None:
    cached = msgspec.structs.replace(AD, outage="cached", outage_minutes=30)
    assert may_stand_in(cached, NOW - timedelta(minutes=30), NOW)
    assert not may_stand_in(cached, NOW - timedelta(minutes=30, seconds=1), NOW)
    assert not may_stand_in(AD, NOW, NOW)
    assert not may_stand_in(cached, None, NOW)
    assert not is_overdue(cached.unconfirmed_minutes, NOW - timedelta(minutes=240), NOW)
    assert is_overdue(cached.unconfirmed_minutes, NOW - timedelta(minutes=241), NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"urls": ()},
        {"urls": ("http://dc1",)},
        {"urls": ("ldap://user:pass@dc1",)},
        {"urls": ("ldaps://dc1/dc=x",)},
        {"name": "Một"},
        {"base": ""},
        {"mode": "direct"},
        {"mode": "direct", "direct_name": "uid=x"},
        {"outage_minutes": 241},
        {"outage_minutes": 0},
        {"timeout_seconds": 0},
        {"recheck_minutes": 300},
        {"verify": False},
        {"outage": "accept"},
        {"roles": ({"group": "cn=x", "role": "bác sĩ"},)},
    ],
)
def test_settings_that_do_not_fit_together_are_refused(wrong: dict[str, object]) -> None:
    fits = msgspec.to_builtins(AD)
    assert msgspec.convert(fits, Directory) == AD
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**fits, **wrong}, Directory)
