"""What is granted by token: viewing named studies, and opening a result's images from the link sent to the HIS.

Pure: the keyring and the clock are given by the caller. ``docs/security.md`` has the table of tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ris_core.access.signing import Keyring, TokenRefused, expiry
from ris_core.errors import InvalidValue
from ris_core.identifiers import StudyInstanceUID

MAXIMUM_STUDIES: Final = 16
"""Studies in one token: the exam with its priors; more are granted by more cookies."""
VIEWER_COOKIE_PREFIX: Final = "quang_view_"
VIEWER_COOKIE_PATH: Final = "/dicom-web"

SESSION: Final = "session:"
SHARE: Final = "share:"
PORTAL: Final = "portal:"
LOOK: Final = "look:"

_VIEWER: Final = "viewer"
_RESULT: Final = "result"
_IMAGE: Final = "image"


@dataclass(frozen=True, slots=True)
class ViewerGrant:
    """Permission to load the images of named studies until ``expires_at``."""

    study_uids: frozenset[StudyInstanceUID]
    user_name: str
    expires_at: datetime
    grant: str
    """Under what it was made, and ends with: one of :func:`session_grant`, :func:`share_grant`,
    :func:`portal_grant`, :func:`look_grant`."""
    may_download: bool = True
    """Whole DICOM files may be fetched; without it only what viewers draw from."""
    may_store: bool = False
    """Measurements and annotations may be saved into the granted studies (STOW-RS)."""
    without_series: frozenset[str] = frozenset()
    """Of the granted studies, series of which nothing but the attributes may be seen: reports that are not shown."""
    mark: str = ""
    """Words that are drawn over every picture made under it; empty: none."""
    pictures_only: bool = False
    """Only pictures made by the server may be seen, not the stored pixels."""


@dataclass(frozen=True, slots=True)
class ResultLink:
    """The viewer link of one result: opens exactly these studies for whom ``receiver`` shows it."""

    receiver: str
    procedure_id: int
    version_number: int
    """Number of the report version it was sent with; 0: images only."""
    study_uids: frozenset[StudyInstanceUID]
    expires_at: datetime
    patient_id: int = 0
    """Whose the exam was when the link was made: once it is another's the link opens nothing."""


@dataclass(frozen=True, slots=True)
class ImageLink:
    """The link of one key image of one report version, as a result carries it to ``receiver``."""

    receiver: str
    version_id: int
    position: int
    expires_at: datetime
    patient_id: int = 0
    """As of a :class:`ResultLink`."""


def session_grant(key: str) -> str:
    """What a user opens ends with the login ``key`` (:class:`ris_core.access.models.UserSession`)."""
    return SESSION + key


def share_grant(share_id: int, revision: int) -> str:
    """What a share opens ends when the share does, or is narrowed: its next revision."""
    return f"{SHARE}{share_id}.{revision}"


def portal_grant(look_id: int) -> str:
    """What a patient, or whom they share with, opens ends when the exam is no longer released to them: see
    :class:`ris_core.portal.models.ImagesLook`."""
    return f"{PORTAL}{look_id}"


def look_grant(look_id: int) -> str:
    """What a result link or a launch opens ends when the exam is another patient's or has lost images, when its report
    is recalled, and when its receiver is switched off: see :class:`ris_core.delivery.models.ReceiverLook`."""
    return f"{LOOK}{look_id}"


def issue_viewer_token(
    keyring: Keyring,
    study_uids: Iterable[str],
    user_name: str,
    expires_at: datetime,
    *,
    grant: str,
    may_store: bool = False,
    may_download: bool = True,
    without_series: Iterable[str] = (),
    mark: str = "",
    pictures_only: bool = False,
) -> str:
    """A token for ``user_name`` to view ``study_uids`` until ``expires_at`` (aware), or until ``grant`` ends.

    :raises InvalidValue: for no study, more than :data:`MAXIMUM_STUDIES`, or something that is not a UID
    """
    payload: dict[str, Any] = {
        "s": _checked_uids(study_uids),
        "u": user_name[:64],
        "g": grant,
        "exp": _seconds(expires_at),
    }
    if may_store:
        payload["w"] = 1
    if not may_download:
        payload["n"] = 1
    if closed := sorted({StudyInstanceUID(uid) for uid in without_series}):
        payload["x"] = closed
    if mark:
        payload["m"] = mark
    if pictures_only:
        payload["p"] = 1
    return keyring.sign(_VIEWER, payload)


def read_viewer_token(keyring: Keyring, token: str, now: datetime | None = None) -> ViewerGrant:
    """The grant in ``token``.

    :raises TokenRefused: when it is not ours, not a viewer token, or over
    """
    payload = keyring.verify(_VIEWER, token, now or datetime.now(UTC))
    return ViewerGrant(
        study_uids=_uids(payload),
        user_name=str(payload.get("u", "")),
        expires_at=expiry(payload),
        grant=str(payload.get("g", "")),
        may_store=payload.get("w") == 1,
        may_download=payload.get("n") != 1,
        without_series=frozenset(map(str, payload.get("x", ()))),
        mark=str(payload.get("m", "")),
        pictures_only=payload.get("p") == 1,
    )


def viewer_cookie_name(study_uids: Iterable[str]) -> str:
    """The cookie of a grant: one for each set of studies, so that tabs with different patients do not disturb another.

    The name tells nothing of the study: twelve hexadecimal digits of a SHA-256.
    """
    joined = "\n".join(sorted(study_uids))
    return VIEWER_COOKIE_PREFIX + hashlib.sha256(joined.encode()).hexdigest()[:12]


def issue_result_link(keyring: Keyring, link: ResultLink) -> str:
    """The token of ``/open/<token>`` for ``link``.

    :raises InvalidValue: as :func:`issue_viewer_token`
    """
    return keyring.sign(
        _RESULT,
        {
            "r": link.receiver,
            "p": link.procedure_id,
            "v": link.version_number,
            "s": _checked_uids(link.study_uids),
            "pt": link.patient_id,
            "exp": _seconds(link.expires_at),
        },
    )


def read_result_link(keyring: Keyring, token: str, now: datetime | None = None) -> ResultLink:
    """The link in ``token``.

    :raises TokenRefused: when it is not ours, not a result link, or over
    """
    payload = keyring.verify(_RESULT, token, now or datetime.now(UTC))
    try:
        return ResultLink(
            receiver=str(payload["r"]),
            procedure_id=int(payload["p"]),
            version_number=int(payload["v"]),
            study_uids=_uids(payload),
            expires_at=expiry(payload),
            patient_id=int(payload["pt"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TokenRefused("result link lacks a part") from error


def issue_image_link(keyring: Keyring, link: ImageLink) -> str:
    """The token of ``/open/image/<token>`` for ``link``.

    :raises InvalidValue: the expiry is no aware time
    """
    payload: dict[str, Any] = {"r": link.receiver, "v": link.version_id, "n": link.position, "pt": link.patient_id}
    payload["exp"] = _seconds(link.expires_at)
    return keyring.sign(_IMAGE, payload)


def read_image_link(keyring: Keyring, token: str, now: datetime | None = None) -> ImageLink:
    """The link in ``token``.

    :raises TokenRefused: when it is not ours, not an image's link, or over
    """
    payload = keyring.verify(_IMAGE, token, now or datetime.now(UTC))
    try:
        which = str(payload["r"]), int(payload["v"]), int(payload["n"])
        return ImageLink(*which, expiry(payload), int(payload["pt"]))
    except (KeyError, TypeError, ValueError) as error:
        raise TokenRefused("image link lacks a part") from error


def _seconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise InvalidValue("expiry must be an aware time", field="expires_at")
    return int(at.timestamp())


def _checked_uids(study_uids: Iterable[str]) -> list[str]:
    uids = sorted({StudyInstanceUID(uid) for uid in study_uids})
    if not 0 < len(uids) <= MAXIMUM_STUDIES:
        raise InvalidValue(f"a token names 1 to {MAXIMUM_STUDIES} studies", field="study_uids")
    return list(uids)


def _uids(payload: dict[str, Any]) -> frozenset[StudyInstanceUID]:
    uids = payload.get("s")
    if not isinstance(uids, list) or not uids:
        raise TokenRefused("token names no study")
    try:
        return frozenset(StudyInstanceUID(uid) for uid in uids)
    except (InvalidValue, AttributeError) as error:
        raise TokenRefused("token names something that is not a UID") from error
