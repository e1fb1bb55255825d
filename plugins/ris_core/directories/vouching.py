"""Whom somebody else vouches for, a directory or an OpenID provider, has an account here that follows what they say.

Each is told by its name in the settings, and a person by what stays when they are renamed; never by name or e-mail, so
that nobody answers for another's account or a local one (ADR 30).
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ris_core.accounts.models import Origin, User
from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.directories.errors import DirectoryRefused
from ris_core.directories.models import DirectoryIdentity
from ris_core.directories.rules import LoginName, Person, is_overdue
from ris_core.provisioning.models import ProvisionedAccount
from ris_core.provisioning.services import role_at_login
from ris_core.signatures.locking import lock_all_of


class _NameNotFree(DirectoryRefused):
    """Another account has the name, or no account can."""


def admit(source: str, person: Person, role: str | None, actor: Actor, verifier: str = "") -> User:
    """The account of whom ``source`` has just vouched for, opened or brought up to date.

    :param role: what their groups give them here; none: nothing, and they do not come in
    :param verifier: hash of the password that was taken, where it may stand in during an outage
    :raises DirectoryRefused: they are who they say, and may not come in
    """
    kept = _kept_elsewhere(source, person)
    role = role_at_login(kept) if kept else role
    if not person.enabled or role is None:
        why = "no group with a role" if person.enabled else "closed in the directory"
        known = DirectoryIdentity.objects.filter(directory=source, subject=person.subject).first()
        if known is not None and known.withdrawn_at is None:
            withdraw(known, why)
        record(actor, "user.directory_refused", success=False, directory=source, why=why)
        raise DirectoryRefused(f"the directory knows this person: {why}", field="username")
    try:
        try:
            return _account(source, person, role, verifier)
        except IntegrityError:  # their first login, twice at once: the other one has made the account
            return _account(source, person, role, verifier)
    except _NameNotFree:  # outside the transaction, which leaves nothing
        record(
            actor, "user.directory_refused", success=False, directory=source, why="name is not free",
            login_name=person.name[:64],
        )  # fmt: skip
        raise


@transaction.atomic
def _account(source: str, person: Person, role: str, verifier: str) -> User:
    """:raises DirectoryRefused: an administrator withdrew the account, or it cannot be named here"""
    now = timezone.now()
    identity = _locked(Q(directory=source, subject=person.subject))
    kept = _kept_elsewhere(source, person)
    if kept is not None and role_at_login(kept) is None:
        raise DirectoryRefused("the identity system has just closed this account", field="username")
    if identity is None:
        user = User.objects.select_for_update().get(pk=kept.user_id) if kept else _opened(source, person, role)
        identity = DirectoryIdentity(user=user, directory=source, subject=person.subject)
    user = identity.user
    if not user.is_active and identity.withdrawn_at is None:
        raise DirectoryRefused("an administrator has withdrawn this account", field="username")
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        record(SYSTEM, "user.restored", subject=f"user:{user.pk}", reason=f"directory {source}")
    if kept is None:
        _follow(user, person, role)
    identity.login_name = person.name.lower()[:64]
    identity.verifier = verifier
    identity.verified_at = now
    _confirm(identity, now)
    return user


def _opened(source: str, person: Person, role: str) -> User:
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
    record(SYSTEM, "user.created", subject=f"user:{user.pk}", role=role, directory=source)
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
def bring_up_to_date(source: str, subject: str, person: Person | None, role: str | None) -> None:
    """What ``source`` says now of somebody who has an account by it: who has left (``person`` none), or has no role any
    more, loses it."""
    identity = _locked(Q(directory=source, subject=subject))
    if identity is None or identity.withdrawn_at is not None:
        return
    kept = _kept_elsewhere(source, person) if person else None
    role = role_at_login(kept) if kept else role
    if person is None or not person.enabled or role is None:
        withdraw(identity, "no group with a role" if person and person.enabled else "closed in the directory")
        return
    if kept is None:
        _follow(identity.user, person, role)
    _confirm(identity, timezone.now())


def _kept_elsewhere(source: str, person: Person) -> ProvisionedAccount | None:
    """The person's account that an identity system made, whose people log in by ``source``: that system says what
    they are called and may, ``source`` that it is them."""
    if settings.QUANG.scim.login != source:
        return None
    mine = ProvisionedAccount.objects.filter(source__startswith="scim:")
    identity = DirectoryIdentity.objects.filter(directory=source, subject=person.subject).first()
    if identity is not None:
        return mine.filter(user_id=identity.user_id).first()
    named = mine.filter(user__username=LoginName(person.name).account, user__directory_identity__isnull=True).first()
    return named if named and _is_called(named.user_name, person) else None


def _is_called(user_name: str, person: Person) -> bool:
    """Whether this is the person's name to the letter: names of accounts read alike that are not, ``bs.lan`` and
    ``bs-lan``. A domain counts where both write one."""
    known = LoginName.parse(user_name)
    if known is None or known.name.lower() != person.name.lower():
        return False
    return not known.domain or not person.domain or known.domain == person.domain


def end_unconfirmed(source: str, unconfirmed_minutes: int) -> None:
    """Sessions end of those whom ``source`` has not vouched for again for so long."""
    now = timezone.now()
    identities = DirectoryIdentity.objects.filter(directory=source, withdrawn_at__isnull=True, overdue_at__isnull=True)
    for identity in identities:
        if is_overdue(unconfirmed_minutes, identity.confirmed_at, now):
            _end_overdue(identity.pk)


def _confirm(identity: DirectoryIdentity, now: datetime) -> None:
    identity.confirmed_at, identity.withdrawn_at, identity.overdue_at = now, None, None
    identity.save()


@transaction.atomic
def withdraw(identity: DirectoryIdentity, why: str) -> None:
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


def _locked(which: Q) -> DirectoryIdentity | None:
    identity = DirectoryIdentity.objects.select_for_update().filter(which).first()
    if identity is not None:
        identity.user = User.objects.select_for_update().get(pk=identity.user_id)
    return identity
