"""Which directories people may log in from, as ``[[directories]]`` of the settings says."""

from __future__ import annotations

import re
from typing import Literal

from ris_core.settings_section import Section


class GroupRole(Section, frozen=True):
    """Members of a group have a role here."""

    group: str
    """DN of the group, as the directory writes it; what the claim has, for an OpenID provider."""
    role: str
    """Code of a role: of the ready set, or of one that this site has made."""

    def __post_init__(self) -> None:
        """:raises ValueError: what cannot be a role's code"""
        if not re.fullmatch(r"[A-Z0-9_]{2,16}", self.role):
            raise ValueError("roles.role is the code of a role, such as RADIOLOGIST")


class Directory(Section, frozen=True):
    """One directory (LDAP, Active Directory) whose people log in here. The password of ``bind_dn`` is the secret file
    ``directory_password_<name>``."""

    name: str
    """Our name for it: small letters, digits, underscore; accounts remember it, so it stays."""
    urls: tuple[str, ...]
    """``ldaps://host`` (TLS) or ``ldap://host`` (StartTLS, always); the next is asked when one does not answer."""
    roles: tuple[GroupRole, ...]
    """The first group that a person is in gives the role; who is in none does not get in."""
    base: str
    """DN below which people are found."""
    kind: Literal["active_directory", "openldap"] = "active_directory"
    ca_file: str = ""
    """PEM file of who signed the server's certificate; empty: those that the machine trusts."""
    domains: tuple[str, ...] = ()
    """What people may write before the backslash or after the at-sign to mean this directory."""
    mode: Literal["search", "direct"] = "search"
    """``search``: find the person with an account of our own, then try their password; ``direct``: try it at once."""
    bind_dn: str = ""
    """Our own account for ``search``; empty: anonymous."""
    direct_name: str = ""
    """Whom ``direct`` binds as, with ``{name}`` for what was typed: ``{name}@benhvien.vn`` or a DN."""
    person_filter: str = ""
    """Who counts as a person; empty: as is usual for the kind."""
    name_attribute: str = ""
    """Attribute with the login name; empty: ``sAMAccountName`` or ``uid``, by kind."""
    group_base: str = ""
    """DN below which groups are found; empty: ``base``."""
    nesting: Literal["", "in_chain", "members", "member_of"] = ""
    """How groups in groups are found: by the server's matching rule, by who lists whom, by memberOf; empty:
    ``in_chain`` for Active Directory, ``members`` else."""
    timeout_seconds: int = 5
    """Longest wait to connect, and for each answer."""
    outage: Literal["refuse", "cached"] = "refuse"
    """While no server answers: nobody logs in, or who did within ``outage_minutes`` with the same password may."""
    outage_minutes: int = 60
    recheck_minutes: float = 5.0
    """How often those who have an account are looked up again (``search`` only)."""
    unconfirmed_minutes: int = 240
    """Sessions end when the directory has not confirmed the person for so long."""

    def __post_init__(self) -> None:
        """:raises ValueError: naming what does not fit together"""
        if not re.fullmatch(r"[a-z0-9_]{1,32}", self.name):
            raise ValueError("directories.name has small letters, digits and underscores")
        if not self.urls or not all(re.fullmatch(r"ldaps?://[^/@\s]+/?", url) for url in self.urls):
            raise ValueError("directories.urls are ldaps://host or ldap://host (StartTLS), with a port if need be")
        if not self.base:
            raise ValueError("directories.base says below which DN people are found")
        if self.mode == "direct" and self.direct_name.count("{name}") != 1:
            raise ValueError("directories.direct_name needs {name} once")
        if not 0 < self.outage_minutes <= self.unconfirmed_minutes:
            raise ValueError("directories.outage_minutes is at most unconfirmed_minutes")
        if not (0 < self.timeout_seconds <= 30 and 0 < self.recheck_minutes <= self.unconfirmed_minutes):
            raise ValueError("directories: timeout_seconds at most 30, recheck_minutes at most unconfirmed_minutes")

    @property
    def filter_of_persons(self) -> str:
        usual = {
            "active_directory": "(&(objectCategory=person)(objectClass=user))",
            "openldap": "(objectClass=person)",
        }
        return self.person_filter or usual[self.kind]

    @property
    def attribute_of_names(self) -> str:
        return self.name_attribute or ("sAMAccountName" if self.kind == "active_directory" else "uid")

    @property
    def way_of_nesting(self) -> str:
        return self.nesting or ("in_chain" if self.kind == "active_directory" else "members")
