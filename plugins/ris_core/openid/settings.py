"""At which OpenID providers people may log in, as ``[[openid]]`` of the settings says."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from ris_core.directories.settings import GroupRole
from ris_core.settings_section import Section

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519"]
"""By key pairs only (RFC 7518 §3.1, RFC 9864)."""


class OpenidProvider(Section, frozen=True):
    """One OpenID provider (Keycloak, Entra ID, ADFS …). Our client's secret there is the secret file
    ``openid_secret_<name>``."""

    name: str
    """Our name for it: small letters, digits, underscore; accounts and addresses remember it, so it stays."""
    issuer: str
    """Its ``issuer``, as its metadata and tokens write it: an https address."""
    client_id: str
    """Whom it knows us as."""
    roles: tuple[GroupRole, ...]
    """The first group that a person has gives the role; who has none does not get in."""
    title: str = ""
    """What the button on the login page says; empty: the name."""
    groups_claim: str = "groups"
    """Claim of the ID token with the groups; dots lead into it: ``realm_access.roles``."""
    name_claim: str = "preferred_username"
    """Claim with the login name."""
    department_claim: str = "department"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What is asked for; more may be needed for the groups."""
    client_authentication: Literal["basic", "post"] = "basic"
    """How the secret is sent (OpenID Connect Core §9)."""
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256")
    """Signatures that are taken."""
    second_factor_amr: tuple[str, ...] = ()
    """Values of ``amr`` (RFC 8176) that count as a second factor here, such as ``mfa``; empty: ours is asked for."""
    hosts: tuple[str, ...] = ()
    """Further hosts that its metadata may name; else only the issuer's is called."""
    ca_file: str = ""
    """PEM file of who signed its certificate; empty: those that the machine trusts."""
    plain_http: bool = False
    """Whether a provider on this machine may be reached without TLS; for tests."""
    timeout_seconds: int = 5
    """Longest wait to connect, and for each answer."""
    unconfirmed_minutes: int = 720
    """Sessions end when a person has not logged in there for so long."""

    def __post_init__(self) -> None:
        """:raises ValueError: naming what does not fit together"""
        if not re.fullmatch(r"[a-z0-9_]{1,32}", self.name):
            raise ValueError("openid.name has small letters, digits and underscores")
        issuer = urlsplit(self.issuer)
        if issuer.query or issuer.fragment or issuer.username or not self.may_call(self.issuer):
            raise ValueError("openid.issuer is an https address without query or user")
        if not self.client_id or "openid" not in self.scopes or not self.algorithms:
            raise ValueError("openid needs client_id, algorithms, and openid among the scopes")
        if not (0 < self.timeout_seconds <= 30 and self.unconfirmed_minutes > 0):
            raise ValueError("openid: timeout_seconds at most 30, unconfirmed_minutes more than 0")

    def may_call(self, address: str) -> bool:
        """Whether ``address`` is one that we go to on this provider's word: its own hosts, by TLS."""
        try:
            parts = urlsplit(address)
            host, own = parts.hostname or "", urlsplit(self.issuer)
            same_place = parts.netloc == own.netloc or parts.netloc in self.hosts
        except ValueError:
            return False
        if not host or not same_place or parts.username or parts.fragment:
            return False
        return parts.scheme == "https" or (parts.scheme == "http" and self.plain_http and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
