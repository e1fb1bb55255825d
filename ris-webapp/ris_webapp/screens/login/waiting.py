"""Between the password and the one-time code: who waits is remembered in a session in which nobody is logged in."""

from __future__ import annotations

import time
from typing import Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ris_core.accounts.models import User

_KEY: Final = "waits_for_code"
_SECONDS: Final = 300
"""So long the password is good for; then it is asked for again."""


def ask_for_code(request: HttpRequest, user: User, after: str) -> None:
    """``user`` has given the password; a new session waits for the code, then goes on to ``after``."""
    request.session.flush()
    request.session[_KEY] = [user.pk, user.get_session_auth_hash(), int(time.time()), after]


def waiting_for_code(request: HttpRequest) -> tuple[User, str] | None:
    """Who waits, and where they go; none when nobody does, too long ago, or the account has changed since."""
    if _KEY not in request.session:
        return None
    user_id, state, since, after = request.session[_KEY]
    user = User.objects.filter(pk=user_id).first()
    if user is None or time.time() - since > _SECONDS or not user.is_open_at(timezone.now()):
        return None
    return (user, after) if constant_time_compare(user.get_session_auth_hash(), state) else None
