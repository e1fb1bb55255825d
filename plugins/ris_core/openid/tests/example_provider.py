"""An OpenID provider of the test's own, with keys of its own, behind the same port as the real one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from ris_core.directories.settings import GroupRole
from ris_core.openid.connections import Metadata
from ris_core.openid.errors import LoginNotProved
from ris_core.openid.rules import LOGOUT_EVENT, challenge_of
from ris_core.openid.settings import OpenidProvider
from ris_core.settings import Settings

ISSUER = "https://sso.benhvien.test"
PROVIDER = OpenidProvider(
    name="sso",
    issuer=ISSUER,
    client_id="quang",
    roles=(GroupRole(group="truong-khoa", role="SENIOR"), GroupRole(group="bac-si", role="RADIOLOGIST")),
    second_factor_amr=("mfa",),
)
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
LAN: dict[str, Any] = {
    "sub": "lan-1",
    "sid": "login-1",
    "preferred_username": "bs.lan",
    "name": "Nguyễn Thị Lan",
    "email": "lan@benhvien.test",
    "groups": ["bac-si"],
}


def now() -> int:
    return int(time.time())


def id_claims(nonce: str, /, **other: Any) -> dict[str, Any]:
    """What an ID token of Lan says; ``None`` leaves a claim out."""
    claims = {"iss": ISSUER, "aud": "quang", "iat": now(), "exp": now() + 300, "nonce": nonce, **LAN, **other}
    return {name: value for name, value in claims.items() if value is not None}


def logout_claims(jti: str = "out-1", **other: Any) -> dict[str, Any]:
    """What a logout token for Lan says."""
    claims: dict[str, Any] = {"iss": ISSUER, "aud": "quang", "iat": now(), "exp": now() + 120, "jti": jti}
    claims |= {"events": {LOGOUT_EVENT: {}}, "sub": LAN["sub"], "sid": LAN["sid"], **other}
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any], key: RSAKey = KEY) -> str:
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


@dataclass
class ExampleProvider:
    """Whoever comes is Lan, with the claims of ``says`` beside; or what ``raises``."""

    says: dict[str, Any] = field(default_factory=dict)
    names_itself: bool = False
    raises: Exception | None = None
    _challenges: dict[str, tuple[str, str]] = field(default_factory=dict)

    def opening(self, provider: OpenidProvider, settings: Settings) -> ExampleProvider:
        return self

    def log_in_at(self, address: str) -> dict[str, str]:
        """Somebody logs in on the provider's page at ``address``; the parameters with which they are sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._challenges)}"
        self._challenges[code] = (asked["code_challenge"], asked["nonce"])
        return {"state": asked["state"], "code": code}

    def metadata(self) -> Metadata:
        if self.raises:
            raise self.raises
        return Metadata(
            f"{ISSUER}/auth", f"{ISSUER}/token", f"{ISSUER}/jwks", f"{ISSUER}/out", names_itself=self.names_itself
        )

    def keys(self, anew: bool = False) -> KeySet:
        return KeySet([KEY])

    def id_token(self, code: str, verifier: str, return_to: str) -> str:
        challenge, nonce = self._challenges.pop(code, ("", ""))
        if challenge != challenge_of(verifier):
            raise LoginNotProved("the provider does not take the code")
        return signed(id_claims(nonce, **self.says))
