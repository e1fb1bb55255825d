"""Accounts that another system keeps: section ``[scim]`` of the settings."""

from __future__ import annotations

from ris_core.directories.settings import GroupRole
from ris_core.settings_section import Section


class Scim(Section, frozen=True):
    """Accounts and roles by SCIM 2.0 (RFC 7643, 7644)."""

    login: str = ""
    """Name of the directory or OpenID provider by which people with such an account log in: it vouches for their user
    names. Empty: no account is made by SCIM."""
    roles: tuple[GroupRole, ...] = ()
    """The first group that a person is in gives the role; who is in none does not get in. A group is written as its
    ``displayName`` or ``externalId``."""

    def __post_init__(self) -> None:
        """:raises ValueError: accounts are to be made that nobody could use"""
        if self.login and not self.roles:
            raise ValueError("scim.roles says which group gives which role")
