"""What a share may be, and whether one opens: decided without database, clock or network."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ris_core.letters.numbers import is_phone_number
from ris_core.names import folded, folded_words
from ris_core.sharing.errors import ShareInvalid

MOST_EXAMS: Final = 16
MOST_VIEWS: Final = 1000
LONGEST_COMMENT: Final = 2000
SHORTEST_PASSWORD: Final = 8
WRONG_TRIES: Final = 5
"""Wrong passwords or codes after which a share stays shut for :data:`LOCKED`."""
LOCKED: Final = timedelta(minutes=15)
MOST_PASSES: Final = 2
"""How often in a row a share is passed on."""
MOST_FURTHER: Final = 20
"""Links that its receiver may make of one share."""
LOOKS: Final = timedelta(hours=8)
"""Longest time from opening a link to having to open it again."""

_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")


class ShareState(StrEnum):
    """How a share stands."""

    OPEN = "OPEN"
    OVER = "OVER"
    USED_UP = "USED_UP"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the receiver may do, and how long.

    :raises ShareInvalid: ``field`` names what cannot be so
    """

    receiver: str
    exam_ids: tuple[int, ...]
    expires_at: datetime
    comment: str = ""
    password: str = ""
    """Empty: none is asked for."""
    code_to: str = ""
    """Telephone number or e-mail address to which a one-time code is sent; empty: none is."""
    anonymous: bool = False
    """Only copies of the images that nobody is known by; no report."""
    with_report: bool = True
    may_download: bool = False
    may_pass_on: bool = False
    views_allowed: int | None = None
    watermark: bool = False
    pictures_only: bool = False
    """Only pictures made by the server, with the watermark in them."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.receiver.strip()) <= 128:
            raise ShareInvalid("say for whom it is", field="receiver")
        if not 1 <= len(set(self.exam_ids)) <= MOST_EXAMS:
            raise ShareInvalid(f"a share has 1 to {MOST_EXAMS} exams", field="exams")
        if len(self.comment) > LONGEST_COMMENT:
            raise ShareInvalid(f"a comment has at most {LONGEST_COMMENT} characters", field="comment")
        if self.password and self.code_to:
            raise ShareInvalid("a share asks for a password or for a code", field="lock")
        if self.password and not SHORTEST_PASSWORD <= len(self.password) <= 128:
            raise ShareInvalid(f"a password has at least {SHORTEST_PASSWORD} characters", field="password")
        if self.code_to:
            channel_of(self.code_to, field="code_to")
        if self.views_allowed is not None and not 1 <= self.views_allowed <= MOST_VIEWS:
            raise ShareInvalid(f"it may be opened 1 to {MOST_VIEWS} times", field="views_allowed")
        check_pictures_only(self.pictures_only, self.watermark, self.may_download)


@dataclass(frozen=True, slots=True)
class Room:
    """What a receiver may give further."""

    until: datetime
    views: int | None
    """None: no limit."""
    may_download: bool
    may_pass_on: bool
    needs_password: bool
    """The share is locked, so that no way around the lock is made."""
    how_many: int
    """Further links that may still be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """What a receiver wants to give further."""

    receiver: str
    expires_at: datetime
    comment: str = ""
    password: str = ""
    views_allowed: int | None = None
    """None: as often as may be."""
    may_download: bool = False
    may_pass_on: bool = False


def check_further(wanted: Further, room: Room, now: datetime) -> None:
    """:raises ShareInvalid: ``field`` names what is missing, or goes further than the share that is passed on"""
    if not 1 <= len(wanted.receiver.strip()) <= 128:
        raise ShareInvalid("say for whom it is", field="receiver")
    if len(wanted.comment) > LONGEST_COMMENT:
        raise ShareInvalid("the comment is too long", field="comment")
    if room.how_many < 1:
        raise ShareInvalid("it has been passed on too often", field="how_many")
    if not now < wanted.expires_at <= room.until:
        raise ShareInvalid("it ends no later than the share that is passed on", field="expires_at")
    if (wanted.password or room.needs_password) and len(wanted.password) < SHORTEST_PASSWORD:
        raise ShareInvalid(f"a password has {SHORTEST_PASSWORD} characters or more", field="password")
    most = MOST_VIEWS if room.views is None else room.views
    if most < 1 or (wanted.views_allowed is not None and not 1 <= wanted.views_allowed <= most):
        raise ShareInvalid("it is opened no more often than the share that is passed on", field="views_allowed")
    if wanted.may_download and not room.may_download:
        raise ShareInvalid("its files may not be kept", field="may_download")
    if wanted.may_pass_on and not room.may_pass_on:
        raise ShareInvalid("it has been passed on often enough", field="may_pass_on")


def check_pictures_only(pictures_only: bool, watermark: bool, may_download: bool) -> None:
    """:raises ShareInvalid: what is kept back here would be given there"""
    if pictures_only and (may_download or not watermark):
        raise ShareInvalid("pictures only are given with a watermark, and without the files", field="pictures_only")


def channel_of(address: str, *, field: str) -> str:
    """``EMAIL`` or ``SMS``, by what the address looks like.

    :raises ShareInvalid: it is neither
    """
    if _EMAIL.fullmatch(address):
        return "EMAIL"
    if is_phone_number(address):
        return "SMS"
    raise ShareInvalid("give an e-mail address or a telephone number", field=field)


def check_expiry(expires_at: datetime, now: datetime, longest_days: int) -> None:
    """:raises ShareInvalid: it lies in the past, or further ahead than the site allows"""
    if expires_at <= now:
        raise ShareInvalid("a share ends in the future", field="expires_at")
    if expires_at > now + timedelta(days=longest_days, hours=24):
        raise ShareInvalid(f"a share lasts {longest_days} days at most", field="expires_at")


def state_of(
    now: datetime,
    *,
    expires_at: datetime,
    revoked: bool,
    views_used: int,
    views_allowed: int | None,
) -> ShareState:
    """How a share stands for somebody who would open it now."""
    if revoked:
        return ShareState.REVOKED
    if expires_at <= now:
        return ShareState.OVER
    if views_allowed is not None and views_used >= views_allowed:
        return ShareState.USED_UP
    return ShareState.OPEN


def names_patient(text: str, full_name: str, birth_date: str, numbers: Iterable[str]) -> bool:
    """Whether a text that goes with anonymous images says whose they are: two words of the name, a number, the birth
    date. One word alone may mean anything (``Bình``: "normal").

    :param birth_date: ``YYYYMMDD``, or less of it
    """
    plain = folded(text)
    words, named = set(re.findall(r"[^\W_]+", plain)), {word for word in folded_words(full_name) if len(word) > 1}
    digits = re.sub(r"\W", "", plain)
    known = {re.sub(r"\W", "", folded(number)) for number in numbers}
    if len(birth_date) == 8:
        year, month, day = birth_date[:4], birth_date[4:6], birth_date[6:]
        known |= {birth_date, day + month + year, month + day + year}
    return len(words & named) >= 2 or any(len(number) >= 4 and number in digits for number in known)
