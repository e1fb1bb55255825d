"""Who may be logged in: people with an account that is neither withdrawn nor expired."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.utils import timezone

from ris_core.accounts.models import User

LOGIN_BACKEND = "ris_webapp.login_backend.AccountBackend"


class AccountBackend(ModelBackend):
    """User name and password of an account; asked again at each request of a session."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Whether the account is open now."""
        return isinstance(user, User) and user.is_open_at(timezone.now())
