"""Who can open accounts and say what roles may do: there is always somebody."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.accounts.models import Origin, User
from ris_core.accounts.roles import forget, roles_with
from ris_core.accounts.rules import Function
from ris_core.errors import TransitionRefused


def lock_administrators() -> None:
    """Of two who would each leave the other as the last, one waits, and then reads what the other has made of the
    roles: what was kept from before might still count on it."""
    list(_administrators(roles_with(Function.MANAGE_ACCOUNTS)).select_for_update().order_by("pk"))
    forget()


def refuse_without_administrator(roles: Collection[str] | None = None, *, lasting: bool | None = None) -> None:
    """:param roles: those that will have the function; None: as they have it now
    :param lasting: an account that does not expire must be left; None: if there is one now
    :raises TransitionRefused: nobody could open an account any more, now or when the last account expires
    """
    now = roles_with(Function.MANAGE_ACCOUNTS)
    never = Q(expires_at__isnull=True)
    if lasting is None:
        lasting = _administrators(now).filter(never).exists()
    left = _administrators(now if roles is None else roles)
    if not left.filter(never if lasting else never | Q(expires_at__gt=timezone.now())).exists():
        raise TransitionRefused("the last administrator stays one", field="role")


def _administrators(roles: Collection[str]) -> QuerySet[User]:
    """Those of a directory do not count: when it is down somebody must still get in."""
    return User.objects.filter(role__in=list(roles), is_active=True, origin=Origin.LOCAL)
