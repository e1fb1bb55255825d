"""People in front of a browser, for the tests of all screens."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.test import Client

from ris_core.accounts import roles
from ris_core.accounts.models import Role, SiteRole, User
from ris_core.accounts.rules import Function
from ris_webapp.login_backend import LOGIN_BACKEND
from ris_webapp.screens.login import captcha
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


def captcha_solved(page: str) -> dict[str, str]:
    """What somebody types who looks at the login page; nothing when it asks for no captcha."""
    token = re.search(r'name="captcha" value="([^"]+)"', page)
    return {captcha.TOKEN: token[1], captcha.ANSWER: captcha.answer_of(token[1])} if token else {}


def type_password(client: Client, name: str, password: str = PASSWORD, **request: Any) -> Any:
    """The answer to a login by somebody who solves the captcha when there is one."""
    typed = {"username": name, "password": password}
    answer = client.post("/login/", typed, **request)
    if answer.status_code != 422:
        return answer
    return client.post("/login/", {**typed, **captcha_solved(answer.content.decode())}, **request)
