"""A hospital's directory: OpenLDAP's own slapd on loopback, with people, groups in groups, and a certificate.

It takes passwords over TLS only, so whatever logs in with it has done StartTLS or LDAPS.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE, Connection, Server, Tls

from ris_core.hl7.tests.certificates import Authority
from ris_suite import sandbox
from ris_suite.engine import SLAPD
from ris_suite.sandbox import Bind

BASE = "dc=benhvien,dc=test"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
READER = f"cn=quang,{BASE}"
READER_PASSWORD = "doc-danh-ba"
_ROOT, _ROOT_PASSWORD = f"cn=root,{BASE}", "goc"
HOST = "localhost"
"""As its certificate names it."""
_START_SECONDS = 60

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
TLSCertificateFile {folder}/directory.crt
TLSCertificateKeyFile {folder}/directory.key
TLSProtocolMin 3.3
security simple_bind=64
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by users read by * none
database mdb
maxsize 10485760
suffix "{base}"
rootdn "{root}"
rootpw {root_password}
directory {folder}/data
index objectClass,uid,member,entryUUID eq
overlay memberof
"""
_FIRST = """
dn: {base}
objectClass: dcObject
objectClass: organization
o: Benh vien
dc: benhvien

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{base}
objectClass: organizationalUnit
ou: groups

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: quang
userPassword: {reader_password}
"""


class DirectoryServerMissing(Exception):
    """There is no slapd; ``make setup-test`` puts it into the engine's root."""


def group(name: str) -> str:
    """The DN of a group."""
    return f"cn={name},{GROUPS}"


def person(name: str) -> str:
    """The DN of a person."""
    return f"uid={name},{PEOPLE}"


@dataclass
class DirectoryServer:
    """One slapd; :meth:`stop` and :meth:`start` again play an outage."""

    folder: Path
    authority: Authority = field(init=False)
    port: int = field(init=False)
    tls_port: int = field(init=False)
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "data").mkdir()
        self.authority = Authority(self.folder, "directory-ca")
        self.authority.issue("directory")
        self.port, self.tls_port = _free_ports(2)
        names = {"folder": self.folder, "base": BASE, "reader": READER, "root": _ROOT}
        configuration = _CONFIGURATION.format(**names, root_password=_ROOT_PASSWORD)
        (self.folder / "slapd.conf").write_text(configuration)
        (self.folder / "first.ldif").write_text(_FIRST.format(**names, reader_password=READER_PASSWORD))
        self._account = sandbox.service_account()
        if self._account:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, self._account.uid, self._account.gid)
        loading = self._command("-Tadd", "-f", str(self.folder / "slapd.conf"), "-l", str(self.folder / "first.ldif"))
        made = subprocess.run(loading, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise DirectoryServerMissing(f"slapd does not start: {made.stderr[-2000:]}; run 'make setup-test'")

    @property
    def ca(self) -> Path:
        """Who signed its certificate, for clients to trust."""
        return self.authority.ca

    @property
    def url(self) -> str:
        """For StartTLS."""
        return f"ldap://{HOST}:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://{HOST}:{self.tls_port}"

    def start(self) -> None:
        addresses = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        command = self._command("-f", str(self.folder / "slapd.conf"), "-h", addresses, "-d", "0")
        with (self.folder / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DirectoryServerMissing((self.folder / "slapd.log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def add_person(self, name: str, password: str, full_name: str, **attributes: str) -> None:
        with self._as_root() as connection:
            entry = {"cn": full_name, "sn": full_name, "displayName": full_name, "userPassword": password, **attributes}
            _done(connection, connection.add(person(name), ["inetOrgPerson"], {"uid": name, **entry}))

    def add_group(self, name: str, *members: str) -> None:
        """:param members: DNs of people and groups"""
        with self._as_root() as connection:
            _done(connection, connection.add(group(name), ["groupOfNames"], {"member": list(members)}))

    def join(self, name: str, member: str) -> None:
        self._modify(group(name), {"member": [(MODIFY_ADD, [member])]})

    def leave(self, name: str, member: str) -> None:
        self._modify(group(name), {"member": [(MODIFY_DELETE, [member])]})

    def set_password(self, name: str, password: str) -> None:
        self._modify(person(name), {"userPassword": [(MODIFY_REPLACE, [password])]})

    def remove_person(self, name: str) -> None:
        with self._as_root() as connection:
            _done(connection, connection.delete(person(name)))

    def _modify(self, dn: str, changes: dict[str, Any]) -> None:
        with self._as_root() as connection:
            _done(connection, connection.modify(dn, changes))

    @contextlib.contextmanager
    def _as_root(self) -> Iterator[Any]:
        tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(self.ca))
        server = Server(HOST, self.tls_port, use_ssl=True, tls=tls, get_info=None)
        connection = Connection(server, _ROOT, _ROOT_PASSWORD, auto_bind=True, receive_timeout=20, check_names=False)
        try:
            yield connection
        finally:
            connection.unbind()

    def _command(self, *arguments: str) -> list[str]:
        return sandbox.engine_command([SLAPD, *arguments], [Bind(self.folder, writable=True)], self._account)


@contextlib.contextmanager
def directory_server(folder: Path) -> Iterator[DirectoryServer]:
    """A running one, with a hospital in it: ``bs.lan`` is in ``Bac si CT``, which is in ``Bac si CDHA``; ``ktv_hung``
    is a technologist, ``ke_toan`` is in no group, and two groups are in each other."""
    server = DirectoryServer(folder)
    server.start()
    try:
        server.add_person(
            "bs.lan", "mat-khau-Lan-1", "Nguyễn Thị Lan", mail="lan@benhvien.test", departmentNumber="CĐHA"
        )
        server.add_person("ktv_hung", "mat-khau-Hung-1", "Trần Hùng")
        server.add_person("ke_toan", "mat-khau-KT-1", "Lê Kế Toán")
        server.add_group("Bac si CT", person("bs.lan"))
        server.add_group("Bac si CDHA", group("Bac si CT"))
        server.add_group("KTV", person("ktv_hung"))
        server.add_group("Vong A", person("bs.lan"))
        server.add_group("Vong B", group("Vong A"))
        server.join("Vong A", group("Vong B"))
        yield server
    finally:
        server.stop()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _done(connection: Any, _: object) -> None:
    if connection.result["result"] != 0:
        raise AssertionError(f"{connection.result['description']}: {connection.result['message']}")
