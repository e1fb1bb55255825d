"""Decides on each HTTP request before Orthanc sees it: closed by default, in memory only, some microseconds.

Four kinds of callers are known: the suite's services by their bearer tokens (each may only make the requests that
:mod:`ris_core.access.rules` lists), viewers by signed tokens in cookies (within :mod:`ris_core.access.grammar`, for
studies that were granted and under grants that have not ended), where the settings allow it people's own programs by
name and password (within the same grammar and a list, by their role), and nobody else; coming from the loopback
interface means nothing. Which grants have ended is read from the database by a thread of its own.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

from django.db import DatabaseError

from ris_core.access.ended_grants import REFRESH_SECONDS, EndedGrants
from ris_core.access.grammar import RequestRefused, permits, read_image_request
from ris_core.access.rules import SERVICE_ROUTES, service_may, tool_may
from ris_core.access.signing import Keyring, TokenRefused
from ris_core.access.tokens import SESSION, VIEWER_COOKIE_PREFIX, ViewerGrant, read_viewer_token
from ris_core.access.tools import ToolCallers, admitted, looked_at
from ris_core.accounts.rules import Function
from ris_core.audit.counted import Read, ReadCounts
from ris_core.audit.models import ActorKind
from ris_core.errors import SettingsInvalid
from ris_core.settings import Settings
from ris_plugins.ldap_auth.codec import bearer_token, cookies_named, is_basic
from ris_plugins.ldap_auth.settings import GRANTS_A_REQUEST, GRANTS_REMEMBERED

log = logging.getLogger(__name__)


class Stopping(Protocol):
    """Tells that Orthanc stops."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


def _tokens(settings: Settings) -> dict[str, str]:
    return {service: settings.secret(f"service_token_{service}") for service in SERVICE_ROUTES}


def _service_keys(tokens: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Each line of a service's secret is its token."""
    return tuple((name, token.encode()) for name, lines in tokens.items() for token in lines.split())


class RequestFilter:
    """The filter, with its keys in memory. Safe for any number of threads."""

    def __init__(
        self,
        keyring: Keyring,
        service_tokens: Mapping[str, str],
        ended: EndedGrants,
        tool_callers: ToolCallers | None = None,
    ) -> None:
        self._keyring = keyring
        self._tool_callers = tool_callers
        self._services = _service_keys(service_tokens)
        self._ended = ended
        self._grants: dict[str, ViewerGrant] = {}
        self.reads = ReadCounts()
        """What viewers were let in for, on its way to the audit trail."""

    @classmethod
    def from_settings(
        cls, settings: Settings, unit_of_work: Callable[[], AbstractContextManager[None]]
    ) -> RequestFilter:
        """:param unit_of_work: in which the accounts of people's programs are read
        :raises SettingsInvalid: when a token's or key's file is missing or empty"""
        tokens = _tokens(settings)
        tool_callers = ToolCallers(admitted, looked_at, unit_of_work) if settings.access.basic_for_tools else None
        return cls(Keyring.from_settings(settings), tokens, EndedGrants(), tool_callers)

    def allows(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str], address: str = ""
    ) -> bool:
        """Whether Orthanc may see the request.

        :param headers: by lower-case name
        :param address: of the TCP peer
        """
        authorization = headers.get("authorization")
        if authorization is not None:
            if is_basic(authorization):
                return self._tool_may(method, path, headers, query, address)
            service = self._service(bearer_token(authorization))
            allowed = service is not None and service_may(service, method, path)
            if not allowed:
                log.info("request refused to %s", service or "an unknown bearer")
            return allowed
        try:
            request = read_image_request(method, path, query.items(), headers.get("accept", ""))
        except RequestRefused as refusal:
            log.info("request refused: %s", refusal.detail)
            return False
        grants = list(self._viewer_grants(headers.get("cookie", "")))
        if not permits(request, grants):
            return False
        address = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()[:64]
        for study_uid in request.study_uids:
            grant = next(grant for grant in grants if study_uid in grant.study_uids)
            kind = ActorKind.USER if grant.grant.startswith(SESSION) else ActorKind.RECEIVER
            self.reads.add(Read(kind, grant.user_name, address, "images.read", study_uid))
        return True

    def learn_secrets(self, settings: Settings) -> None:
        """Read keys and tokens again: one that is exchanged is taken within seconds, one that is retired no more."""
        try:
            keyring, services = Keyring.from_settings(settings), _service_keys(_tokens(settings))
        except SettingsInvalid as error:
            log.warning("secrets cannot be read, the present ones stay: %s", error.detail)
            return
        if keyring != self._keyring:
            self._keyring = keyring
            self._grants.clear()
        self._services = services

    def keep_informed(
        self,
        unit_of_work: Callable[[], AbstractContextManager[None]],
        stopping: Stopping,
        settings: Settings | None = None,
    ) -> None:
        """Learn of grants that end until ``stopping`` is set: what it runs on its own thread for.

        :param settings: where keys and tokens are read again each time; None: they stay
        """
        while not stopping.is_set():
            if settings is not None:
                self.learn_secrets(settings)
            try:
                with unit_of_work():
                    self._ended.refresh()
            except DatabaseError:
                log.warning("ended grants cannot be read: shares are closed until they can")
            stopping.wait(REFRESH_SECONDS)

    def _tool_may(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str], address: str
    ) -> bool:
        account = self._tool_callers.caller(headers["authorization"], address) if self._tool_callers else None
        if account is None:
            log.info("request refused to an unknown tool")
            return False
        images = _images_asked_for(method, path, headers, query)
        if images and Function.VIEW_IMAGES in account.functions:
            read = images
        elif tool_may(account.functions, method, path):
            # by Orthanc's own identifiers: which study it is, is not known here
            read = frozenset({""}) if path.startswith("/instances/") else frozenset()
        else:
            log.info("request refused to a tool of user %d", account.user_id)
            return False
        for study_uid in read:
            self.reads.add(Read(ActorKind.USER, account.name, address[:64], "images.read", study_uid))
        return True

    def _service(self, token: str) -> str | None:
        """The service whose token it is; every token is compared, each in constant time."""
        sent, found = token.encode(), None
        for name, expected in self._services:
            if hmac.compare_digest(sent, expected):
                found = name
        return found

    def _viewer_grants(self, cookie_header: str) -> Iterator[ViewerGrant]:
        now = datetime.now(UTC)
        for token in cookies_named(cookie_header, VIEWER_COOKIE_PREFIX)[:GRANTS_A_REQUEST]:
            grant = self._grants.get(token)
            if grant is None:
                try:
                    grant = read_viewer_token(self._keyring, token, now)
                except TokenRefused as refusal:
                    log.info("viewer token refused: %s", refusal.detail)
                    continue
                if len(self._grants) >= GRANTS_REMEMBERED:
                    self._grants.clear()
                self._grants[token] = grant
            if grant.expires_at > now and self._ended.is_open(grant.grant):
                yield grant


def _images_asked_for(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> frozenset[str]:
    """The studies that a request within the viewers' grammar touches; none: it is another request."""
    try:
        return read_image_request(method, path, query.items(), headers.get("accept", "")).study_uids
    except RequestRefused:
        return frozenset()
