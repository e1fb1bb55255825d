"""A launch said in a JSON Web Token (RFC 7519, HS256 with the HIS's launch secret): the ``launch`` parameter of a
SMART-like launch, beside ``iss``, which says who launches. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ris_core.access.launch import MINIMUM_SECRET_CHARACTERS, LaunchRequest, refuse_other_keys, vouched
from ris_core.access.signing import TokenRefused

_KEYS: Final = {
    "iss": "receiver", "sub": "user", "exp": "expires", "jti": "nonce", "accession": "accession", "target": "target",
    "study": "studyUID", "patient": "patientID", "birth_date": "patientBirthDate", "most_recent": "mostRecentResults",
}  # fmt: skip
"""Claims, as keys of the query."""
_ABOUT_THE_TOKEN: Final = frozenset({"iat", "nbf", "aud"})
_LONGEST_TOKEN: Final = 4000
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def issuer_of_token(token: str) -> str:
    """Who claims to have signed a launch; :func:`verify_token` decides.

    :raises TokenRefused: it is no token, or names nobody
    """
    issuer = _claims(token)[0].get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise TokenRefused("launch names no receiver", field="receiver")
    return issuer


def verify_token(
    secret: str, token: str, now: datetime, skew_seconds: int, *, receiver: str, audience: str
) -> LaunchRequest:
    """What a token vouches for, if signed with ``secret``, in time, and meant for us.

    :param receiver: the code of who has this secret
    :param audience: our own address, which ``aud`` must name when it is there
    :raises TokenRefused: otherwise
    """
    claims, signed, signature = _claims(token)
    if len(secret) < MINIMUM_SECRET_CHARACTERS:
        raise TokenRefused(f"a launch secret has at least {MINIMUM_SECRET_CHARACTERS} characters")
    if not hmac.compare_digest(hmac.digest(secret.encode(), signed, "sha256"), signature):
        raise TokenRefused("launch signature is wrong", field="signature")
    _refuse_other_audience(claims.get("aud", audience), audience)
    for claim in ("iat", "nbf"):
        _refuse_not_yet(claims.get(claim, 0), now + timedelta(seconds=skew_seconds))
    keys = {**_as_keys(claims), "receiver": receiver}
    refuse_other_keys(keys.keys(), keys.get("requestType"))
    return vouched(keys, now, skew_seconds)


def _claims(token: str) -> tuple[dict[str, Any], bytes, bytes]:
    """Claims, what is signed, and the signature of a compact JWS."""
    parts = token.split(".")
    if len(token) > _LONGEST_TOKEN or len(parts) != 3 or not all(map(_PART.fullmatch, parts)):
        raise TokenRefused("launch is no signed token", field="launch")
    try:
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        read_header, read_claims = json.loads(header), json.loads(claims)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise TokenRefused("launch is no signed token", field="launch") from error
    if not isinstance(read_header, dict) or not isinstance(read_claims, dict) or read_header.get("alg") != "HS256":
        raise TokenRefused("a launch token is signed by HS256", field="launch")
    return read_claims, f"{parts[0]}.{parts[1]}".encode(), signature


def _as_keys(claims: Mapping[str, Any]) -> dict[str, str]:
    """The claims as keys of a launch's query; those that it does not know are refused."""
    if unknown := claims.keys() - _KEYS.keys() - _ABOUT_THE_TOKEN:
        raise TokenRefused(f"launch has an unknown claim {sorted(unknown)[0]!r}", field="launch")
    keys = {_KEYS[name]: str(value) for name, value in claims.items() if name in _KEYS}
    if "studyUID" in keys:
        keys["requestType"] = "STUDY"
    elif "patientID" in keys:
        keys["requestType"] = "PATIENT"
    return keys


def _refuse_other_audience(named: object, audience: str) -> None:
    every = named if isinstance(named, list) else [named]
    if not any(isinstance(each, str) and each.rstrip("/") == audience.rstrip("/") for each in every):
        raise TokenRefused("launch is meant for somebody else", field="aud")


def _refuse_not_yet(seconds: object, latest: datetime) -> None:
    """:param seconds: since the epoch; :param latest: what the clocks' difference allows"""
    if not isinstance(seconds, int | float) or not 0 <= seconds <= latest.replace(tzinfo=UTC).timestamp():
        raise TokenRefused("launch is not valid yet", field="nbf")
