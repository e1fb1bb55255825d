"""Signatures of tokens, by the keys that a provider publishes (RFC 7515, RFC 7517, RFC 8725)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ris_core.openid.settings import OpenidProvider

LONGEST_TOKEN: Final = 16 * 1024
Keys = Callable[[bool], KeySet]
"""The provider's keys; with true, fetched anew if that may be."""


class NotSigned(Exception):
    """No key of the provider has signed the token so that it counts; the text says why."""


def signed_claims(token: str, provider: OpenidProvider, keys: Keys) -> dict[str, Any]:
    """The claims of a token that the provider has signed, by an algorithm that the settings take: never none, never
    one of a shared secret. A key that is not known yet is looked for once more.

    :raises NotSigned: it is not
    """
    if not 0 < len(token) <= LONGEST_TOKEN or token.count(".") != 2:
        raise NotSigned("no signed token")
    try:
        header = jws.extract_compact(token.encode()).headers()
        known = keys(False)
        if header.get("alg") not in provider.algorithms:
            raise NotSigned("algorithm")
        if header.get("kid") not in {key.kid for key in known}:
            known = keys(True)
        return jwt.decode(token, KeySet(_signing(known)), algorithms=list(provider.algorithms)).claims
    except (JoseError, ValueError, TypeError) as error:
        raise NotSigned(type(error).__name__) from error


def _signing(keys: KeySet) -> list[Any]:
    """Public keys meant for signatures; a shared secret is none, whatever the set says."""
    return [key for key in keys if key.key_type != "oct" and key.get("use", "sig") == "sig"]
