"""Accounts and groups that an identity system keeps here by SCIM: made, followed, closed (P17).

Only its own: an account that this site has opened, and one of another source, is neither seen nor touched. Nobody logs
in with such an account but by ``scim.login``, which vouches for the name; its groups give the role, and without one it
stays closed. The administrators who count as the last ones are local accounts, which nobody reaches from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.accounts.models import Origin, User
from ris_core.accounts.services import withdrawn_by_directory
from ris_core.audit.services import Actor, record
from ris_core.directories.rules import LoginName, role_of
from ris_core.errors import EditConflict, InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.provisioning.models import ProvisionedAccount, ProvisionedGroup
from ris_core.provisioning.settings import Scim
from ris_core.signatures.locking import lock_all_of

MOST_MEMBERS: Final = 5000
MOST_GROUPS: Final = 500
"""Of one source."""


class NameTaken(TransitionRefused):
    """Another account or group has the name; accounts of this site's own are never taken over."""

    code = "QUANG-1421"


class ProvisioningOff(NotPermitted):
    """The settings do not say by which directory or provider such accounts would log in."""

    code = "QUANG-1422"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the other system says of a person."""

    user_name: str
    full_name: str
    external_id: str = ""
    title: str = ""
    email: str = ""
    department: str = ""
    staff_code: str = ""
    active: bool = True


def refuse_unless_on() -> Scim:
    """:raises ProvisioningOff: ``scim.login`` is empty"""
    scim: Scim = django_settings.QUANG.scim
    if not scim.login:
        raise ProvisioningOff("accounts are not made by SCIM here: scim.login is empty")
    return scim


@transaction.atomic
def make_account(source: str, wanted: Wanted, actor: Actor) -> ProvisionedAccount:
    """Open an account, closed until a group gives it a role; one that was deleted there is the same person's again.

    :raises InvalidValue: ``field`` names what cannot be so
    :raises NameTaken: another account has the name
    """
    scim = refuse_unless_on()
    name = _account_name(wanted.user_name)
    known = User.objects.select_for_update().filter(username__iexact=name).first()
    kept = ProvisionedAccount.objects.filter(user=known, source=source).first() if known else None
    if kept is not None and kept.deleted_at is not None:
        kept.deleted_at = None
        return _follow(kept, wanted, actor)
    if known is not None:
        raise NameTaken("another account has this user name", field="userName")
    user = User(username=name, role=scim.roles[-1].role, is_active=False, origin=Origin.DIRECTORY)
    user.set_unusable_password()
    _take_over(user, wanted)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise NameTaken("another account has this user name", field="userName") from error
    record(actor, "user.created", subject=f"user:{user.pk}", role="", source=source)
    return _follow(ProvisionedAccount(user=user, source=source, version=0), wanted, actor)


@transaction.atomic
def change_account(
    source: str, user_id: int, wanted: Wanted, actor: Actor, version: int | None = None
) -> ProvisionedAccount:
    """Everything that the other system says of a person now; inactive ends their sessions at once.

    :raises NotFound: it has no such account
    :raises NameTaken: another account has the name
    :raises EditConflict: it is not ``version`` any more
    """
    account = _locked(source, user_id)
    _refuse_other(account.version, version)
    name = _account_name(wanted.user_name)
    if User.objects.filter(username__iexact=name).exclude(pk=user_id).exists():
        raise NameTaken("another account has this user name", field="userName")
    return _follow(account, wanted, actor)


@transaction.atomic
def delete_account(source: str, user_id: int, actor: Actor) -> None:
    """The other system knows the person no more: the account is closed, and not seen from there.

    :raises NotFound: it has no such account
    """
    account = _locked(source, user_id)
    account.wanted, account.deleted_at = False, timezone.now()
    account.groups.clear()
    account.save()
    _set_open(account.user, account, actor)


@transaction.atomic
def save_group(
    source: str,
    group_id: int | None,
    display_name: str,
    external_id: str,
    members: Iterable[int],
    actor: Actor,
    version: int | None = None,
) -> ProvisionedGroup:
    """A group as it is now (``group_id`` none: a new one), with the roles of all whom that concerns.

    :param members: keys of accounts
    :raises InvalidValue: a member is no account of this source
    :raises NameTaken: another group has the name
    """
    refuse_unless_on()
    wanted = set(members)
    if not display_name.strip() or len(display_name) > 255 or len(external_id) > 255:
        raise InvalidValue("a group has a name of at most 255 characters", field="displayName")
    accounts = accounts_of(source).filter(user_id__in=wanted) if len(wanted) <= MOST_MEMBERS else None
    if accounts is None or accounts.count() != len(wanted):
        raise InvalidValue(f"members are accounts of this system, at most {MOST_MEMBERS}", field="members")
    same = ProvisionedGroup.objects.filter(source=source, display_name=display_name).exclude(pk=group_id or 0)
    if same.exists():
        raise NameTaken("another group has this name", field="displayName")
    if group_id is None:
        if ProvisionedGroup.objects.filter(source=source).count() >= MOST_GROUPS:
            raise InvalidValue(f"at most {MOST_GROUPS} groups", field="displayName")
        group = ProvisionedGroup(source=source, version=0)
    else:
        group = _locked_group(source, group_id)
        _refuse_other(group.version, version)
    group.display_name, group.external_id = display_name, external_id
    group.version += 1
    group.save()
    before = set(group.members.values_list("user_id", flat=True))
    group.members.set(accounts)
    record(
        actor, "group.changed" if group_id else "group.created", subject=f"group:{group.pk}",
        added=sorted(wanted - before)[:100], removed=sorted(before - wanted)[:100],
    )  # fmt: skip
    concerned = before | wanted if group_id else wanted
    _roles_anew(source, concerned, actor)
    return group


@transaction.atomic
def delete_group(source: str, group_id: int, actor: Actor) -> None:
    """The group is gone, and the role of whoever had it by it.

    :raises NotFound: there is none
    """
    group = _locked_group(source, group_id)
    members = set(group.members.values_list("user_id", flat=True))
    record(actor, "group.deleted", subject=f"group:{group.pk}")
    group.delete()
    _roles_anew(source, members, actor)


def role_at_login(account: ProvisionedAccount) -> str | None:
    """The role with which the other system lets the person in now; none: it does not."""
    return _role_by_groups(account) if account.wanted and account.deleted_at is None else None


def _role_by_groups(account: ProvisionedAccount) -> str | None:
    """The role that the account's groups give; none: no access."""
    scim: Scim = django_settings.QUANG.scim
    names = account.groups.values_list("display_name", "external_id") if account.pk else []
    return role_of({name for both in names for name in both if name}, scim.roles)


def _follow(account: ProvisionedAccount, wanted: Wanted, actor: Actor) -> ProvisionedAccount:
    user = account.user
    before = {name: getattr(user, name) for name in _FIELDS}
    user.username = _account_name(wanted.user_name)
    _take_over(user, wanted)
    changed = sorted(name for name in _FIELDS if getattr(user, name) != before[name])
    if user.pk and changed:
        user.save(update_fields=changed)
        if account.version:
            record(actor, "user.changed", subject=f"user:{user.pk}", fields=changed, role=user.role)
    account.user_name, account.external_id = wanted.user_name.strip(), wanted.external_id
    account.wanted = wanted.active
    account.version += 1
    account.save()
    _set_open(user, account, actor)
    return account


def _roles_anew(source: str, users: Iterable[int], actor: Actor) -> None:
    for user_id in sorted(users):
        account = _locked(source, user_id)
        _set_open(account.user, account, actor)


def _set_open(user: User, account: ProvisionedAccount, actor: Actor) -> None:
    """Role and state as groups and the other system say; less than before ends sessions and locks keys. Who was closed
    otherwise, by an administrator or where they log in, stays closed until they are opened there."""
    role = _role_by_groups(account)
    is_let_in, was_open, before = account.wanted and role is not None, user.is_active, user.role
    closed_otherwise = account.opened and not was_open
    is_open = is_let_in and not closed_otherwise and not withdrawn_by_directory(user)
    account.opened = closed_otherwise or is_let_in
    account.save(update_fields=["opened"])
    user.role, user.is_active = role or before, is_open
    if (was_open and not is_open) or before != user.role:
        user.sessions_ended += 1
        lock_all_of(user.pk, actor, "another role" if is_open else "account withdrawn")
    user.save(update_fields=["role", "is_active", "sessions_ended"])
    if before != user.role:
        record(actor, "user.changed", subject=f"user:{user.pk}", fields=["role"], role=user.role)
    if was_open != is_open:
        why = f"{account.source}: {'' if account.wanted else 'closed there'}{'' if role else 'no group with a role'}"
        record(actor, "user.restored" if is_open else "user.withdrawn", subject=f"user:{user.pk}", reason=why)


_FIELDS: Final = ("username", "full_name", "title", "email", "department", "staff_code")


def _take_over(user: User, wanted: Wanted) -> None:
    """:raises InvalidValue: a value cannot be so"""
    user.full_name = " ".join(wanted.full_name.split()) or user.username
    user.title, user.email = wanted.title.strip(), wanted.email.strip()
    user.department, user.staff_code = wanted.department.strip(), wanted.staff_code.strip()
    if len(wanted.external_id) > 255 or len(wanted.user_name) > 128:
        raise InvalidValue("at most 255 characters, a user name 128", field="externalId")
    try:
        user.full_clean(exclude=["password", "role"], validate_unique=False)
    except ValidationError as error:
        field, said = next(iter(error.message_dict.items()))
        raise InvalidValue(" ".join(said), field=field) from error


def _account_name(user_name: str) -> str:
    parsed = LoginName.parse(user_name)
    name = parsed.account if parsed else None
    if name is None:
        raise InvalidValue(
            "a user name has 3 to 64 letters, digits, dots, hyphens or underscores, and a domain if need be",
            field="userName",
        )
    return name


def accounts_of(source: str) -> QuerySet[ProvisionedAccount]:
    """Those that the source has and has not deleted."""
    return ProvisionedAccount.objects.filter(source=source, deleted_at__isnull=True)


def _locked(source: str, user_id: int) -> ProvisionedAccount:
    user = User.objects.select_for_update().filter(pk=user_id).first()
    account = accounts_of(source).filter(user=user).first() if user else None
    if user is None or account is None:
        raise NotFound("there is no such account", field="id")
    account.user = user
    return account


def _locked_group(source: str, group_id: int) -> ProvisionedGroup:
    group = ProvisionedGroup.objects.select_for_update().filter(source=source, pk=group_id).first()
    if group is None:
        raise NotFound("there is no such group", field="id")
    return group


def _refuse_other(present: int, seen: int | None) -> None:
    if seen is not None and seen != present:
        raise EditConflict("it was changed meanwhile", field="If-Match")
