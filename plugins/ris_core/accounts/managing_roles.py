"""Roles made, copied, changed, withdrawn and given back by an administrator (P17, Q6).

One transaction each, with its audit event. Who calls decides whether the actor may manage roles at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction

from ris_core.accounts.administrators import lock_administrators, refuse_without_administrator
from ris_core.accounts.models import SiteRole, User
from ris_core.accounts.roles import RoleInForce, forget, functions_of, may, roles_in_force, roles_with
from ris_core.accounts.rules import READY_ROLES, Function, gives_oneself
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.names import folded
from ris_core.signatures.locking import lock_all_of

LONGEST_NAME = 64
MOST_ROLES = 100


class GivesOneself(NotPermitted):
    """Somebody would give clinical functions to themselves; another administrator does it."""

    code = "QUANG-6009"


@transaction.atomic
def create_role(name: str, functions: Iterable[str], actor: Actor, *, own_only: bool = False) -> SiteRole:
    """A role of this site's own; its code is made of its name and stays.

    :raises InvalidValue: field ``name``: empty, too long or another role's; field ``functions``: none, or unknown ones
    """
    lock_administrators()
    if SiteRole.objects.count() >= MOST_ROLES:
        raise InvalidValue(f"a site has at most {MOST_ROLES} roles of its own", field="name")
    wanted = _functions(functions)
    values = {"name": _name(name), "functions": sorted(wanted), "own_only": own_only}
    role = SiteRole.objects.create(code=_free_code(name), **values)
    forget()
    record(actor, "role.created", subject=f"role:{role.code}", name=role.name, functions=role.functions)
    return role


@transaction.atomic
def change_role(
    code: str, name: str, functions: Iterable[str], actor: Actor, *, own_only: bool | None = None
) -> RoleInForce:
    """Say what a role may do from now on; who has it may it, or no longer, a second later.

    :param own_only: None: as it is
    :raises GivesOneself: the actor has the role and would gain clinical functions, and the site wants a second person
    :raises InvalidValue: as :func:`create_role`
    :raises NotFound: there is no such role
    :raises TransitionRefused: nobody could manage accounts any more
    """
    lock_administrators()
    before, wanted = _known(code), _functions(functions)
    said = _name(name, of=code) if name.strip() or not before.is_ready else ""
    _refuse_giving_oneself(code, before.functions, wanted, actor)
    own_only = before.own_only if own_only is None else own_only
    _save(code, said, wanted, active=before.active, own_only=own_only)
    taken, given = before.functions - wanted, wanted - before.functions
    _lock_keys(code, taken, actor)
    record(
        actor, "role.changed", subject=f"role:{code}", name=said, given=sorted(given), taken=sorted(taken), own=own_only
    )
    return roles_in_force()[code]


@transaction.atomic
def withdraw_role(code: str, actor: Actor) -> RoleInForce:
    """No account gets it any more.

    :raises NotFound: there is no such role
    :raises TransitionRefused: it is withdrawn already, or an account that is in use has it
    """
    lock_administrators()
    role = _known(code)
    if not role.active:
        raise TransitionRefused("the role has been withdrawn already", field="role")
    if User.objects.filter(role=code, is_active=True).exists():
        raise TransitionRefused("accounts have this role; give them another first", field="role")
    _save(code, role.name, role.functions, active=False, own_only=role.own_only)
    record(actor, "role.withdrawn", subject=f"role:{code}")
    return roles_in_force()[code]


@transaction.atomic
def restore_role(code: str, actor: Actor) -> RoleInForce:
    """Give a withdrawn role back as it was.

    :raises NotFound: there is no such role
    :raises TransitionRefused: it is in use
    """
    role = _known(code)
    if role.active:
        raise TransitionRefused("the role is in use", field="role")
    _save(code, role.name, role.functions, active=True, own_only=role.own_only)
    record(actor, "role.restored", subject=f"role:{code}")
    return roles_in_force()[code]


def refuse_giving_oneself(before: str, after: str, actor: Actor, user_id: int) -> None:
    """That an administrator takes a role with clinical functions which the one they have lacks.

    :raises GivesOneself: where the site wants a second person for that
    """
    gained = gives_oneself(functions_of(before), functions_of(after))
    if settings.QUANG.access.second_administrator and actor.user_id == user_id and gained:
        raise GivesOneself("another administrator gives you clinical functions", field="role")


def _refuse_giving_oneself(code: str, before: frozenset[Function], after: frozenset[Function], actor: Actor) -> None:
    own = actor.user_id is not None and User.objects.filter(pk=actor.user_id, role=code).exists()
    if settings.QUANG.access.second_administrator and own and gives_oneself(before, after):
        raise GivesOneself("another administrator gives you clinical functions", field="functions")


def _save(code: str, name: str, functions: frozenset[Function], *, active: bool, own_only: bool) -> None:
    """:raises TransitionRefused: nobody could manage accounts any more"""
    manages = active and Function.MANAGE_ACCOUNTS in functions
    others = set(roles_with(Function.MANAGE_ACCOUNTS)) - {code}
    if not manages and may(code, Function.MANAGE_ACCOUNTS):
        refuse_without_administrator(others)
    values = {"name": name, "functions": sorted(functions), "active": active, "own_only": own_only}
    SiteRole.objects.update_or_create(code=code, defaults=values)
    forget()


def _lock_keys(code: str, taken: frozenset[Function], actor: Actor) -> None:
    if Function.SIGN_REPORT in taken:
        for user_id in User.objects.filter(role=code).values_list("pk", flat=True):
            lock_all_of(user_id, actor, "the role may sign no more")


def _known(code: str) -> RoleInForce:
    role = roles_in_force().get(code)
    if role is None:
        raise NotFound("there is no such role", field="role")
    return role


def _functions(values: Iterable[str]) -> frozenset[Function]:
    wanted = set(values)
    if not wanted or not wanted <= set(Function):
        raise InvalidValue("a role has at least one function, and only functions that there are", field="functions")
    return frozenset(map(Function, wanted))


def _name(text: str, of: str = "") -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME or any(ord(character) < 32 for character in name):
        raise InvalidValue(f"a role has a name of at most {LONGEST_NAME} characters", field="name")
    others = (role for role in roles_in_force().values() if role.code != of)
    if any(folded(role.name) == folded(name) for role in others):
        raise InvalidValue("another role has this name", field="name")
    return name


def _free_code(name: str) -> str:
    """Letters and digits of the name, with a number where somebody has them."""
    stem = re.sub(r"[^A-Z0-9]+", "_", folded(_name(name)).upper()).strip("_")[:12] or "ROLE"
    taken = {*READY_ROLES, *SiteRole.objects.values_list("code", flat=True)}
    return next(code for number in range(1, 1000) if (code := _numbered(stem, number)) not in taken)


def _numbered(stem: str, number: int) -> str:
    return stem if number == 1 and len(stem) > 1 else f"{stem}_{number}"
