"""Signed, expiring, purpose-bound tokens: HMAC-SHA256 over a compact JSON payload; standard library only.

Form: ``q1.<purpose>.<key id>.<payload>.<mac>``, payload and mac in base64url without padding. The mac covers all that
stands before it, so a token made for one purpose never verifies for another. A token is readable by whoever holds it:
payloads carry UIDs, numbers and user names, never clinical text.

Rotation: the secret's file may have several lines. The first signs, all of them verify; a new key goes in front, and
the old line is taken out once the longest-lived token is over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ris_core.errors import NotPermitted, SettingsInvalid
from ris_core.settings import Settings

VERSION = "q1"
MINIMUM_KEY_CHARACTERS = 32
MAXIMUM_TOKEN_CHARACTERS = 3800
"""A cookie with its name and attributes stays below the 4096 bytes that browsers keep."""


class TokenRefused(NotPermitted):
    """A token that is malformed, not ours, for another purpose, or over; which of them goes to the log only."""

    code = "QUANG-6001"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The signing keys, newest first, by key id."""

    keys: tuple[tuple[str, bytes], ...]

    @classmethod
    def from_text(cls, text: str) -> Keyring:
        """Keys from a secret file's text, one a line.

        :raises SettingsInvalid: when there is no key or one is shorter than 32 characters
        """
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines or any(len(line) < MINIMUM_KEY_CHARACTERS for line in lines):
            raise SettingsInvalid(
                f"viewer_signing_key needs one key a line, each of at least {MINIMUM_KEY_CHARACTERS} characters",
                field="viewer_signing_key",
            )
        return cls(tuple((key_id(line.encode()), line.encode()) for line in lines))

    @classmethod
    def from_settings(cls, settings: Settings) -> Keyring:
        """The keys in the secret ``viewer_signing_key``, read anew so that a rotation needs no restart of its users."""
        return cls.from_text(settings.secret("viewer_signing_key"))

    def sign(self, purpose: str, payload: Mapping[str, Any]) -> str:
        """A token of ``purpose`` that carries ``payload``.

        :raises ValueError: when it would be longer than :data:`MAXIMUM_TOKEN_CHARACTERS`
        """
        identifier, key = self.keys[0]
        body = _encode(json.dumps(payload, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode())
        signed = f"{VERSION}.{purpose}.{identifier}.{body}"
        token = f"{signed}.{_encode(_mac(key, signed))}"
        if len(token) > MAXIMUM_TOKEN_CHARACTERS:
            raise ValueError(f"a token has at most {MAXIMUM_TOKEN_CHARACTERS} characters")
        return token

    def verify(self, purpose: str, token: str, now: datetime) -> dict[str, Any]:
        """The payload of ``token`` if we signed it for ``purpose`` and its ``exp`` (Unix seconds) lies after ``now``.

        :raises TokenRefused: otherwise, saying why
        """
        if len(token) > MAXIMUM_TOKEN_CHARACTERS or not token.isascii():
            raise TokenRefused("token too long or not ASCII")
        parts = token.split(".")
        if len(parts) != 5 or parts[0] != VERSION:
            raise TokenRefused("not a token of this version")
        if parts[1] != purpose:
            raise TokenRefused("token for another purpose")
        signed, _, sent_mac = token.rpartition(".")
        key = next((key for identifier, key in self.keys if identifier == parts[2]), None)
        if key is None:
            raise TokenRefused("token signed with a key that is not in use")
        if not hmac.compare_digest(_encode(_mac(key, signed)), sent_mac):
            raise TokenRefused("token signature is wrong")
        payload = _decode(parts[3])
        expires = payload.get("exp")
        if not isinstance(expires, int) or expires <= now.timestamp():
            raise TokenRefused("token is over")
        return payload


def key_id(key: bytes) -> str:
    """Eight hexadecimal digits that name a key without telling anything of it."""
    return hashlib.sha256(b"quang key id\0" + key).hexdigest()[:8]


def expiry(payload: Mapping[str, Any]) -> datetime:
    """The payload's ``exp`` as an aware time."""
    return datetime.fromtimestamp(int(payload["exp"]), UTC)


def _mac(key: bytes, signed: str) -> bytes:
    return hmac.digest(key, signed.encode(), "sha256")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> dict[str, Any]:
    """The JSON object in ``text``; only ever called on text whose signature has been verified."""
    try:
        payload = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise TokenRefused("token payload cannot be read") from error
    if not isinstance(payload, dict):
        raise TokenRefused("token payload is not an object")
    return payload
