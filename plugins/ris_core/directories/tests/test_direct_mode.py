"""A password in mode ``direct`` opens the account of who has it, and of nobody who is only called the same (P4)."""

from __future__ import annotations

import msgspec
import pytest
from ldap3 import MOCK_SYNC, Connection, Server

from ris_core.directories.connections import LdapDirectory
from ris_core.directories.errors import DirectoryUnavailable, PasswordRefused
from ris_core.directories.rules import LoginName
from ris_core.directories.settings import Directory, GroupRole

BASE = "dc=benhvien,dc=test"
DIRECTORY = Directory(
    name="bv",
    urls=("ldaps://dc1.benhvien.test",),
    base=BASE,
    kind="openldap",
    mode="direct",
    direct_name=f"uid={{name}},ou=people,{BASE}",
    nesting="member_of",
    roles=(GroupRole(group=f"cn=x,{BASE}", role="RADIOLOGIST"),),
)
LAN, PASSWORD = LoginName("lan"), "mat-khau-Lan-1"


class Directories(LdapDirectory):
    """Speaks to entries in memory; ``who`` is what the server answers to *Who am I?*."""

    def __init__(self, directory: Directory, entries: dict[str, dict[str, str]], who: str | None = None) -> None:
        super().__init__(directory, "")
        self.entries, self.who = entries, who

    def _connected(self, dn: str | None, password: str) -> Connection:
        named = (at for at, entry in self.entries.items() if entry.get("userPrincipalName", at) == dn)
        connection = Connection(Server("mock", get_info="NO_INFO"), next(named), password, client_strategy=MOCK_SYNC)
        for name, entry in self.entries.items():
            connection.strategy.add_entry(name, {"objectClass": "person", **entry})
        if self.who is not None:
            connection.extend.standard.who_am_i = lambda: self.who
        connection.open()
        return connection


def test_a_namesake_elsewhere_in_the_tree_is_somebody_else() -> None:
    entries = {
        f"uid=lan,ou=people,{BASE}": {"uid": "lan", "userPassword": PASSWORD, "entryUUID": "1", "cn": "Lan"},
        f"uid=lan,ou=directors,{BASE}": {"uid": "lan", "userPassword": "other", "entryUUID": "2", "cn": "Director"},
    }
    assert Directories(DIRECTORY, entries).sign_in(LAN, PASSWORD).subject == "1"


def test_nobody_is_bound_without_name_or_password() -> None:
    """A server says yes to such a bind, to anybody (RFC 4513 §5.1)."""
    for dn, password in (("", PASSWORD), (f"uid=lan,ou=people,{BASE}", "")):
        with pytest.raises(PasswordRefused), Directories(DIRECTORY, {})._bound(dn, password):
            pass


AD = msgspec.structs.replace(
    DIRECTORY, kind="active_directory", direct_name="{name}@benhvien.test", person_filter="(objectClass=person)"
)
OTHER = {"sAMAccountName": "lan", "userPrincipalName": "lan.nguyen@benhvien.test", "objectGUID": "2", "cn": "Lan"}


def test_a_principal_name_that_is_anothers_account_name_lets_neither_in() -> None:
    """Mallory may bind as lan@benhvien.test, and is not Lan."""
    mallory = {"sAMAccountName": "mallory", "userPrincipalName": "lan@benhvien.test", "userPassword": PASSWORD,
               "objectGUID": "1", "cn": "Mallory"}  # fmt: skip
    entries = {f"cn=mallory,{BASE}": mallory, f"cn=lan,{BASE}": OTHER}
    with pytest.raises(DirectoryUnavailable, match="several"):
        Directories(AD, entries, who="").sign_in(LAN, PASSWORD)


@pytest.mark.parametrize(
    ("who", "same"),
    [("u:BENHVIEN\\lan", True), ("u:BENHVIEN\\LAN", True), ("u:BENHVIEN\\mallory", False), ("u:", False),
     (f"dn:CN=Lan,{BASE}", True), (f"dn:cn=mallory,{BASE}", False), ("", True)],
)  # fmt: skip
def test_who_is_bound_is_asked_of_the_server(who: str, same: bool) -> None:
    """Also when whoever has the principal name cannot be seen from here."""
    hidden = {"userPrincipalName": "lan@benhvien.test", "userPassword": PASSWORD}
    entries = {"cn=mallory,dc=elsewhere": hidden, f"cn=lan,{BASE}": OTHER}
    directory = Directories(AD, entries, who=who)
    if same:
        assert directory.sign_in(LAN, PASSWORD).name == "lan"
    else:
        with pytest.raises(DirectoryUnavailable, match="several"):
            directory.sign_in(LAN, PASSWORD)
