"""Launch by a HIS: a signed link by which it vouches for its user, who then sees images and report of what it names.

The HIS sends its user to ``/launch?receiver=…&user=…&accession=…&expires=…&nonce=…&signature=…``. The signature is
HMAC-SHA256, in hexadecimal, over the canonical form of the other keys: sorted by key, percent-encoded (RFC 3986
unreserved characters stay), joined by ``=`` and ``&``. The secret is shared with that one HIS. In place of
``accession`` the request may be one of IHE Invoke Image Display (:mod:`ris_core.access.image_display`). The same can be
said in a JSON Web Token (:mod:`ris_core.access.launch_token`). Pure.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote

from ris_core.access.image_display import ImageDisplay, accession_number, refuse_other_display_keys
from ris_core.access.signing import TokenRefused

_COMMON_KEYS: Final = frozenset({"receiver", "user", "expires", "nonce"})
SIGNED_KEYS: Final = _COMMON_KEYS | {"accession"}
"""Of the launch into one order, the shortest that there is."""
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
    """Ours or the HIS's own number of the order; empty when a study or a patient is named."""
    expires_at: datetime
    nonce: str
    """16 to 64 letters, digits, ``-`` and ``_``, never used again by this HIS."""
    display: ImageDisplay | None = None
    """What IHE Invoke Image Display asks for in place of ``accession_number``."""
    target: Literal["images", "report"] = "images"


def sign_launch(secret: str, launch: LaunchRequest) -> dict[str, str]:
    """The query of the launch link, signed: what a HIS does."""
    keys = {
        "receiver": launch.receiver,
        "user": launch.user_name,
        "expires": str(int(launch.expires_at.timestamp())),
        "nonce": launch.nonce,
    }
    if launch.target != "images":
        keys["target"] = launch.target
    keys |= launch.display.as_keys() if launch.display else {"accession": launch.accession_number}
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
    signature = params.get("signature", "")
    refuse_other_keys(params.keys() - {"signature"}, params.get("requestType"))
    if not _SIGNATURE.fullmatch(signature):
        raise TokenRefused("launch signature is not 64 hexadecimal digits", field="signature")
    expected = _signature(secret, {key: value for key, value in params.items() if key != "signature"})
    if not hmac.compare_digest(expected, signature):
        raise TokenRefused("launch signature is wrong", field="signature")
    return vouched(params, now, skew_seconds)


def refuse_other_keys(keys: Set[str], request_type: str | None) -> None:
    """:raises TokenRefused: a key is missing, or one stands there that does not belong to the request"""
    if not keys >= _COMMON_KEYS:
        raise TokenRefused("launch has missing or unknown keys")
    own = keys - _COMMON_KEYS - {"target"}
    if request_type is None and own == {"accession"}:
        return
    refuse_other_display_keys(own, request_type)


def vouched(params: Mapping[str, str], now: datetime, skew_seconds: int) -> LaunchRequest:
    """What rightly signed keys say, if in time."""
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
    target = params.get("target", "images")
    if target not in ("images", "report"):
        raise TokenRefused("launch asks for something that there is not", field="target")
    return LaunchRequest(
        receiver=receiver_of(params),
        user_name=user_name,
        accession_number=accession_number(params["accession"]) if "accession" in params else "",
        expires_at=expires_at,
        nonce=params["nonce"],
        display=ImageDisplay.of(params) if "requestType" in params else None,
        target="report" if target == "report" else "images",
    )


def _signature(secret: str, keys: Mapping[str, str]) -> str:
    if len(secret) < MINIMUM_SECRET_CHARACTERS:
        raise TokenRefused(f"a launch secret has at least {MINIMUM_SECRET_CHARACTERS} characters")
    canonical = "&".join(f"{key}={quote(keys[key], safe='')}" for key in sorted(keys))
    return hmac.digest(secret.encode(), canonical.encode(), "sha256").hex()
