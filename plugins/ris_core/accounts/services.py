"""Accounts: opened, changed, withdrawn; passwords changed, reset and due for renewal (Q1, Q6).

One transaction each, with its audit event. Who calls decides whether the actor may.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from ris_core.accounts.administrators import lock_administrators, refuse_without_administrator
from ris_core.accounts.managing_roles import refuse_giving_oneself
from ris_core.accounts.models import FormerPassword, Origin, User
from ris_core.accounts.passwords import random_password
from ris_core.accounts.roles import may, roles_in_force
from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, record
from ris_core.directories.models import DirectoryIdentity
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.signatures.locking import lock_all_of

FORMER_PASSWORDS_KEPT = 24
"""Hashes kept of one user, so that a stricter rule finds them; older ones are forgotten."""
PASSWORD_DAYS = (30, 60, 90)
"""The periods of renewal that an account may have of its own (Q1)."""
OF_THE_DIRECTORY = ("full_name", "department", "email", "role")
"""What a directory says of its people; it is changed there."""


MOST_WRONG = 5
TRIED_WITHIN = timedelta(minutes=15)


class TriedTooOften(NotPermitted):
    """Too many wrong passwords; later again."""

    code = "QUANG-1009"


@dataclass(frozen=True, slots=True)
class Account:
    """What an administrator says of an account."""

    username: str
    full_name: str
    role: str
    title: str = ""
    department: str = ""
    email: str = ""
    staff_code: str = ""
    expires_at: datetime | None = None
    password_days: int | None = None


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """A random password with its hash, which takes a tenth of a second to make."""

    plain: str
    encoded: str

    @classmethod
    def made(cls) -> FirstPassword:
        plain = random_password()
        return cls(plain, make_password(plain))


@transaction.atomic
def open_account(account: Account, actor: Actor, first: FirstPassword | None = None) -> tuple[User, str]:
    """A new account and its first password, which is kept nowhere and must be changed at the first login.

    :param first: made before, by who opens many
    :raises InvalidValue: ``field`` names what cannot be so; a name that somebody has, whatever its case, is one
    """
    first = first or FirstPassword.made()
    user = User(**asdict(account), must_change_password=True, password=first.encoded)
    _check(user)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise InvalidValue("somebody has this user name", field="username") from error
    record(actor, "user.created", subject=f"user:{user.pk}", role=user.role)
    return user, first.plain


def check_account(account: Account) -> None:
    """Whether an account could be opened so.

    :raises InvalidValue: ``field`` names what cannot be so
    """
    _check(User(**asdict(account)))


@transaction.atomic
def change_account(user_id: int, account: Account, actor: Actor) -> User:
    """Change what an administrator decides; the user name stays, and what a directory says of its people. Another
    role ends the user's sessions and locks their keys.

    :raises InvalidValue: ``field`` names what cannot be so
    :raises GivesOneself: the actor's own account would gain clinical functions, and the site wants a second person
    :raises NotFound: there is no such account
    :raises TransitionRefused: the last administrator would be none any more
    """
    lock_administrators()
    user = _locked(user_id)
    before = {name: getattr(user, name) for name in asdict(account)}
    wanted = {**asdict(account), "username": user.username}
    if user.origin != Origin.LOCAL:
        wanted |= {name: before[name] for name in OF_THE_DIRECTORY}
    for name, value in wanted.items():
        setattr(user, name, value)
    _check(user, role_before=before["role"])
    refuse_giving_oneself(before["role"], user.role, actor, user_id)
    if before["role"] != user.role:
        user.sessions_ended += 1
    changed = sorted(name for name, value in wanted.items() if before[name] != value)
    if changed:
        user.save()
        if before["role"] != user.role:
            lock_all_of(user.pk, actor, "another role")
        if may(before["role"], Function.MANAGE_ACCOUNTS) and user.origin == Origin.LOCAL:
            refuse_without_administrator(lasting=before["expires_at"] is None)
        record(actor, "user.changed", subject=f"user:{user.pk}", fields=changed, role=user.role)
    return user


@transaction.atomic
def withdraw_account(user_id: int, reason: str, actor: Actor) -> User:
    """Nobody logs in with it any more, and who is logged in is not any longer; keys of theirs sign no more.

    :raises InvalidValue: no reason
    :raises NotFound: there is no such account
    :raises TransitionRefused: it is withdrawn already, one's own, or the last administrator's
    """
    if not reason.strip():
        raise InvalidValue("say why the account is withdrawn", field="reason")
    lock_administrators()
    user = _locked(user_id)
    if user.pk == actor.user_id:
        raise TransitionRefused("one's own account is withdrawn by another administrator", field="user")
    if not user.is_active:
        raise TransitionRefused("the account has been withdrawn already", field="user")
    user.is_active = False
    user.sessions_ended += 1
    user.save(update_fields=["is_active", "sessions_ended"])
    if may(user.role, Function.MANAGE_ACCOUNTS) and user.origin == Origin.LOCAL:
        refuse_without_administrator(lasting=user.expires_at is None)
    lock_all_of(user.pk, actor, "account withdrawn")
    record(actor, "user.withdrawn", subject=f"user:{user.pk}", reason=reason.strip()[:255])
    return user


@transaction.atomic
def restore_account(user_id: int, actor: Actor) -> tuple[User, str]:
    """Give a withdrawn account back, with a new first password; one of a directory has none, and needs the
    directory's yes to be used.

    :returns: the account and its first password; empty for an account of a directory
    :raises NotFound: there is no such account
    :raises TransitionRefused: it is not withdrawn, or its directory withdrew it
    """
    user = _locked(user_id)
    if user.is_active:
        raise TransitionRefused("the account is in use", field="user")
    if withdrawn_by_directory(user):
        raise TransitionRefused("the directory closed the account: it is opened again there", field="user")
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(actor, "user.restored", subject=f"user:{user.pk}")
    return user, _give_first_password(user) if user.origin == Origin.LOCAL else ""


@transaction.atomic
def reset_password(user_id: int, actor: Actor) -> tuple[User, str]:
    """A new first password, to be changed at the next login; sessions with the former one are over, keys are locked:
    whoever gets the password signs nothing without their PIN.

    :raises NotFound: there is no such account
    :raises TransitionRefused: it has been withdrawn, or its password is a directory's
    """
    user = _locked(user_id)
    if not user.is_active:
        raise TransitionRefused("the account has been withdrawn", field="user")
    if user.origin != Origin.LOCAL:
        raise TransitionRefused("the password is kept by the directory, and is changed there", field="user")
    lock_all_of(user.pk, actor, "password reset")
    record(actor, "user.password_reset", subject=f"user:{user.pk}")
    return user, _give_first_password(user)


def change_own_password(user_id: int, present: str, wanted: str, actor: Actor) -> User:
    """The user's own choice; every other session of theirs is over.

    :raises InvalidValue: field ``present``: it is another; field ``wanted``: what the password lacks
    :raises TriedTooOften: five others were typed within 15 minutes: whoever sits before somebody's session does not
        find out their password
    :raises TransitionRefused: the password is a directory's
    """
    wrong = AuditEvent.objects.filter(subject=f"user:{user_id}", action="user.password_change_failed")
    if wrong.filter(at__gt=timezone.now() - TRIED_WITHIN).count() >= MOST_WRONG:
        raise TriedTooOften("too many wrong passwords were typed", field="present")
    with transaction.atomic():
        user = _locked(user_id)
        if user.origin != Origin.LOCAL:
            raise TransitionRefused("the password is kept by the directory, and is changed there", field="user")
        if user.check_password(present):
            try:
                validate_password(wanted, user)
            except ValidationError as error:
                raise InvalidValue(" ".join(error.messages), field="wanted") from error
            _replace_password(user, wanted, must_change=False)
            record(actor, "user.password_changed", subject=f"user:{user.pk}")
            return user
    record(actor, "user.password_change_failed", subject=f"user:{user_id}", success=False)
    raise InvalidValue("the present password is another", field="present")


@transaction.atomic
def end_sessions(user_id: int, actor: Actor) -> User:
    """Log the user out everywhere, and lock their keys as at every logout.

    :raises NotFound: there is no such account
    """
    user = _locked(user_id)
    user.sessions_ended += 1
    user.save(update_fields=["sessions_ended"])
    lock_all_of(user.pk, actor, "sessions ended")
    record(actor, "user.sessions_ended", subject=f"user:{user.pk}")
    return user


def withdrawn_by_directory(user: User) -> bool:
    """Whether it is closed because its directory says so."""
    return DirectoryIdentity.objects.filter(user=user, withdrawn_at__isnull=False).exists()


def must_renew_password(user: User, now: datetime) -> bool:
    """Whether the password is changed before anything else: somebody else chose it, or it is too old."""
    if user.must_change_password:
        return True
    due = password_due_at(user)
    return due is not None and due <= now


def password_due_at(user: User) -> datetime | None:
    """From when on the password must be renewed; none: never, or as a directory says."""
    if user.origin != Origin.LOCAL:
        return None
    days = settings.QUANG.access.password_days if user.password_days is None else user.password_days
    return (user.password_changed_at or user.created_at) + timedelta(days=days) if days else None


def _give_first_password(user: User) -> str:
    password = random_password()
    _replace_password(user, password, must_change=True)
    return password


def _replace_password(user: User, password: str, *, must_change: bool) -> None:
    now = timezone.now()
    FormerPassword.objects.create(user=user, encoded=user.password, replaced_at=now)
    kept = FormerPassword.objects.filter(user=user).order_by("-replaced_at", "-pk").values_list("pk", flat=True)
    FormerPassword.objects.filter(pk__in=list(kept[FORMER_PASSWORDS_KEPT:])).delete()
    user.set_password(password)
    user.must_change_password = must_change
    user.password_changed_at = now
    user.save(update_fields=["password", "must_change_password", "password_changed_at"])


def _locked(user_id: int) -> User:
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound("there is no such account", field="user")
    return user


def _check(user: User, role_before: str = "") -> None:
    role = roles_in_force().get(user.role)
    if user.role != role_before and (role is None or not role.active):
        raise InvalidValue("there is no such role", field="role")
    if user.password_days not in (None, *PASSWORD_DAYS):
        raise InvalidValue("passwords are renewed after 30, 60 or 90 days", field="password_days")
    try:
        user.full_clean(exclude=["password"], validate_unique=False)
    except ValidationError as error:
        field, said = next(iter(error.message_dict.items()))
        raise InvalidValue(" ".join(said), field=field) from error
    if User.objects.filter(username__iexact=user.username).exclude(pk=user.pk).exists():
        raise InvalidValue("somebody has this user name", field="username")
