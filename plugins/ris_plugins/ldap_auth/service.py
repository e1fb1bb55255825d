"""Decides on each HTTP request before Orthanc sees it: closed by default, in memory only, some microseconds.

Three kinds of callers are known: the suite's services by their bearer tokens (each may only make the requests that
:mod:`ris_core.access.rules` lists), viewers by signed tokens in cookies (within :mod:`ris_core.access.grammar`, for
studies that were granted), and nobody else; coming from the loopback interface means nothing.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from ris_core.access.grammar import RequestRefused, permits, read_image_request
from ris_core.access.rules import SERVICE_ROUTES, service_may
from ris_core.access.signing import Keyring, TokenRefused
from ris_core.access.tokens import VIEWER_COOKIE_PREFIX, ViewerGrant, read_viewer_token
from ris_core.settings import Settings
from ris_plugins.ldap_auth.codec import bearer_token, cookies_named
from ris_plugins.ldap_auth.settings import GRANTS_A_REQUEST, GRANTS_REMEMBERED

log = logging.getLogger(__name__)


class RequestFilter:
    """The filter, with its keys in memory. Safe for any number of threads."""

    def __init__(self, keyring: Keyring, service_tokens: Mapping[str, str]) -> None:
        self._keyring = keyring
        self._services = tuple((name, token.encode()) for name, token in service_tokens.items())
        self._grants: dict[str, ViewerGrant] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> RequestFilter:
        """:raises SettingsInvalid: when a token's or key's file is missing or empty"""
        tokens = {service: settings.secret(f"service_token_{service}") for service in SERVICE_ROUTES}
        return cls(Keyring.from_settings(settings), tokens)

    def allows(self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Whether Orthanc may see the request.

        :param headers: by lower-case name
        """
        authorization = headers.get("authorization")
        if authorization is not None:
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
        return permits(request, self._viewer_grants(headers.get("cookie", "")))

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
            if grant.expires_at > now:
                yield grant
