"""Launch by a HIS: a signed link by which it vouches for its user, who then sees one order's images and report.

The HIS sends its user to ``/launch?receiver=…&user=…&accession=…&expires=…&nonce=…&signature=…``. The signature is
HMAC-SHA256, in hexadecimal, over the canonical form of the other keys: sorted by key, percent-encoded (RFC 3986
unreserved characters stay), joined by ``=`` and ``&``. The secret is shared with that one HIS. Pure.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from ris_core.access.signing import TokenRefused
from ris_core.errors import InvalidValue
from ris_core.identifiers import AccessionNumber

SIGNED_KEYS: Final = frozenset({"receiver", "user", "accession", "expires", "nonce"})
MINIMUM_SECRET_CHARACTERS: Final = 32

_RECEIVER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{10}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What the HIS vouches for."""

    receiver: str
    """Code of the receiver in master data: who vouches."""
    user_name: str
    """The HIS's own name of its user; shown in the audit trail, not a login of ours."""
    accession_number: str
    """Ours or the HIS's own number of the order."""
    expires_at: datetime
    nonce: str
    """16 to 64 letters, digits, ``-`` and ``_``, never used again by this HIS."""


def sign_launch(secret: str, launch: LaunchRequest) -> dict[str, str]:
    """The query of the launch link, signed: what a HIS does."""
    keys = {
        "receiver": launch.receiver,
        "user": launch.user_name,
        "accession": launch.accession_number,
        "expires": str(int(launch.expires_at.timestamp())),
        "nonce": launch.nonce,
    }
    return {**keys, "signature": _signature(secret, keys)}


def receiver_of(params: Mapping[str, str]) -> str:
    """Who claims to have signed, in a form that is safe as part of a secret's file name.

    :raises TokenRefused: when it is not named so
    """
    receiver = params.get("receiver", "")
    if not _RECEIVER.fullmatch(receiver):
        raise TokenRefused("launch names no receiver", field="receiver")
    return receiver


def verify_launch(secret: str, params: Mapping[str, str], now: datetime, skew_seconds: int) -> LaunchRequest:
    """What ``params`` vouch for, if signed with ``secret`` and in time. The caller remembers the nonce.

    :param skew_seconds: how far ahead ``expires`` may lie (a launch is used at once), and how much the clocks may
        differ: an expiry up to this long ago is refused only beyond it
    :raises TokenRefused: otherwise, saying which rule was broken
    """
    if params.keys() != SIGNED_KEYS | {"signature"}:
        raise TokenRefused("launch has missing or unknown keys")
    signature = params["signature"]
    if not _SIGNATURE.fullmatch(signature):
        raise TokenRefused("launch signature is not 64 hexadecimal digits", field="signature")
    expected = _signature(secret, {key: params[key] for key in SIGNED_KEYS})
    if not hmac.compare_digest(expected, signature):
        raise TokenRefused("launch signature is wrong", field="signature")
    if not _SECONDS.fullmatch(params["expires"]):
        raise TokenRefused("launch expiry is not in Unix seconds", field="expires")
    expires_at = datetime.fromtimestamp(int(params["expires"]), UTC)
    if abs(expires_at - now) > timedelta(seconds=skew_seconds):
        raise TokenRefused("launch is over, or its expiry lies too far ahead", field="expires")
    if not _NONCE.fullmatch(params["nonce"]):
        raise TokenRefused("launch nonce is not of the form", field="nonce")
    user_name = params["user"].strip()
    if not 0 < len(user_name) <= 64 or not user_name.isprintable():
        raise TokenRefused("launch names no user", field="user")
    return LaunchRequest(
        receiver=receiver_of(params),
        user_name=user_name,
        accession_number=_accession(params["accession"]),
        expires_at=expires_at,
        nonce=params["nonce"],
    )


def _accession(text: str) -> str:
    """Up to 128 characters: the HIS may name its own, longer number (domain invariant 5)."""
    try:
        return text.strip() if len(text) > AccessionNumber.max_length else AccessionNumber(text)
    except InvalidValue as error:
        raise TokenRefused("launch names no accession number", field="accession") from error


def _signature(secret: str, keys: Mapping[str, str]) -> str:
    if len(secret) < MINIMUM_SECRET_CHARACTERS:
        raise TokenRefused(f"a launch secret has at least {MINIMUM_SECRET_CHARACTERS} characters")
    canonical = "&".join(f"{key}={quote(keys[key], safe='')}" for key in sorted(keys))
    return hmac.digest(secret.encode(), canonical.encode(), "sha256").hex()
