"""Names, groups and roles of people in a directory, and how long a decision may stand without it (P4). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ldap3.core.exceptions import LDAPInvalidDnError
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, parse_dn

from ris_core.directories.settings import Directory, GroupRole

MOST_GROUPS: Final = 500
"""Groups looked at for one person, and how deep groups in groups are followed: a ring or a jungle ends there."""
DEEPEST_GROUPS: Final = 10

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?", re.ASCII)
_NO_ACCOUNT_SIGN = re.compile(r"[.-]", re.ASCII)
_ACCOUNT = re.compile(r"[a-z0-9_]{3,64}", re.ASCII)
_DISABLED: Final = 0x2
"""ACCOUNTDISABLE of Active Directory's userAccountControl ([MS-ADTS] 2.2.16)."""
_LOCKED_FOR_GOOD: Final = "000001010000"
_NEVER: Final = (0, 0x7FFFFFFFFFFFFFFF)
_FILETIME_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LoginName:
    """What somebody types: ``bs.lan``, ``BENHVIEN\\bs.lan`` or ``bs.lan@benhvien.vn``."""

    name: str
    domain: str = ""

    @classmethod
    def parse(cls, typed: str) -> LoginName | None:
        """The name without blanks around it; none for what no directory is asked about.

        Only letters, digits, dot, hyphen and underscore: nothing that means something in a filter or a DN.
        """
        text = typed.strip()
        domain, separator, name = text.partition("\\")
        if not separator:
            name, separator, domain = text.partition("@")
        if not _NAME.fullmatch(name) or (separator and not _DOMAIN.fullmatch(domain)):
            return None
        return cls(name, domain.lower())

    @property
    def account(self) -> str | None:
        """The name of the account here: small letters, digits and underscores (Q6); none if it cannot be made."""
        name = _NO_ACCOUNT_SIGN.sub("_", self.name.lower())
        return name if _ACCOUNT.fullmatch(name) else None


def name_that_counts(typed: str) -> str:
    """The name under which failures are counted: however a person writes their name, it is one."""
    name = LoginName.parse(typed)
    return (name.name if name else typed.strip()).lower()[:255]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody as a directory knows them."""

    subject: str
    """What stays when they are renamed or moved: objectGUID or entryUUID, in hexadecimal digits; of an OpenID provider
    a digest of issuer and ``sub``."""
    dn: str = ""
    name: str
    domain: str = ""
    """With which an OpenID provider writes the name, in small letters: ``benhvien.vn``; empty: without one."""
    full_name: str
    email: str = ""
    department: str = ""
    groups: frozenset[str] = frozenset()
    """DNs of the groups that they are in, directly or through other groups, as :func:`normal_dn` writes them."""
    enabled: bool = True


def directories_for(name: LoginName, directories: Sequence[Directory]) -> list[Directory]:
    """Whom to ask, in order: with a domain the directories that have it, else all, as the settings list them."""
    if not name.domain:
        return list(directories)
    return [one for one in directories if name.domain in {domain.lower() for domain in one.domains}]


def person_filter(directory: Directory, name: str) -> str:
    """The filter (RFC 4515) that finds the person who logs in as ``name``; every sign of it is a sign only."""
    return f"(&{directory.filter_of_persons}({directory.attribute_of_names}={escape_filter_chars(name)}))"


def direct_filter(directory: Directory, name: str) -> str:
    """The filter that finds who was bound as :func:`direct_name`; in Active Directory a principal name may be one
    person's while the account name before the at-sign is another's: both are found then, and neither gets in."""
    if directory.kind != "active_directory" or "@" not in directory.direct_name:
        return person_filter(directory, name)
    names = ((directory.attribute_of_names, name), ("userPrincipalName", directory.direct_name.replace("{name}", name)))
    either = "".join(f"({attribute}={escape_filter_chars(value)})" for attribute, value in names)
    return f"(&{directory.filter_of_persons}(|{either}))"


def subject_filter(directory: Directory, subject: str) -> str:
    """The filter that finds a person again by :attr:`Person.subject`."""
    if directory.kind == "active_directory":
        value = "".join(f"\\{byte:02x}" for byte in bytes.fromhex(subject))
        return f"(&{directory.filter_of_persons}(objectGUID={value}))"
    return f"(&{directory.filter_of_persons}(entryUUID={escape_filter_chars(subject)}))"


def direct_name(directory: Directory, name: LoginName) -> str:
    """Whom to bind as without looking for them first; in a DN the name's signs are escaped (RFC 4514)."""
    template = directory.direct_name
    return template.replace("{name}", escape_rdn(name.name) if "=" in template else name.name)


def normal_dn(dn: str) -> str:
    """``dn`` so that equal ones read the same: small letters, no blanks around its parts."""
    try:
        parts = parse_dn(dn, escape=False, strip=True)
    except LDAPInvalidDnError:
        return dn.strip().lower()
    return "".join(f"{kind.strip()}={value.strip()}{separator}" for kind, value, separator in parts).lower()


def role_of(groups: Iterable[str], roles: Sequence[GroupRole], written: Callable[[str], str] = str) -> str | None:
    """The role of the first line of ``roles`` whose group is among ``groups``; none: no access.

    :param written: how the groups are written, so that equal ones read the same
    """
    held = set(groups)
    return next((line.role for line in roles if written(line.group) in held), None)


def is_enabled(account_control: str, account_expires: str, locked_time: str, now: datetime) -> bool:
    """Whether an account of a directory is open.

    :param account_control: Active Directory's userAccountControl; empty elsewhere
    :param account_expires: its accountExpires, in 100 ns since 1601; 0 and the largest number: never
    :param locked_time: pwdAccountLockedTime (draft-behera-ldap-password-policy §5.3.3): closed for good, or a lock
        after wrong passwords, which the server itself keeps to. Anybody can bring about the latter by typing them, so
        it ends nobody's work.
    """
    if locked_time.startswith(_LOCKED_FOR_GOOD):
        return False
    if account_control.isdecimal() and int(account_control) & _DISABLED:
        return False
    ticks = int(account_expires) if account_expires.isdecimal() else 0
    if ticks in _NEVER:
        return True
    try:
        return now < _FILETIME_EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return True


def may_stand_in(directory: Directory, verified_at: datetime | None, now: datetime) -> bool:
    """Whether, while ``directory`` does not answer, its last yes to a password may be taken instead."""
    if directory.outage != "cached" or verified_at is None:
        return False
    return now - verified_at <= timedelta(minutes=directory.outage_minutes)


def is_overdue(unconfirmed_minutes: int, confirmed_at: datetime, now: datetime) -> bool:
    """Whether nobody has vouched for a person for so long that their sessions end."""
    return now - confirmed_at > timedelta(minutes=unconfirmed_minutes)
