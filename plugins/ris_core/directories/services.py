"""Logging in by a directory: people get an account at their first login, and every login brings it up to date (P4)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from django.conf import settings as django_settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.accounts.models import Origin, User
from ris_core.audit.models import ActorKind
from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.directories.connections import LdapDirectory, OpenDirectory
from ris_core.directories.errors import DirectoryRefused, DirectoryUnavailable, NameUnknown, PasswordRefused
from ris_core.directories.models import DirectoryIdentity
from ris_core.directories.rules import LoginName, Person, directories_for, is_overdue, may_stand_in, role_of
from ris_core.directories.settings import Directory
from ris_core.settings import Settings
from ris_core.signatures.locking import lock_all_of

log = logging.getLogger(__name__)

Opening = Callable[[Directory, Settings], OpenDirectory]
LONGEST_PASSWORD = 256
MOST_AT_ONCE = 2
"""Logins that ask a directory at a time, in each process: one that does not answer holds up no other pages."""
LONGEST_WAIT_SECONDS = 1.0
"""For one of them to be over."""
_asking = threading.BoundedSemaphore(MOST_AT_ONCE)


class _NameNotFree(DirectoryRefused):
    """Another account has the name, or no account can."""


def sign_in(
    typed: str, password: str, address: str = "", opening: Opening = LdapDirectory.from_settings
) -> User | None:
    """The account of whoever a directory knows by this name and password; none: no directory does.

    A name of a local account is never asked about, so that nobody's local password reaches a directory and no
    directory answers for a local account. The first directory that knows the name decides.

    :raises DirectoryRefused: they are who they say, and may not come in
    :raises DirectoryUnavailable: who could tell does not answer, and its last yes may not stand in
    """
    settings: Settings = django_settings.QUANG
    name = LoginName.parse(typed)
    if name is None or not settings.directories or not 0 < len(password) <= LONGEST_PASSWORD:
        return None
    if User.objects.filter(username__iexact=typed.strip(), origin=Origin.LOCAL).exists():
        return None
    if not _asking.acquire(timeout=LONGEST_WAIT_SECONDS):
        raise DirectoryUnavailable("too many log in at once")
    try:
        return _asked(name, password, address, opening)
    finally:
        _asking.release()


def _asked(name: LoginName, password: str, address: str, opening: Opening) -> User | None:
    settings: Settings = django_settings.QUANG
    silent: list[tuple[Directory, DirectoryUnavailable]] = []
    for directory in directories_for(name, settings.directories):
        try:
            person = opening(directory, settings).sign_in(name, password)
        except NameUnknown:
            continue
        except PasswordRefused:
            if directory.mode == "direct":
                continue  # it does not tell a wrong password from an unknown name
            return None
        except DirectoryUnavailable as error:
            silent.append((directory, error))
            continue
        return _admitted(directory, person, password, Actor(name.name, address=address, kind=ActorKind.ANYBODY))
    if not silent:
        return None
    return _remembered(name, password, silent, address)


def look_up_again(directory: Directory, opening: Opening = LdapDirectory.from_settings) -> None:
    """Ask ``directory`` about everybody who has an account by it: who has left, has no role or another one any more,
    loses or changes it here, and their sessions end.

    When it does not answer nothing changes, until nobody has been confirmed for ``unconfirmed_minutes``.
    """
    now = timezone.now()
    identities = DirectoryIdentity.objects.filter(directory=directory.name, withdrawn_at__isnull=True)
    if directory.mode == "search":
        in_use = identities.filter(user__is_active=True).order_by("confirmed_at")
        try:
            asked = opening(directory, django_settings.QUANG)
            for subject, person in asked.look_up(list(in_use.values_list("subject", flat=True))):
                _brought_up_to_date(directory, subject, person)
        except DirectoryUnavailable as error:
            log.warning("nobody of directory %s is confirmed: %s", directory.name, error.detail)
    for identity in identities.filter(overdue_at__isnull=True):
        if is_overdue(directory, identity.confirmed_at, now):
            _end_overdue(identity.pk)
    for identity in identities.exclude(verifier=""):
        if not may_stand_in(directory, identity.verified_at, now):
            identities.filter(pk=identity.pk, verified_at=identity.verified_at).update(verifier="")


def look_up_all_again(_subject_id: str) -> None:
    """The duty ``look_up_directories``."""
    settings: Settings = django_settings.QUANG
    for directory in settings.directories:
        look_up_again(directory)
    for identity in _of_no_directory(settings):
        _withdraw(identity, "directory is not in the settings any more")


def seconds_between_look_ups(settings: Settings) -> float:
    """How often :func:`look_up_all_again` runs."""
    return min((60 * directory.recheck_minutes for directory in settings.directories), default=3600.0)


def _of_no_directory(settings: Settings) -> QuerySet[DirectoryIdentity]:
    names = [directory.name for directory in settings.directories]
    return DirectoryIdentity.objects.filter(withdrawn_at__isnull=True).exclude(directory__in=names)


def _admitted(directory: Directory, person: Person, password: str, actor: Actor) -> User:
    role = role_of(person.groups, directory)
    if not person.enabled or role is None:
        why = "no group with a role" if person.enabled else "closed in the directory"
        known = DirectoryIdentity.objects.filter(directory=directory.name, subject=person.subject).first()
        if known is not None and known.withdrawn_at is None:
            _withdraw(known, why)
        record(actor, "user.directory_refused", success=False, directory=directory.name, why=why)
        raise DirectoryRefused(f"the directory knows this person: {why}", field="username")
    try:
        try:
            return _account(directory, person, role, password)
        except IntegrityError:  # their first login, twice at once: the other one has made the account
            return _account(directory, person, role, password)
    except _NameNotFree:  # outside the transaction, which leaves nothing
        record(
            actor, "user.directory_refused", success=False, directory=directory.name, why="name is not free",
            login_name=person.name[:64],
        )  # fmt: skip
        raise


@transaction.atomic
def _account(directory: Directory, person: Person, role: str, password: str) -> User:
    """:raises DirectoryRefused: an administrator withdrew the account, or it cannot be named here"""
    now = timezone.now()
    identity = _locked(Q(directory=directory.name, subject=person.subject))
    if identity is None:
        identity = DirectoryIdentity(
            user=_opened(directory, person, role), directory=directory.name, subject=person.subject
        )
    user = identity.user
    if not user.is_active and identity.withdrawn_at is None:
        raise DirectoryRefused("an administrator has withdrawn this account", field="username")
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        record(SYSTEM, "user.restored", subject=f"user:{user.pk}", reason=f"directory {directory.name}")
    _follow(user, person, role)
    identity.login_name = person.name.lower()[:64]
    identity.verifier = make_password(password) if directory.outage == "cached" else ""
    identity.verified_at = now
    _confirm(identity, now)
    return user


def _opened(directory: Directory, person: Person, role: str) -> User:
    name = LoginName(person.name).account
    if name is None or User.objects.filter(username__iexact=name).exists():
        raise _NameNotFree(
            "the name belongs to another account here, or has fewer than 3 or other signs than letters, digits, "
            "underscore, dot and hyphen",
            field="username",
        )
    user = User(
        username=name,
        full_name=person.full_name or name,
        role=role,
        email=person.email,
        department=person.department,
        origin=Origin.DIRECTORY,
    )
    user.set_unusable_password()
    user.save()
    record(SYSTEM, "user.created", subject=f"user:{user.pk}", role=role, directory=directory.name)
    return user


def _follow(user: User, person: Person, role: str) -> None:
    """Take over what the directory says; another role ends sessions and locks keys, as on the screen of accounts."""
    wanted = {"full_name": person.full_name or user.full_name, "email": person.email, "department": person.department,
              "role": role}  # fmt: skip
    changed = sorted(name for name, value in wanted.items() if getattr(user, name) != value)
    if not changed:
        return
    for name in changed:
        setattr(user, name, wanted[name])
    if "role" in changed:
        user.sessions_ended += 1
        lock_all_of(user.pk, SYSTEM, "another role")
    user.save(update_fields=[*changed, "sessions_ended"])
    record(SYSTEM, "user.changed", subject=f"user:{user.pk}", fields=changed, role=role, reason="directory")


@transaction.atomic
def _brought_up_to_date(directory: Directory, subject: str, person: Person | None) -> None:
    identity = _locked(Q(directory=directory.name, subject=subject))
    if identity is None or identity.withdrawn_at is not None:
        return
    role = role_of(person.groups, directory) if person else None
    if person is None or not person.enabled or role is None:
        _withdraw(identity, "no group with a role" if person and person.enabled else "closed in the directory")
        return
    _follow(identity.user, person, role)
    _confirm(identity, timezone.now())


def _confirm(identity: DirectoryIdentity, now: datetime) -> None:
    identity.confirmed_at, identity.withdrawn_at, identity.overdue_at = now, None, None
    identity.save()


@transaction.atomic
def _withdraw(identity: DirectoryIdentity, why: str) -> None:
    """The account is closed until the directory takes the person again; an administrator's withdrawal stays."""
    locked = _locked(Q(pk=identity.pk))
    if locked is None or locked.withdrawn_at is not None:  # somebody else has just done it
        return
    user = locked.user
    locked.verifier, locked.withdrawn_at = "", timezone.now() if user.is_active else None
    locked.save(update_fields=["verifier", "withdrawn_at"])
    if not user.is_active:
        return
    user.is_active = False
    user.sessions_ended += 1
    user.save(update_fields=["is_active", "sessions_ended"])
    lock_all_of(user.pk, SYSTEM, "account withdrawn")
    record(SYSTEM, "user.withdrawn", subject=f"user:{user.pk}", reason=f"directory {identity.directory}: {why}")


@transaction.atomic
def _end_overdue(identity_id: int) -> None:
    identity = _locked(Q(pk=identity_id))
    if identity is None or identity.overdue_at is not None:
        return
    identity.overdue_at, identity.verifier = timezone.now(), ""
    identity.save(update_fields=["overdue_at", "verifier"])
    user = identity.user
    user.sessions_ended += 1
    user.save(update_fields=["sessions_ended"])
    lock_all_of(user.pk, SYSTEM, "sessions ended")
    record(
        SYSTEM, "user.sessions_ended", subject=f"user:{user.pk}",
        reason=f"directory {identity.directory} has not confirmed the account",
    )  # fmt: skip


def _remembered(
    name: LoginName, password: str, silent: list[tuple[Directory, DirectoryUnavailable]], address: str
) -> User | None:
    """Whom a directory that is silent now had taken with this password not long ago, where that may stand in.

    :raises DirectoryUnavailable: it may not, or nobody of this name is remembered
    """
    now = timezone.now()
    for directory, _ in silent:
        identity = (
            DirectoryIdentity.objects.select_related("user")
            .filter(directory=directory.name, login_name=name.name.lower(), withdrawn_at__isnull=True)
            .exclude(verifier="")
            .first()
        )
        if identity is None or not may_stand_in(directory, identity.verified_at, now):
            continue
        if not check_password(password, identity.verifier):
            return None
        record(
            Actor(identity.user.username, user_id=identity.user_id, address=address),
            "user.logged_in_without_directory", subject=f"user:{identity.user_id}", directory=directory.name,
        )  # fmt: skip
        return identity.user
    raise silent[0][1]


def _locked(which: Q) -> DirectoryIdentity | None:
    identity = DirectoryIdentity.objects.select_for_update().filter(which).first()
    if identity is not None:
        identity.user = User.objects.select_for_update().get(pk=identity.user_id)
    return identity
