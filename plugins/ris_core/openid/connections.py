"""Talking to an OpenID provider: its metadata and keys, remembered for an hour, and the exchange of a code.

Only addresses at the provider's own hosts are called, by TLS with a verified certificate, without redirects or a proxy,
bounded in size and time.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ris_core.errors import SettingsInvalid
from ris_core.openid.errors import LoginNotProved, ProviderUnavailable
from ris_core.openid.settings import OpenidProvider
from ris_core.settings import Settings

log = logging.getLogger(__name__)

KEPT_SECONDS: Final = 3600.0
"""How long metadata and keys are believed."""
KEYS_AGAIN_SECONDS: Final = 30.0
"""Soonest that keys are fetched again because a token names one that is not known: anybody can send such a token."""
LONGEST_ANSWER_BYTES: Final = 512 * 1024
MOST_AT_ONCE: Final = 4
"""Threads of a process that wait for providers: one that does not answer holds up no other pages."""
_TIMES_TIMEOUT: Final = 2
"""A whole answer takes at most so many times ``timeout_seconds``."""
_asking = threading.BoundedSemaphore(MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 1.0 §3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    """Empty: it cannot be told that somebody logs out."""
    names_itself: bool = False
    """Whether its answers to a browser carry ``iss`` (RFC 9207)."""

    @classmethod
    def read(cls, said: dict[str, Any], provider: OpenidProvider) -> Metadata:
        """:raises ProviderUnavailable: it is another's, or names addresses that are not the provider's"""
        if said.get("issuer") != provider.issuer:
            raise ProviderUnavailable(f"the metadata of {provider.name} are another issuer's")
        found = {}
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"):
            address = said.get(name, "" if name == "end_session_endpoint" else None)
            if address != "" and not (isinstance(address, str) and provider.may_call(address)):
                raise ProviderUnavailable(f"{name} of {provider.name} is not at its own hosts by TLS")
            found[name] = address
        return cls(**found, names_itself=said.get("authorization_response_iss_parameter_supported") is True)


class OpenProvider(Protocol):
    """A provider that can be asked."""

    def metadata(self) -> Metadata:
        """:raises ProviderUnavailable: it does not answer as it should"""

    def keys(self, anew: bool = False) -> KeySet:
        """:raises ProviderUnavailable: it does not answer as it should"""

    def id_token(self, code: str, verifier: str, return_to: str) -> str:
        """:raises LoginNotProved: it does not take the code
        :raises ProviderUnavailable: it does not answer as it should"""


@dataclass(slots=True)
class _Kept:
    provider: OpenidProvider
    metadata: Metadata
    until: float
    keys: KeySet | None = None
    keys_at: float = 0.0


_kept: dict[str, _Kept] = {}
"""By the provider's name; what was read under other settings does not count."""


class HttpProvider:
    """One provider, reached by HTTP; what it publishes is shared by all threads of the process."""

    def __init__(self, provider: OpenidProvider, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider, self._secret, self._clock = provider, secret, clock

    @classmethod
    def from_settings(cls, provider: OpenidProvider, settings: Settings) -> HttpProvider:
        """:raises ProviderUnavailable: its secret file is missing"""
        try:
            return cls(provider, settings.secret(f"openid_secret_{provider.name}"))
        except SettingsInvalid as error:
            log.error("OpenID provider %s: %s", provider.name, error.detail)
            raise ProviderUnavailable(f"our secret at {provider.name} is missing") from error

    def metadata(self) -> Metadata:
        return self._published().metadata

    def keys(self, anew: bool = False) -> KeySet:
        kept = self._published()
        age = self._clock() - kept.keys_at
        if kept.keys is None or age > KEPT_SECONDS or (anew and age > KEYS_AGAIN_SECONDS):
            kept.keys_at = self._clock()
            try:
                kept.keys = KeySet.import_key_set(self._call("GET", kept.metadata.jwks_uri))  # type: ignore[arg-type]
            except (JoseError, KeyError, TypeError, ValueError) as error:
                raise ProviderUnavailable(f"the keys of {self._provider.name} cannot be read") from error
        return kept.keys

    def id_token(self, code: str, verifier: str, return_to: str) -> str:
        provider = self._provider
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": return_to, "code_verifier": verifier}
        basic = None
        if provider.client_authentication == "basic":
            basic = (quote_plus(provider.client_id), quote_plus(self._secret))  # RFC 6749 §2.3.1
        else:
            form |= {"client_id": provider.client_id, "client_secret": self._secret}
        answer = self._call("POST", self.metadata().token_endpoint, data=form, auth=basic)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise LoginNotProved("the provider gives no ID token for the code")
        return token

    def _published(self) -> _Kept:
        kept = _kept.get(self._provider.name)
        if kept is None or kept.provider != self._provider or self._clock() > kept.until:
            said = self._call("GET", f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration")
            kept = _Kept(self._provider, Metadata.read(said, self._provider), self._clock() + KEPT_SECONDS)
            _kept[self._provider.name] = kept
        return kept

    def _call(self, method: str, address: str, **what: Any) -> dict[str, Any]:
        name, seconds = self._provider.name, self._provider.timeout_seconds
        if not _asking.acquire(timeout=1.0):
            raise ProviderUnavailable("too many log in at once")
        try:
            with requests.Session() as session:
                session.trust_env = False
                with session.request(
                    method, address, timeout=seconds, allow_redirects=False, stream=True,
                    verify=self._provider.ca_file or True, headers={"Accept": "application/json"}, **what,
                ) as response:  # fmt: skip
                    status, content = response.status_code, _read(response, seconds * _TIMES_TIMEOUT)
            said = json.loads(content)
            if not isinstance(said, dict):
                raise ValueError("no object")
        except (requests.RequestException, OSError, ValueError, RecursionError) as error:
            log.warning("OpenID provider %s: %s: %s", name, address, type(error).__name__)
            raise ProviderUnavailable(f"{name} does not answer as it should") from error
        finally:
            _asking.release()
        if status == requests.codes.ok:
            return said
        log.warning("OpenID provider %s: %s: status %d, %.64r", name, address, status, said.get("error"))
        if said.get("error") == "invalid_grant":
            raise LoginNotProved("the provider does not take the code")
        raise ProviderUnavailable(f"{name} answers with status {status}")


def _read(response: requests.Response, seconds: float) -> bytes:
    """:raises ValueError: the answer is too long, or takes longer than ``seconds``"""
    content, deadline = b"", time.monotonic() + seconds
    while piece := response.raw.read1(65536, decode_content=True):
        content += piece
        if len(content) > LONGEST_ANSWER_BYTES:
            raise ValueError("too long")
        if time.monotonic() > deadline:
            raise ValueError("too slow")
    return content
