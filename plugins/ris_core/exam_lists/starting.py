"""With which list somebody's day begins: their own choice, else their role's, else what comes with the system (R1)."""

from __future__ import annotations

from django.db import transaction

from ris_core.accounts.models import User
from ris_core.accounts.roles import roles_in_force
from ris_core.audit.services import Actor, record
from ris_core.errors import NotFound, NotPermitted
from ris_core.exam_lists.models import StartList


def start_of(user: User) -> dict[str, str] | None:
    """What the worklist's address says of it; none: neither the user nor anybody for their role has chosen."""
    rows = StartList.objects.filter(user_id=user.pk) | StartList.objects.filter(role=user.role).exclude(role="")
    found = {row.user_id is not None: row.parameters for row in rows}
    return found.get(True, found.get(False))


def has_own_start(user: User) -> bool:
    """Whether the user has chosen for themselves."""
    return StartList.objects.filter(user_id=user.pk).exists()


@transaction.atomic
def choose_start(parameters: dict[str, str] | None, actor: Actor) -> None:
    """The actor begins with this list; none: as their role does.

    :raises NotPermitted: the actor is no user
    """
    if actor.user_id is None:
        raise NotPermitted("only users begin with a list", field="user")
    if parameters is None:
        StartList.objects.filter(user_id=actor.user_id).delete()
    else:
        StartList.objects.update_or_create(user_id=actor.user_id, defaults={"parameters": parameters})


@transaction.atomic
def set_start_of_role(role: str, parameters: dict[str, str] | None, actor: Actor) -> None:
    """Who has ``role`` and has chosen nothing begins with this list; none: with what comes with the system.

    :raises NotFound: there is no such role
    """
    if role not in roles_in_force():
        raise NotFound("there is no such role", field="role")
    if parameters is None:
        StartList.objects.filter(role=role).delete()
    else:
        StartList.objects.update_or_create(role=role, defaults={"parameters": parameters})
    # by what it is narrowed, not to what: a filter may hold a patient's name
    record(actor, "list.start_set", subject=f"role:{role}", list=None if parameters is None else sorted(parameters))
