"""Who may be logged in: people with an account that is neither withdrawn nor expired."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.directories import rules
from ris_core.directories.services import sign_in
from ris_webapp.client import client_address

LOGIN_BACKEND = "ris_webapp.login_backend.AccountBackend"


class AccountBackend(ModelBackend):
    """User name and password of an account; asked again at each request of a session."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Whether the account is open now."""
        return isinstance(user, User) and user.is_open_at(timezone.now())


class DirectoryBackend(AccountBackend):
    """User name and password of a person in one of the hospital's directories (P4); asked after our own accounts."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        directory: str = "",
        **kwargs: Any,
    ) -> User | None:
        """:param directory: the only one to be asked; empty: any
        :raises DirectoryRefused, DirectoryUnavailable: the login page says so; neither counts as a wrong password"""
        user = sign_in(username or "", password or "", client_address(request) if request else "", of=directory)
        return user if user is not None and self.user_can_authenticate(user) else None


def name_that_counts(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """The name under which django-axes counts failures."""
    typed = str((credentials or {}).get("username") or (request.POST.get("username", "") if request else ""))
    return rules.name_that_counts(typed)
