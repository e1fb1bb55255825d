"""Between the password and the one-time code: who waits is remembered in a session in which nobody is logged in."""

from __future__ import annotations

import time
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ris_core.accounts.models import User

_KEY: Final = "waits_for_code"
_BY_PROVIDER: Final = "waits_by_provider"
ByProvider = dict[str, Any]
"""Of an OpenID provider's word: ``login``, what :func:`ris_core.openid.services.note_login` takes, and ``id_token``."""
_SECONDS: Final = 300
"""So long the password is good for; then it is asked for again."""


def ask_for_code(request: HttpRequest, user: User, after: str, by_provider: ByProvider | None = None) -> None:
    """``user`` has given the password; a new session waits for the code, then goes on to ``after``.

    :param by_provider: an OpenID provider has vouched for them instead
    """
    request.session.flush()
    request.session[_KEY] = [user.pk, user.get_session_auth_hash(), int(time.time()), after]
    request.session[_BY_PROVIDER] = by_provider


def waiting_for_code(request: HttpRequest) -> tuple[User, str] | None:
    """Who waits, and where they go; none when nobody does, too long ago, or the account has changed since."""
    if _KEY not in request.session:
        return None
    user_id, state, since, after = request.session[_KEY]
    user = User.objects.filter(pk=user_id).first()
    if user is None or time.time() - since > _SECONDS or not user.is_open_at(timezone.now()):
        return None
    return (user, after) if constant_time_compare(user.get_session_auth_hash(), state) else None


def provider_of_waiting(request: HttpRequest) -> ByProvider | None:
    """What was given to :func:`ask_for_code`."""
    by_provider: ByProvider | None = request.session.get(_BY_PROVIDER)
    return by_provider
