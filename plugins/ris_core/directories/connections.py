"""The only place that speaks LDAP (RFC 4511), through ldap3.

Every connection is TLS with a certificate that is verified, name included, before a name or password is sent: by
``ldaps`` from the first byte, by ``ldap`` through StartTLS (RFC 4513 §3.1). There is no setting that leaves it out.
Referrals are not followed: no password goes to a server that the settings do not name.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from ldap3 import BASE, NONE, SIMPLE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from ris_core.directories.errors import DirectoryUnavailable, NameUnknown, PasswordRefused
from ris_core.directories.rules import (
    DEEPEST_GROUPS,
    MOST_GROUPS,
    LoginName,
    Person,
    direct_filter,
    direct_name,
    is_enabled,
    normal_dn,
    person_filter,
    subject_filter,
)
from ris_core.directories.settings import Directory
from ris_core.errors import SettingsInvalid
from ris_core.settings import Settings

log = logging.getLogger(__name__)

IN_CHAIN = "1.2.840.113556.1.4.1941"
"""LDAP_MATCHING_RULE_IN_CHAIN ([MS-ADTS] 3.1.1.3.4.4.3): the server itself follows groups in groups."""
_ATTRIBUTES = {
    "active_directory": (
        "objectGUID", "displayName", "cn", "mail", "department", "memberOf", "userAccountControl", "accountExpires",
    ),
    "openldap": ("entryUUID", "displayName", "cn", "mail", "departmentNumber", "memberOf", "pwdAccountLockedTime"),
}  # fmt: skip
_NOT_NOW = {"busy", "unavailable", "operationsError", "protocolError", "timeLimitExceeded", "adminLimitExceeded",
            "strongerAuthRequired", "confidentialityRequired", "other"}  # fmt: skip
"""Answers to a bind (RFC 4511 §4.1.9) that say nothing of the password."""

Entry = dict[str, list[bytes]]
"""Attributes by name, in small letters; beside them ``dn``."""


class OpenDirectory(Protocol):
    """A directory that can be asked; :class:`LdapDirectory`, or the one of a test."""

    def sign_in(self, name: LoginName, password: str) -> Person:
        """:raises NameUnknown, PasswordRefused, DirectoryUnavailable: it is not they, or nobody can tell"""

    def look_up(self, subjects: Iterable[str]) -> Iterator[tuple[str, Person | None]]:
        """People again, without their passwords; none: not there any more. :raises DirectoryUnavailable:"""


class LdapDirectory:
    """One directory of the settings. Each question has a connection of its own, which is closed after it."""

    def __init__(self, directory: Directory, bind_password: str) -> None:
        self._directory = directory
        self._bind_password = bind_password

    @classmethod
    def from_settings(cls, directory: Directory, settings: Settings) -> LdapDirectory:
        """:raises DirectoryUnavailable: ``bind_dn`` is set and its password's file is missing"""
        try:
            password = settings.secret(f"directory_password_{directory.name}") if directory.bind_dn else ""
        except SettingsInvalid as error:
            log.error("directory %s: %s", directory.name, error.detail)
            raise DirectoryUnavailable(f"directory {directory.name}: our own password is missing") from error
        return cls(directory, password)

    def sign_in(self, name: LoginName, password: str) -> Person:
        if not password or "\0" in password:
            # a bind without a password succeeds as anonymous (RFC 4513 §5.1.2)
            raise PasswordRefused("a password is needed", field="password")
        with _answering(self._directory):
            if self._directory.mode == "direct":
                with self._bound(direct_name(self._directory, name), password) as connection:
                    return self._person_bound(connection, name)
            with self._bound() as connection:
                person = self._person(connection, person_filter(self._directory, name.name))
                with self._bound(person.dn, password):
                    return person

    def look_up(self, subjects: Iterable[str]) -> Iterator[tuple[str, Person | None]]:
        with _answering(self._directory), self._bound() as connection:
            for subject in subjects:
                person: Person | None = None
                with contextlib.suppress(NameUnknown):
                    person = self._person(connection, subject_filter(self._directory, subject))
                yield subject, person

    def _person_bound(self, connection: Connection, name: LoginName) -> Person:
        """Whose password opened ``connection``, and nobody who is only called the same."""
        wanted, bound_as = direct_filter(self._directory, name.name), direct_name(self._directory, name)
        if "=" in bound_as:
            return self._person(connection, wanted, itself=bound_as)
        person = self._person(connection, wanted)
        who = connection.extend.standard.who_am_i() or ""  # RFC 4532; what says nothing is not held against anybody
        if who.startswith("dn:"):
            same = normal_dn(who[3:]) == normal_dn(person.dn)
        else:
            account = who.removeprefix("u:").rpartition("\\")[2]
            called = f"(sAMAccountName={escape_filter_chars(account)})"
            same = not who.startswith("u:") or bool(self._search(connection, person.dn, called, (), most=1, scope=BASE))
        if not same:
            raise DirectoryUnavailable(f"directory {self._directory.name}: one name is that of several people")
        return person

    @contextlib.contextmanager
    def _bound(self, dn: str | None = None, password: str = "") -> Iterator[Connection]:
        """A connection as ``dn``; as our own account when none is given."""
        own = dn is None
        if not own and not (dn and password):  # either would be anonymous, to which servers say yes
            raise PasswordRefused("a name and a password are needed", field="password")
        connection = self._connected(self._directory.bind_dn if own else dn, self._bind_password if own else password)
        try:
            if not connection.bind():
                said = connection.result["description"]
                if own:
                    raise DirectoryUnavailable(f"directory {self._directory.name} refuses our own account: {said}")
                if said in _NOT_NOW:
                    raise DirectoryUnavailable(f"directory {self._directory.name} answers {said}")
                raise PasswordRefused("the directory does not take this password", field="password")
            yield connection
        finally:
            with contextlib.suppress(LDAPException, OSError):
                connection.unbind()

    def _connected(self, dn: str | None, password: str) -> Connection:
        """TLS stands and nothing has been said yet; the first server that answers."""
        problem: Exception | None = None
        for url in self._directory.urls:
            server = Server(
                url,
                tls=VerifiedTls(self._directory.ca_file),
                get_info=NONE,
                connect_timeout=self._directory.timeout_seconds,
            )
            connection = Connection(
                server,
                user=dn or None,
                password=password or None,
                authentication=SIMPLE if dn else None,
                receive_timeout=self._directory.timeout_seconds,
                auto_referrals=False,
                check_names=False,
                read_only=True,
                return_empty_attributes=False,
            )
            try:
                connection.open(read_server_info=False)
                if not server.ssl and not connection.start_tls(read_server_info=False):
                    raise DirectoryUnavailable(f"directory {self._directory.name}: {url} does not do StartTLS")
                return connection
            except (LDAPException, OSError, DirectoryUnavailable) as error:
                problem = error
                log.warning("directory %s: %s: %s", self._directory.name, url, error)
                with contextlib.suppress(LDAPException, OSError):
                    connection.unbind()
        raise DirectoryUnavailable(f"directory {self._directory.name}: no server answers ({type(problem).__name__})")

    def _person(self, connection: Connection, wanted: str, itself: str = "") -> Person:
        """:param itself: DN of the only entry that may be it; empty: whoever below the directory's base"""
        kind = self._directory.kind
        base, scope = (itself, BASE) if itself else (self._directory.base, SUBTREE)
        found = self._search(connection, base, wanted, _ATTRIBUTES[kind], most=2, scope=scope)
        if not found:
            raise NameUnknown("the directory has nobody of that name", field="username")
        if len(found) > 1:
            raise DirectoryUnavailable(f"directory {self._directory.name}: one name is that of several people")
        entry = found[0]
        dn = _text(entry, "dn")
        subject = entry.get("objectguid", [b""])[0].hex() if kind == "active_directory" else _text(entry, "entryuuid")
        if not subject:
            raise DirectoryUnavailable(f"directory {self._directory.name} does not show objectGUID or entryUUID")
        person = Person(
            subject=subject,
            dn=dn,
            name=_text(entry, self._directory.attribute_of_names.lower()),
            full_name=(_words(entry, "displayname") or _words(entry, "cn"))[:255],
            email=_words(entry, "mail")[:254],
            department=(_words(entry, "department") or _words(entry, "departmentnumber"))[:128],
            enabled=is_enabled(
                _text(entry, "useraccountcontrol"),
                _text(entry, "accountexpires"),
                _text(entry, "pwdaccountlockedtime"),
                datetime.now(UTC),
            ),
        )
        return replace(person, groups=self._groups(connection, entry))

    def _groups(self, connection: Connection, person: Entry) -> frozenset[str]:
        dn = _text(person, "dn")
        match self._directory.way_of_nesting:
            case "in_chain":
                return self._groups_in_chain(connection, dn)
            case "member_of":
                return _walk(_texts(person, "memberof"), lambda group: self._member_of(connection, group))
            case _:
                return _walk(self._listing(connection, dn), lambda group: self._listing(connection, group))

    def _groups_in_chain(self, connection: Connection, dn: str) -> frozenset[str]:
        """Only the groups that the settings name are asked about: the answer is as small as they are."""
        named = "".join(f"(distinguishedName={escape_filter_chars(line.group)})" for line in self._directory.roles)
        wanted = f"(&(objectClass=group)(|{named})(member:{IN_CHAIN}:={escape_filter_chars(dn)}))"
        found = self._search(connection, self._group_base, wanted, ("cn",), most=len(self._directory.roles))
        return frozenset(normal_dn(_text(group, "dn")) for group in found)

    def _member_of(self, connection: Connection, group: str) -> list[str]:
        """The groups that ``group`` says it is in; a group that we may not see says nothing."""
        connection.search(group, "(objectClass=*)", search_scope=BASE, attributes=["memberOf"])
        if connection.result["description"] == "noSuchObject":
            return []
        entries = _entries(connection, self._directory)
        return _texts(entries[0], "memberof") if entries else []

    def _listing(self, connection: Connection, member: str) -> list[str]:
        """The groups that list ``member``."""
        value = escape_filter_chars(member)
        wanted = f"(|(member={value})(uniqueMember={value}))"
        found = self._search(connection, self._group_base, wanted, ("cn",), most=MOST_GROUPS)
        return [_text(group, "dn") for group in found]

    @property
    def _group_base(self) -> str:
        return self._directory.group_base or self._directory.base

    def _search(
        self,
        connection: Connection,
        base: str,
        wanted: str,
        attributes: tuple[str, ...],
        *,
        most: int,
        scope: str = SUBTREE,
    ) -> list[Entry]:
        """:raises DirectoryUnavailable: not answered in full; a base that is not there is no empty answer either"""
        connection.search(
            base,
            wanted,
            search_scope=scope,
            attributes=[*attributes, self._directory.attribute_of_names],
            size_limit=most,
            time_limit=self._directory.timeout_seconds,
        )
        return _entries(connection, self._directory)


class VerifiedTls(Tls):  # type: ignore[misc] # ldap3 has no types
    """TLS as Python's own defaults want it: chain and name verified, TLS 1.2 or later.

    ldap3's own class checks the name apart from the handshake, and verifies nothing unless told to. What newer Pythons
    ask of a certificate's form beyond that (RFC 5280 to the letter) is not asked: authorities that hospitals make with
    OpenSSL do not have it, and the Pythons of the web app and of Orthanc would differ.
    """

    def __init__(self, ca_file: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=ca_file or None)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=connection.server.host)


@contextlib.contextmanager
def _answering(directory: Directory) -> Iterator[None]:
    """Whatever else goes wrong on the way is: the directory does not answer."""
    try:
        yield
    except (LDAPException, OSError) as error:
        log.warning("directory %s: %s", directory.name, error)
        raise DirectoryUnavailable(f"directory {directory.name} did not answer ({type(error).__name__})") from error


def _entries(connection: Connection, directory: Directory) -> list[Entry]:
    said = connection.result["description"]
    if said not in ("success", "sizeLimitExceeded"):
        raise DirectoryUnavailable(f"directory {directory.name} answers a search with {said}")
    return [
        {"dn": [found["dn"].encode()], **{name.lower(): list(values) for name, values in _raw(found).items()}}
        for found in connection.response or []
        if found.get("type") == "searchResEntry"
    ]


def _raw(found: dict[str, Any]) -> dict[str, list[bytes]]:
    raw: dict[str, list[bytes]] = found["raw_attributes"]
    return raw


def _texts(entry: Entry, name: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in entry.get(name, [])]


def _text(entry: Entry, name: str) -> str:
    return next(iter(_texts(entry, name)), "").strip()


def _words(entry: Entry, name: str) -> str:
    """A text for people, in one line; a NUL, which PostgreSQL takes nowhere, would stop the look-up of everybody."""
    return " ".join(_text(entry, name).replace("\0", " ").split())


class _Above(Protocol):
    def __call__(self, group: str) -> list[str]: ...


def _walk(first: list[str], above: _Above) -> frozenset[str]:
    """All groups above ``first``, level by level; a ring ends by itself, a jungle at the bounds."""
    found: set[str] = set()
    level = first
    for _ in range(DEEPEST_GROUPS):
        fresh = {normal_dn(dn): dn for dn in level if normal_dn(dn) not in found}
        found.update(fresh)
        if not fresh or len(found) > MOST_GROUPS:
            break
        level = [dn for group in fresh.values() for dn in above(group)]
    return frozenset(found)
