"""What a login at an OpenID provider must prove, claim by claim (OpenID Connect Core 1.0, Back-Channel Logout 1.0,
RFC 7636, RFC 9207). Pure; signatures are checked in :mod:`ris_core.openid.tokens`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final, TypeGuard
from urllib.parse import urlencode

from ris_core.directories.rules import LoginName, Person
from ris_core.openid.settings import OpenidProvider

CLOCKS_APART_SECONDS: Final = 60
OLDEST_TOKEN_SECONDS: Final = 600
"""How long ago a token may have been issued: it comes straight from the provider."""
LONGEST_TEXT: Final = 255
"""Signs of a subject or session identifier (Core §2: at most 255)."""
MOST_GROUPS: Final = 500
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

Claims = Mapping[str, Any]


def challenge_of(verifier: str) -> str:
    """``code_challenge`` of a code verifier by S256 (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def login_address(
    endpoint: str, provider: OpenidProvider, *, return_to: str, state: str, nonce: str, verifier: str
) -> str:
    """Where the browser goes to log in (Core §3.1.2.1)."""
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": return_to,
        "scope": " ".join(provider.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def logout_address(endpoint: str, provider: OpenidProvider, id_token: str, return_to: str) -> str:
    """Where the browser goes to log out there too (RP-Initiated Logout 1.0 §2)."""
    asked = {"id_token_hint": id_token, "client_id": provider.client_id, "post_logout_redirect_uri": return_to}
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def why_not_for_us(claims: Claims, provider: OpenidProvider, now: float) -> str:
    """What of a token that is signed by the provider does not fit; empty: it is for us, and of now.

    :param now: seconds since 1970
    """
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if claims.get("iss") != provider.issuer:
        return "iss"
    if provider.client_id not in audiences:
        return "aud"
    if claims.get("azp", provider.client_id) != provider.client_id or (len(audiences) > 1 and "azp" not in claims):
        return "azp"
    expires, issued = claims.get("exp"), claims.get("iat")
    if not _is_moment(expires) or expires <= now - CLOCKS_APART_SECONDS:
        return "exp"
    if not _is_moment(issued) or not now - OLDEST_TOKEN_SECONDS <= issued <= now + CLOCKS_APART_SECONDS:
        return "iat"
    if "nbf" in claims and not (_is_moment(claims["nbf"]) and claims["nbf"] <= now + CLOCKS_APART_SECONDS):
        return "nbf"
    return ""


def why_no_login(claims: Claims, provider: OpenidProvider, nonce: str, now: float) -> str:
    """What of an ID token does not prove the login that was begun with ``nonce``; empty: it does (Core §3.1.3.7)."""
    if wrong := why_not_for_us(claims, provider, now):
        return wrong
    if not nonce or claims.get("nonce") != nonce:
        return "nonce"
    if not _is_text(claims.get("sub")):
        return "sub"
    if "events" in claims:
        return "events"
    return "" if claims.get("sid") is None or _is_text(claims["sid"]) else "sid"


def why_no_logout(claims: Claims, provider: OpenidProvider, now: float) -> str:
    """What of a logout token does not fit; empty: it stands (Back-Channel Logout §2.6)."""
    if wrong := why_not_for_us(claims, provider, now):
        return wrong
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        return "events"
    if "nonce" in claims:
        return "nonce"
    if not _is_text(claims.get("jti")):
        return "jti"
    named = [claims[name] for name in ("sub", "sid") if name in claims]
    return "" if named and all(_is_text(each) for each in named) else "sub or sid"


def subject_of(issuer: str, sub: str) -> str:
    """What an account is tied to: a digest of issuer and ``sub``, which no other pair has."""
    return hashlib.sha256(f"{issuer}\n{sub}".encode()).hexdigest()


def person_of(claims: Claims, provider: OpenidProvider) -> Person:
    """Who has logged in. An e-mail address that the provider says is not verified is left out."""
    named = _text(claims.get(provider.name_claim))
    login = LoginName.parse(named)
    return Person(
        subject=subject_of(provider.issuer, str(claims["sub"])),
        name=login.name if login else named,
        domain=login.domain if login else "",
        full_name=_text(claims.get("name")),
        email=_text(claims.get("email"))[:254] if claims.get("email_verified") is not False else "",
        department=_text(claims.get(provider.department_claim))[:128],
        groups=groups_of(claims, provider.groups_claim),
    )


def groups_of(claims: Claims, path: str) -> frozenset[str]:
    """The groups at ``path`` of the claims: one text, or a list of them; anything else is none."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(each for each in listed[:MOST_GROUPS] if isinstance(each, str))


def gave_second_factor(claims: Claims, provider: OpenidProvider) -> bool:
    """Whether the provider says that it asked for one that counts here."""
    methods = claims.get("amr")
    return isinstance(methods, list) and any(each in provider.second_factor_amr for each in methods)


def _is_moment(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and value.isprintable()


def _text(value: object) -> str:
    """In one line; without NUL, which PostgreSQL takes nowhere."""
    return " ".join(value.replace("\0", " ").split())[:LONGEST_TEXT] if isinstance(value, str) else ""
