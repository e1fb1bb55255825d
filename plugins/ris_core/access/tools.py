"""People's own programs at Orthanc's HTTP: name and password by Basic (RFC 7617), the same accounts as on the screens.

A password is checked once by the account or the directory, which is slow on purpose; after that a request costs an
HMAC and a look into memory. Beside the answer no password is kept, only its HMAC under a key that ends with the
process. At most :data:`LOOKED_AFTER_SECONDS` later the account is looked at again: withdrawn, expired, another role,
another password or sessions ended, and the password is checked again.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Final

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from ris_core.accounts.models import Origin, User
from ris_core.accounts.roles import functions_of
from ris_core.accounts.rules import Function
from ris_core.accounts.services import must_renew_password
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.directories.errors import DirectoryRefused, DirectoryUnavailable
from ris_core.directories.rules import name_that_counts
from ris_core.directories.services import sign_in
from ris_core.second_factors.needs import has_second_factor, needs_second_factor
from ris_core.sight.seeing import is_limited

log = logging.getLogger(__name__)

LOOKED_AFTER_SECONDS: Final = 3.0
"""How old what is known of an account may be: a withdrawal is in force that soon."""
ADMITTED_SECONDS: Final = 300.0
"""After that the password is checked again."""
MOST_FAILURES: Final = 5
LOCKED_SECONDS: Final = 900.0
MOST_REMEMBERED: Final = 512
MOST_NAMES: Final = 4096
"""Names whose failures are counted."""
LONGEST_HEADER: Final = 1024
_AT_ONCE: Final = 2
"""Passwords checked at a time: each takes argon2's memory, or waits for a directory, inside Orthanc."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of whoever calls."""

    user_id: int
    name: str
    functions: frozenset[Function]
    state: str
    """Changes with the password and when sessions are ended."""


@dataclass(frozen=True, slots=True)
class _Answer:
    account: Account
    admitted_at: float
    looked_at: float


Admit = Callable[[str, str, str], Account | None]
Look = Callable[[int], Account | None]


class ToolCallers:
    """Who calls, by their ``Authorization`` header. Safe for any number of threads.

    :param admit: the account of a name and a password, from an address; none: not theirs, or not open
    :param look: the account as it is now; none: not open
    :param unit_of_work: in which both may ask the database
    :param clock: seconds that only go forward
    """

    def __init__(
        self,
        admit: Admit,
        look: Look,
        unit_of_work: Callable[[], AbstractContextManager[None]] = nullcontext,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admit, self._look, self._unit_of_work, self._clock = admit, look, unit_of_work, clock
        self._key = secrets.token_bytes(32)
        self._answers: dict[bytes, _Answer] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        self._counting = threading.Lock()
        self._checking = threading.BoundedSemaphore(_AT_ONCE)

    def caller(self, authorization: str, address: str) -> Account | None:
        """The account that calls; none: nobody who may."""
        digest = hmac.digest(self._key, authorization.encode(), "sha256")
        now = self._clock()
        answer = self._answers.get(digest)
        if answer is None or now - answer.admitted_at > ADMITTED_SECONDS:
            self._answers.pop(digest, None)
            return self._admitted(digest, authorization, address)
        if now - answer.looked_at > LOOKED_AFTER_SECONDS:
            with self._unit_of_work():
                account = self._look(answer.account.user_id)
            if account != answer.account:
                self._answers.pop(digest, None)
                return self._admitted(digest, authorization, address)
            self._answers[digest] = replace(answer, looked_at=now)
        return answer.account

    def _admitted(self, digest: bytes, authorization: str, address: str) -> Account | None:
        sent = name_and_password(authorization)
        if sent is None:
            return None
        name, password = sent
        counted = name_that_counts(name)
        if self._is_locked(counted):
            return None
        if not self._checking.acquire(blocking=False):
            log.warning("a tool is refused: too many log in at once")
            return None
        try:
            with self._unit_of_work():
                account = self._admit(name, password, address)
        finally:
            self._checking.release()
        now = self._clock()
        if account is None:
            self._count_failure(counted, now)
            return None
        with self._counting:
            self._failures.pop(counted, None)
        if len(self._answers) >= MOST_REMEMBERED:
            self._answers.clear()
        self._answers[digest] = _Answer(account, now, now)
        return account

    def _is_locked(self, name: str) -> bool:
        failures, last_at = self._failures.get(name, (0, 0.0))
        return failures >= MOST_FAILURES and self._clock() - last_at < LOCKED_SECONDS

    def _count_failure(self, name: str, now: float) -> None:
        """Of too many names those are forgotten whose lock is over, then those with the fewest failures: typing many
        names does not open the one that is locked."""
        with self._counting:
            failures, last_at = self._failures.pop(name, (0, 0.0))
            if len(self._failures) >= MOST_NAMES:
                kept = {one: said for one, said in self._failures.items() if now - said[1] <= LOCKED_SECONDS}
                most = sorted(kept.items(), key=lambda item: item[1], reverse=True)[: MOST_NAMES // 2]
                self._failures = dict(most)
            self._failures[name] = (1 if now - last_at > LOCKED_SECONDS else failures + 1, now)


def name_and_password(authorization: str) -> tuple[str, str] | None:
    """What ``Basic`` carries (RFC 7617 §2), in UTF-8; none when it is anything else or too long."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(authorization) > LONGEST_HEADER:
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (name, password) if colon and name and password and "\0" not in name + password else None


def admitted(name: str, password: str, address: str) -> Account | None:
    """The open account of this name and password, ours or a directory's; audited either way."""
    user = User.objects.filter(username=name, origin=Origin.LOCAL).first()
    if user is not None:
        user = user if user.check_password(password) and not must_renew_password(user, timezone.now()) else None
    else:
        make_password(password)  # takes as long as a wrong password of a name that there is
        try:
            user = sign_in(name, password, address)
        except (DirectoryRefused, DirectoryUnavailable) as refusal:
            log.info("a tool is refused: %s", refusal.detail)
    if user is not None and (has_second_factor(user) or needs_second_factor(user)):
        log.info("a tool is refused: user %d logs in with a second factor", user.pk)
        user = None
    account = _account(user)
    kind = ActorKind.USER if account else ActorKind.ANYBODY
    actor = Actor(name[:128], user_id=account.user_id if account else None, address=address, kind=kind)
    record(actor, "user.tool_logged_in" if account else "user.login_failed", success=account is not None, tool=True)
    return account


def looked_at(user_id: int) -> Account | None:
    """The account as it is now; none: not open, or it has a second factor by now."""
    user = User.objects.filter(pk=user_id).first()
    return _account(None if user is not None and has_second_factor(user) else user)


def _account(user: User | None) -> Account | None:
    if user is None or not user.is_open_at(timezone.now()):
        return None
    functions = (
        frozenset[Function]() if is_limited(user) else functions_of(user.role)
    )  # what they ask cannot be limited
    return Account(user.pk, user.username, functions, user.get_session_auth_hash())
