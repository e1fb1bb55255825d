"""The two request headers that say who asks (RFC 6750 2.1, RFC 7617 2, RFC 6265 4.2)."""

from __future__ import annotations


def bearer_token(authorization: str) -> str:
    """The token of ``Authorization: Bearer …``; empty for any other scheme."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_basic(authorization: str) -> bool:
    """Whether it carries a name and a password."""
    return authorization[:6].lower() == "basic "


def cookies_named(cookie_header: str, prefix: str) -> list[str]:
    """Values of the cookies whose name begins with ``prefix``, as they came, in order."""
    pairs = (pair.strip().partition("=") for pair in cookie_header.split(";"))
    return [value for name, _, value in pairs if name.startswith(prefix) and value]
