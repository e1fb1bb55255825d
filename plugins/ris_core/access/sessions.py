"""Logins as the image server knows them: begun, used, ended. What a browser holds is the web app's matter."""

from __future__ import annotations

import secrets

from django.utils import timezone

from ris_core.access.models import UserSession
from ris_core.accounts.models import User


def begin_session(user: User) -> str:
    """Somebody has logged in; the key under which their viewer tokens are made."""
    now = timezone.now()
    key = secrets.token_hex(16)
    UserSession.objects.create(
        key=key,
        user=user,
        began_at=now,
        used_at=now,
        sessions_ended=user.sessions_ended,
        password_changed_at=user.password_changed_at,
    )
    return key


def session_used(key: str) -> None:
    """Somebody has done something in it; it does not idle."""
    UserSession.objects.filter(key=key).update(used_at=timezone.now())


def password_renewed_in(key: str, user: User) -> None:
    """Its user has chosen another password in it: this login goes on, the user's others do not."""
    UserSession.objects.filter(key=key).update(
        sessions_ended=user.sessions_ended, password_changed_at=user.password_changed_at
    )


def end_session(key: str) -> None:
    """Logged out: no viewer opened from this login loads another image."""
    UserSession.objects.filter(key=key, ended_at__isnull=True).update(ended_at=timezone.now())
