"""People in front of a browser, for the tests of all screens."""

from __future__ import annotations

import secrets

from django.test import Client

from ris_core.accounts import roles
from ris_core.accounts.models import Role, SiteRole, User
from ris_core.accounts.rules import Function
from ris_webapp.login_backend import LOGIN_BACKEND
from ris_webapp.sessions import begin

PASSWORD = "Quang-2026-thu!"


def a_user(role: str = Role.RADIOLOGIST, *, full_name: str = "Bác sĩ CĐHA", language: str = "vi") -> User:
    """Somebody with this role and :data:`PASSWORD`."""
    name = f"u_{secrets.token_hex(4)}"
    user = User.objects.create_user(name, PASSWORD, full_name=full_name, role=role)
    user.language = language
    user.save(update_fields=["language"])
    return user


def a_role(*functions: Function) -> str:
    """The code of a role of the site's own that may just this, if only nothing."""
    code = f"R_{secrets.token_hex(4).upper()}"
    SiteRole.objects.create(code=code, name=code, functions=list(functions))
    roles.forget()
    return code


def client_as(role: str = Role.RADIOLOGIST, *, user: User | None = None) -> Client:
    """A browser in which somebody with this role has logged in."""
    client, user = Client(), user or a_user(role)
    client.force_login(user, backend=LOGIN_BACKEND)
    session = client.session
    begin(session, user)
    session.save()
    return client
