"""The same against OpenLDAP's own slapd: TLS is verified, passwords are, groups in groups are found (P4)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ris_core.directories.connections import LdapDirectory
from ris_core.directories.errors import DirectoryUnavailable, NameUnknown, PasswordRefused
from ris_core.directories.rules import LoginName, normal_dn, role_of
from ris_core.directories.settings import Directory, GroupRole
from ris_core.hl7.tests.certificates import Authority
from ris_testing.directory_server import (
    BASE,
    PEOPLE,
    READER,
    READER_PASSWORD,
    DirectoryServer,
    directory_server,
    group,
)

pytestmark = [pytest.mark.integration, pytest.mark.once]

LAN, PASSWORD = LoginName("bs.lan"), "mat-khau-Lan-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectoryServer]:
    with directory_server(tmp_path_factory.mktemp("slapd")) as running:
        yield running


def asked(server: DirectoryServer, bind_password: str = READER_PASSWORD, **changed: Any) -> LdapDirectory:
    directory = Directory(
        name="bv",
        urls=(server.url,),
        ca_file=str(server.ca),
        kind="openldap",
        base=BASE,
        bind_dn=READER,
        roles=(GroupRole(group=group("Bac si CDHA"), role="RADIOLOGIST"),),
    )
    return LdapDirectory(msgspec.structs.replace(directory, **changed), bind_password)


@pytest.mark.parametrize("nesting", ["members", "member_of"])
@pytest.mark.parametrize("way", ["starttls", "ldaps"])
@pytest.mark.parametrize("mode", ["search", "direct"])
def test_a_person_is_known_with_all_groups_above_theirs(
    server: DirectoryServer, nesting: str, way: str, mode: str
) -> None:
    directory = asked(
        server,
        urls=(server.url if way == "starttls" else server.tls_url,),
        nesting=nesting,
        mode=mode,
        direct_name=f"uid={{name}},{PEOPLE}",
    )
    lan = directory.sign_in(LAN, PASSWORD)
    assert (lan.name, lan.full_name, lan.email, lan.department) == (
        "bs.lan", "Nguyễn Thị Lan", "lan@benhvien.test", "CĐHA",
    )  # fmt: skip
    assert len(lan.groups) == 4, "two through others, two in a ring"
    assert role_of(lan.groups, directory._directory.roles, normal_dn) == "RADIOLOGIST"


@pytest.mark.parametrize("password", ["wrong", "", "mat-khau-Hung-1", "\0", "mat-khau-Lan-1\0"])
@pytest.mark.parametrize("mode", ["search", "direct"])
def test_a_wrong_password_or_none_is_refused(server: DirectoryServer, mode: str, password: str) -> None:
    directory = asked(server, mode=mode, direct_name=f"uid={{name}},{PEOPLE}")
    with pytest.raises(PasswordRefused):
        directory.sign_in(LAN, password)


@pytest.mark.parametrize("name", ["nobody", "*", "bs.lan)(uid=*", "bs*", "bs.lan)(|(objectClass=*", "\\2a", "bs.lan\0"])
def test_no_name_means_anything_but_itself(server: DirectoryServer, name: str) -> None:
    with pytest.raises(NameUnknown):
        asked(server).sign_in(LoginName(name), PASSWORD)


def test_a_certificate_of_somebody_else_is_not_taken(server: DirectoryServer, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    for url in (server.url, server.tls_url):
        with pytest.raises(DirectoryUnavailable):
            asked(server, urls=(url,), ca_file=str(stranger.ca)).sign_in(LAN, PASSWORD)
        with pytest.raises(DirectoryUnavailable):
            asked(server, urls=(url,), ca_file="").sign_in(LAN, PASSWORD)
        with pytest.raises(DirectoryUnavailable):
            asked(server, urls=(url,), ca_file=str(tmp_path / "missing.pem")).sign_in(LAN, PASSWORD)


def test_a_certificate_for_another_name_is_not_taken(server: DirectoryServer) -> None:
    for url in (server.url, server.tls_url):
        with pytest.raises(DirectoryUnavailable):
            asked(server, urls=(url.replace("localhost", "127.0.0.1"),)).sign_in(LAN, PASSWORD)


def test_a_server_without_starttls_is_told_no_password(server: DirectoryServer) -> None:
    """Somebody between us and the directory answers that StartTLS is not known: nothing else is said to them."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            taken, _ = listening.accept()
            with taken:
                heard.append(taken.recv(4096))
                # ExtendedResponse, resultCode protocolError (RFC 4511 §4.12)
                taken.sendall(bytes.fromhex("300c02010178070a010204000400"))
                while more := taken.recv(4096):
                    heard.append(more)

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        url = f"ldap://localhost:{listening.getsockname()[1]}"
        with pytest.raises(DirectoryUnavailable):
            asked(server, urls=(url,)).sign_in(LAN, PASSWORD)
        thread.join(30)
    said = b"".join(heard)
    assert b"1.3.6.1.4.1.1466.20037" in said
    assert READER_PASSWORD.encode() not in said
    assert PASSWORD.encode() not in said


def test_the_next_server_is_asked_when_one_does_not_answer(server: DirectoryServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"ldap://localhost:{unused.getsockname()[1]}"
        assert asked(server, urls=(dead, server.url)).sign_in(LAN, PASSWORD).name == "bs.lan"
        with pytest.raises(DirectoryUnavailable):
            asked(server, urls=(dead,)).sign_in(LAN, PASSWORD)


def test_a_server_that_says_nothing_is_waited_for_only_so_long(server: DirectoryServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"ldap://localhost:{mute.getsockname()[1]}"
        with pytest.raises(DirectoryUnavailable):
            asked(server, urls=(url,), timeout_seconds=1).sign_in(LAN, PASSWORD)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bind_password": "wrong"},
        {"base": "dc=khong,dc=co"},
        {"group_base": "ou=khong,dc=co"},
        {"bind_dn": f"cn=khong,{BASE}"},
    ],
)
def test_what_is_set_up_wrongly_is_no_empty_answer(server: DirectoryServer, wrong: dict[str, Any]) -> None:
    subject = asked(server).sign_in(LAN, PASSWORD).subject
    with pytest.raises(DirectoryUnavailable):
        asked(server, **wrong).sign_in(LAN, PASSWORD)
    with pytest.raises(DirectoryUnavailable):
        list(asked(server, **wrong).look_up([subject]))


def test_people_are_looked_up_again_without_their_password(server: DirectoryServer) -> None:
    server.add_person("tam", "mat-khau-Tam-1", "Tạm")
    subject = asked(server).sign_in(LoginName("tam"), "mat-khau-Tam-1").subject
    lan = asked(server).sign_in(LAN, PASSWORD)
    server.remove_person("tam")
    assert dict(asked(server).look_up([subject, lan.subject])) == {subject: None, lan.subject: lan}
