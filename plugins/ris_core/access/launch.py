"""Launch by a HIS: a signed link by which it vouches for its user, who then sees images and report of what it names.

The HIS sends its user to ``/launch?receiver=…&user=…&accession=…&expires=…&nonce=…&signature=…``. The signature is
HMAC-SHA256, in hexadecimal, over the canonical form of the other keys: sorted by key, percent-encoded (RFC 3986
unreserved characters stay), joined by ``=`` and ``&``. The secret is shared with that one HIS. In place of
``accession`` the request may be one of IHE Invoke Image Display (RAD TF-2 4.106): ``requestType`` ``STUDY`` with
``studyUID`` or ``accessionNumber``, or ``PATIENT`` with ``patientID`` and ``mostRecentResults``. The same can be said
in a JSON Web Token (RFC 7519, HS256 with the same secret) as the ``launch`` parameter of a SMART-like launch. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import quote

from ris_core.access.signing import TokenRefused
from ris_core.errors import InvalidValue
from ris_core.identifiers import AccessionNumber, StudyInstanceUID

_COMMON_KEYS: Final = frozenset({"receiver", "user", "expires", "nonce"})
SIGNED_KEYS: Final = _COMMON_KEYS | {"accession"}
"""Of the launch into one order, the shortest that there is."""
_REQUESTS: Final[tuple[tuple[str | None, frozenset[str], frozenset[str]], ...]] = (
    (None, frozenset({"accession"}), frozenset()),
    ("STUDY", frozenset({"requestType", "accessionNumber"}), frozenset()),
    ("STUDY", frozenset({"requestType", "studyUID"}), frozenset()),
    ("PATIENT", frozenset({"requestType", "patientID"}), frozenset({"mostRecentResults"})),
)
"""Request type, keys that stand, keys that may stand; ``target`` may always."""
_CLAIMS: Final = {
    "iss": "receiver", "sub": "user", "exp": "expires", "jti": "nonce", "accession": "accession", "target": "target",
    "study": "studyUID", "patient": "patientID", "most_recent": "mostRecentResults",
}  # fmt: skip
"""Claims of a SMART-like launch, as keys of the query."""
_LONGEST_TOKEN: Final = 4000
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
    study_uid: str = ""
    patient_id: str = ""
    """The HIS's own number of the patient."""
    patient_issuer: str = ""
    most_recent: int = 0
    """How many of the patient's exams, the newest; 0: all."""
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
    if launch.study_uid:
        keys |= {"requestType": "STUDY", "studyUID": launch.study_uid}
    elif launch.patient_id:
        issuer = f"^^^{launch.patient_issuer}" if launch.patient_issuer else ""
        keys |= {"requestType": "PATIENT", "patientID": launch.patient_id + issuer}
        if launch.most_recent:
            keys["mostRecentResults"] = str(launch.most_recent)
    else:
        keys["accession"] = launch.accession_number
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
    _refuse_other_keys(params.keys() - {"signature"}, params.get("requestType"))
    if not _SIGNATURE.fullmatch(signature):
        raise TokenRefused("launch signature is not 64 hexadecimal digits", field="signature")
    expected = _signature(secret, {key: value for key, value in params.items() if key != "signature"})
    if not hmac.compare_digest(expected, signature):
        raise TokenRefused("launch signature is wrong", field="signature")
    return _vouched(params, now, skew_seconds)


def issuer_of_token(token: str) -> str:
    """Who claims to have signed a SMART-like launch; :func:`verify_token` decides.

    :raises TokenRefused: it is no token
    """
    return receiver_of(_as_keys(_claims(token)[0]))


def verify_token(secret: str, token: str, now: datetime, skew_seconds: int) -> LaunchRequest:
    """What the ``launch`` parameter of a SMART-like launch vouches for; as :func:`verify_launch`."""
    claims, signed, signature = _claims(token)
    if len(secret) < MINIMUM_SECRET_CHARACTERS:
        raise TokenRefused(f"a launch secret has at least {MINIMUM_SECRET_CHARACTERS} characters")
    if not hmac.compare_digest(hmac.digest(secret.encode(), signed, "sha256"), signature):
        raise TokenRefused("launch signature is wrong", field="signature")
    keys = _as_keys(claims)
    _refuse_other_keys(keys.keys(), keys.get("requestType"))
    return _vouched(keys, now, skew_seconds)


def _claims(token: str) -> tuple[dict[str, Any], bytes, bytes]:
    """Claims, what is signed, and the signature of a compact JWS."""
    parts = token.split(".")
    if len(token) > _LONGEST_TOKEN or len(parts) != 3 or not token.isascii():
        raise TokenRefused("launch is no signed token", field="launch")
    try:
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        read_header, read_claims = json.loads(header), json.loads(claims)
    except (binascii.Error, ValueError) as error:
        raise TokenRefused("launch is no signed token", field="launch") from error
    if not isinstance(read_header, dict) or not isinstance(read_claims, dict) or read_header.get("alg") != "HS256":
        raise TokenRefused("a launch token is signed by HS256", field="launch")
    return read_claims, f"{parts[0]}.{parts[1]}".encode(), signature


def _as_keys(claims: Mapping[str, Any]) -> dict[str, str]:
    """The claims as keys of a launch's query; those that it does not know are refused."""
    if unknown := claims.keys() - _CLAIMS.keys() - {"iat", "nbf", "aud"}:
        raise TokenRefused(f"launch has an unknown claim {sorted(unknown)[0]!r}", field="launch")
    keys = {_CLAIMS[name]: str(value) for name, value in claims.items() if name in _CLAIMS}
    if "studyUID" in keys:
        keys["requestType"] = "STUDY"
    elif "patientID" in keys:
        keys["requestType"] = "PATIENT"
    return keys


def _refuse_other_keys(keys: Set[str], request_type: str | None) -> None:
    for kind, needed, optional in _REQUESTS:
        required = _COMMON_KEYS | needed
        if kind == request_type and required <= keys <= required | optional | {"target"}:
            return
    raise TokenRefused("launch has missing or unknown keys")


def _vouched(params: Mapping[str, str], now: datetime, skew_seconds: int) -> LaunchRequest:
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
    most_recent = params.get("mostRecentResults", "0")
    if target not in ("images", "report") or not re.fullmatch(r"[0-9]{1,3}", most_recent, re.ASCII):
        raise TokenRefused("launch asks for something that there is not", field="target")
    accession = params.get("accession", params.get("accessionNumber"))
    patient_id, _, rest = params.get("patientID", "").partition("^")
    return LaunchRequest(
        receiver=receiver_of(params),
        user_name=user_name,
        accession_number="" if accession is None else _accession(accession),
        expires_at=expires_at,
        nonce=params["nonce"],
        study_uid=_study_uid(params["studyUID"]) if "studyUID" in params else "",
        patient_id=_patient_id(patient_id) if "patientID" in params else "",
        patient_issuer=rest.split("^")[2].split("&")[0].strip() if rest.count("^") >= 2 else "",
        most_recent=int(most_recent),
        target="report" if target == "report" else "images",
    )


def _study_uid(text: str) -> str:
    try:
        return StudyInstanceUID(text)
    except InvalidValue as error:
        raise TokenRefused("launch names no study", field="studyUID") from error


def _patient_id(text: str) -> str:
    if not 0 < len(text.strip()) <= 64:
        raise TokenRefused("launch names no patient", field="patientID")
    return text.strip()


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
