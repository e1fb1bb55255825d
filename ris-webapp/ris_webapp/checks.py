"""What ``manage.py check`` says of the web app."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from ris_core.accounts.models import SiteRole, User
from ris_core.accounts.rules import READY_ROLES
from ris_core.second_factors.rules import roles_in
from ris_core.settings import Settings


@register()
def front_end_is_built(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Pages come unstyled and without scripts where the front end has not been built."""
    if (Path(settings.STATIC_ROOT) / "manifest.json").exists():
        return []
    return [Warning("the front end is not built", hint="run 'make setup'", id="quang.W001")]


@register(Tags.database)
def roles_of_the_settings_exist(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A role that is written wrongly must not mean that nobody needs a second factor, or that nobody gets in."""
    quang: Settings = settings.QUANG
    named = dict.fromkeys(roles_in(quang.access.second_factor_roles), "access.second_factor_roles")
    named |= {line.role: f"directories ({one.name})" for one in quang.directories for line in one.roles}
    named |= {line.role: f"openid ({one.name})" for one in quang.openid for line in one.roles}
    named |= {line.role: "scim.roles" for line in quang.scim.roles}
    unknown = {role: where for role, where in named.items() if role not in READY_ROLES}
    for alias in databases or ():
        if unknown and SiteRole._meta.db_table in connections[alias].introspection.table_names():
            for role in SiteRole.objects.using(alias).filter(code__in=unknown).values_list("code", flat=True):
                unknown.pop(role, None)
    if not databases:
        return []
    kind, number = (Error, "quang.E001") if _is_in_use(databases) else (Warning, "quang.W002")
    hint = "write the code of a role as the screen of roles shows it, or make the role first"
    return [
        kind(f"{where} names the role {role}, which there is not", hint=hint, id=number)
        for role, where in sorted(unknown.items())
    ]


def _is_in_use(databases: Sequence[str]) -> bool:
    """Whether anybody could log in: a new site makes its roles on a screen, or has its database restored."""
    there = [alias for alias in databases if User._meta.db_table in connections[alias].introspection.table_names()]
    return any(User.objects.using(alias).exists() for alias in there)
