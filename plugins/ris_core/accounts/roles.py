"""Which roles there are here and what each may do: the ready set, with what this site has made of it (P17, Q6).

Asked many times a request, so what the database says is kept for a second in each process: a function that is taken
away is refused everywhere a second later, in the process that took it away at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ris_core.accounts.models import SiteRole
from ris_core.accounts.rules import OWN_ONLY, READY_ROLES, Function

KEPT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class RoleInForce:
    """A role as it is now."""

    code: str
    functions: frozenset[Function]
    name: str = ""
    """As this site calls it; empty: the ready set's own word."""
    active: bool = True
    own_only: bool = False
    """Who has it sees only released exams whose order names them by their number."""

    @property
    def is_ready(self) -> bool:
        """It came with the system."""
        return self.code in READY_ROLES

    @property
    def is_changed(self) -> bool:
        """It came with the system and may something else by now."""
        as_it_came = (READY_ROLES.get(self.code), self.code in OWN_ONLY)
        return self.is_ready and (self.functions, self.own_only) != as_it_came


class _Kept:
    """What was read a moment ago; one assignment replaces it, so that any number of threads may ask."""

    def __init__(self) -> None:
        self._until, self._roles = 0.0, dict[str, RoleInForce]()

    def get(self) -> Mapping[str, RoleInForce]:
        if self._until < time.monotonic():
            self._roles = _read()
            self._until = time.monotonic() + KEPT_SECONDS
        return self._roles

    def forget(self) -> None:
        self._until = 0.0


_kept = _Kept()


def roles_in_force() -> Mapping[str, RoleInForce]:
    """Every role by its code, withdrawn ones too: the ready set first, then the site's own by name."""
    return _kept.get()


def may(role: str, function: Function) -> bool:
    """Whether ``role`` has ``function``; an unknown or withdrawn role may nothing."""
    return function in functions_of(role)


def functions_of(role: str) -> frozenset[Function]:
    """What ``role`` may do now."""
    known = roles_in_force().get(role)
    return known.functions if known and known.active else frozenset()


def roles_with(function: Function) -> list[str]:
    """The codes of the roles that have ``function`` now."""
    return [role.code for role in roles_in_force().values() if role.active and function in role.functions]


def sees_own_only(role: str) -> bool:
    """Whether who has ``role`` sees only released exams whose order names them."""
    known = roles_in_force().get(role)
    return known is None or known.own_only


def forget() -> None:
    """Read anew at the next question: the roles have just been changed."""
    _kept.forget()


def _read() -> dict[str, RoleInForce]:
    roles = {code: RoleInForce(code, functions, own_only=code in OWN_ONLY) for code, functions in READY_ROLES.items()}
    for row in SiteRole.objects.order_by("name", "code"):
        functions = frozenset(function for function in Function if function in row.functions)
        roles[row.code] = RoleInForce(row.code, functions, row.name, row.active, row.own_only)
    return roles
