"""Logging in by a directory: people get an account at their first login, and every login brings it up to date (P4)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.conf import settings as django_settings
from django.contrib.auth.hashers import check_password, make_password
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.accounts.models import Origin, User
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.directories.connections import LdapDirectory, OpenDirectory
from ris_core.directories.errors import DirectoryUnavailable, NameUnknown, PasswordRefused
from ris_core.directories.models import DirectoryIdentity
from ris_core.directories.rules import LoginName, directories_for, may_stand_in, normal_dn, role_of
from ris_core.directories.settings import Directory
from ris_core.directories.vouching import admit, bring_up_to_date, end_unconfirmed, withdraw
from ris_core.settings import Settings

log = logging.getLogger(__name__)

Opening = Callable[[Directory, Settings], OpenDirectory]
LONGEST_PASSWORD = 256
MOST_AT_ONCE = 2
"""Logins that ask a directory at a time, in each process: one that does not answer holds up no other pages."""
LONGEST_WAIT_SECONDS = 1.0
"""For one of them to be over."""
_asking = threading.BoundedSemaphore(MOST_AT_ONCE)


def sign_in(
    typed: str,
    password: str,
    address: str = "",
    opening: Opening = LdapDirectory.from_settings,
    *,
    of: str = "",
) -> User | None:
    """The account of whoever a directory knows by this name and password; none: no directory does.

    A name of a local account is never asked about, so that nobody's local password reaches a directory and no
    directory answers for a local account. The first directory that knows the name decides.

    :param of: the only directory to be asked, of whom it is known whose account they have; empty: any
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
        return _asked(name, password, address, opening, of)
    finally:
        _asking.release()


def _asked(name: LoginName, password: str, address: str, opening: Opening, of: str) -> User | None:
    settings: Settings = django_settings.QUANG
    silent: list[tuple[Directory, DirectoryUnavailable]] = []
    for directory in directories_for(name, settings.directories):
        if of not in ("", directory.name):
            continue
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
        verifier = make_password(password) if directory.outage == "cached" else ""
        actor = Actor(name.name, address=address, kind=ActorKind.ANYBODY)
        return admit(directory.name, person, role_of(person.groups, directory.roles, normal_dn), actor, verifier)
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
                role = role_of(person.groups, directory.roles, normal_dn) if person else None
                bring_up_to_date(directory.name, subject, person, role)
        except DirectoryUnavailable as error:
            log.warning("nobody of directory %s is confirmed: %s", directory.name, error.detail)
    end_unconfirmed(directory.name, directory.unconfirmed_minutes)
    for identity in identities.exclude(verifier=""):
        if not may_stand_in(directory, identity.verified_at, now):
            identities.filter(pk=identity.pk, verified_at=identity.verified_at).update(verifier="")


def look_up_all_again(_subject_id: str) -> None:
    """The duty ``look_up_directories``."""
    settings: Settings = django_settings.QUANG
    for directory in settings.directories:
        look_up_again(directory)
    for provider in settings.openid:
        end_unconfirmed(provider.name, provider.unconfirmed_minutes)
    for identity in _of_no_directory(settings):
        withdraw(identity, "directory is not in the settings any more")


def seconds_between_look_ups(settings: Settings) -> float:
    """How often :func:`look_up_all_again` runs."""
    return min((60 * directory.recheck_minutes for directory in settings.directories), default=300.0)


def _of_no_directory(settings: Settings) -> QuerySet[DirectoryIdentity]:
    names = [one.name for one in settings.directories] + [one.name for one in settings.openid]
    return DirectoryIdentity.objects.filter(withdrawn_at__isnull=True).exclude(directory__in=names)


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
