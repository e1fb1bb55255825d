"""Whose signature counts (RFC 8725)."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from ris_core.openid.tests.example_provider import KEY, PROVIDER, id_claims, signed
from ris_core.openid.tokens import NotSigned, signed_claims

OTHER = RSAKey.generate_key(2048, {"kid": "two"})


def keys(_anew: bool) -> KeySet:
    return KeySet([KEY])


def unsigned() -> str:
    parts = ({"alg": "none"}, id_claims("n"))
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def by_the_public_key_as_a_secret() -> str:
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256", "kid": "one"}, id_claims("n"))
    )
    digest = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def with_another_content() -> str:
    head, _, signature = signed(id_claims("n")).split(".")
    body = base64.urlsafe_b64encode(json.dumps(id_claims("n", groups=["truong-khoa"])).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


@pytest.mark.parametrize(
    "token",
    [
        unsigned,
        by_the_public_key_as_a_secret,
        with_another_content,
        lambda: signed(id_claims("n"), OTHER),
        lambda: jwt.encode({"alg": "RS256", "kid": "one"}, id_claims("n"), OTHER),
        lambda: jwt.encode({"alg": "RS384", "kid": "one"}, id_claims("n"), RSAKey.generate_key(2048), ["RS384"]),
        lambda: "",
        lambda: "a.b.c",
        lambda: "a" * 20000,
        lambda: signed(id_claims("n")) + ".x.y",
    ],
)
def test_what_the_provider_has_not_signed_is_nothing(token: Callable[[], str]) -> None:
    with pytest.raises(NotSigned):
        signed_claims(token(), PROVIDER, keys)


def test_a_new_key_is_looked_for_once() -> None:
    asked = []

    def rotated(anew: bool) -> KeySet:
        asked.append(anew)
        return KeySet([KEY, OTHER] if anew else [KEY])

    assert signed_claims(signed(id_claims("n"), OTHER), PROVIDER, rotated)["sub"] == "lan-1"
    assert asked == [False, True]


def test_a_shared_secret_among_the_published_keys_signs_nothing() -> None:
    secret = OctKey.import_key("s" * 32, {"kid": "three"})
    token = jwt.encode({"alg": "HS256", "kid": "three"}, id_claims("n"), secret, algorithms=["HS256"])
    with pytest.raises(NotSigned):
        signed_claims(token, PROVIDER, lambda _: KeySet([secret]))
