"""Whether a session cookie is still worth something, outside a Django request."""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare

from ris_core.accounts.models import User


def session_is_alive(session_key: str | None) -> bool:
    """Whether somebody is logged in with it: not logged out, not idle too long, active, same password as at login."""
    if not session_key:
        return False
    session = SessionStore(session_key)
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    if time.time() - session.get("used_at", 0) > settings.SESSION_COOKIE_AGE:
        return False
    user = User.objects.filter(pk=session.get(SESSION_KEY, 0), is_active=True).first()
    return user is not None and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
