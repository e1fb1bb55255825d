"""One-time codes by time (RFC 6238) and by a list, and who must have them. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import quote

STEP_SECONDS: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
"""As many as HMAC-SHA-1 gives (RFC 4226 §4, R6)."""
STEPS_APART: Final = 1
"""A code of the step before or after counts too: clocks differ, and people type slowly (RFC 6238 §5.2)."""
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_BLANKS: Final = re.compile(r"[\s-]")


def code_at(secret: bytes, step: int) -> str:
    """The code of one step of 30 s since 1970 (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def accepted_step(secret: bytes, typed: str, now: float, last_step: int) -> int | None:
    """The step whose code was typed; none if it is no code of now, or of a step used before (RFC 6238 §5.2).

    :param now: seconds since 1970
    :param last_step: the step of the code that was taken last
    """
    code = _BLANKS.sub("", typed)
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", code, re.ASCII):
        return None
    present = int(now) // STEP_SECONDS
    found = None
    for step in range(present - STEPS_APART, present + STEPS_APART + 1):
        if hmac.compare_digest(code_at(secret, step), code) and step > last_step:
            found = step
    return found


def key_uri(secret: bytes, issuer: str, account: str) -> str:
    """What an authenticator app reads from the QR code (the ``otpauth`` form that all of them know)."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return f"otpauth://totp/{label}?secret={as_text(secret)}&issuer={quote(issuer, safe='')}&digits={DIGITS}"


def as_text(secret: bytes) -> str:
    """The secret for who types it: base32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def new_recovery_code() -> str:
    """80 random bits, in four groups of letters and digits."""
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def digest_of_recovery_code(typed: str) -> str:
    """What is kept of one: it has 80 random bits, so it needs no salt and no slow hash."""
    return hashlib.sha256(_BLANKS.sub("", typed).lower().encode("utf-8", "replace")).hexdigest()


def roles_in(text: str) -> frozenset[str]:
    """The roles that a setting lists, separated by commas or blanks."""
    return frozenset(re.split(r"[\s,]+", text.strip().upper())) - {""}


def admin_is_open(address: str, networks: str, *, second_factor_counts: bool, has_second_factor: bool) -> bool:
    """Whether screens of administration open (Q6): limited to networks or to a second factor, where the site says so.

    :param networks: addresses and networks, separated by commas; empty: not limited by them
    :param second_factor_counts: whether the site limits them by a second factor; with both, one of them is enough
    """
    listed = [network for network in re.split(r"[\s,]+", networks.strip()) if network]
    if not listed and not second_factor_counts:
        return True
    if second_factor_counts and has_second_factor:
        return True
    try:
        return any(ip_address(address) in ip_network(network) for network in listed)
    except ValueError:
        return False
