"""How long a session lasts, and whether its cookie is still worth something outside a Django request (Q1)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ris_core.access.sessions import begin_session, end_own_session, end_session, password_renewed_in, session_used
from ris_core.access.tokens import session_grant
from ris_core.accounts.models import User
from ris_core.audit.services import Actor

GRANT = "grant"
_CHALLENGE: Final = "security_key_challenge"
_CHALLENGE_SECONDS: Final = 300


def begin(session: SessionBase, user: User, address: str = "", browser: str = "") -> None:
    """Note that ``user`` has logged in now, from there."""
    session["began_at"] = session["used_at"] = session["proved_at"] = int(time.time())
    session[GRANT] = begin_session(user, session.session_key or "", address, browser)


def note_second_factor(session: SessionBase) -> None:
    """Its user has given a one-time code in it."""
    session["second_factor"] = True


def has_given_second_factor(session: SessionBase) -> bool:
    """Whether :func:`note_second_factor` was called."""
    return session.get("second_factor") is True


def note_proof(session: SessionBase) -> None:
    """Its user has just given password or second factor again."""
    session["proved_at"] = int(time.time())


def is_lately_proved(session: SessionBase) -> bool:
    """Whether its user has given password or second factor within ``access.proof_minutes``, at the login or since."""
    return bool(time.time() - session.get("proved_at", 0) < settings.QUANG.access.proof_minutes * 60)


def ask_challenge(session: SessionBase, what: str, state: dict[str, Any]) -> None:
    """Keep the challenge that a security key is asked to answer."""
    session[_CHALLENGE] = [what, int(time.time()), state]


def taken_challenge(session: SessionBase, what: str) -> dict[str, Any] | None:
    """What was kept for ``what``, which is forgotten: it is answered once; none: nothing, or too long ago."""
    kept, since, state = session.pop(_CHALLENGE, ("", 0, None))
    return state if kept == what and time.time() - since < _CHALLENGE_SECONDS else None


def use(session: SessionBase) -> bool:
    """Note that its user has just done something. False: the login was ended elsewhere, and the session with it."""
    session["used_at"] = int(time.time())
    return GRANT not in session or session_used(session[GRANT], session.session_key or "")


def end_grants_of(session: SessionBase) -> None:
    """Viewers that were opened from the session load nothing more."""
    if GRANT in session:
        end_session(session[GRANT])


def renew_password_in(session: SessionBase, user: User) -> None:
    """The user has changed the password in this session, which goes on."""
    password_renewed_in(session.get(GRANT, ""), user, session.session_key or "")


def end_elsewhere(session_id: int, actor: Actor) -> None:
    """End a login of the actor's own on another computer, at once.

    :raises NotFound: no such login of theirs
    """
    ended = end_own_session(session_id, actor)
    if ended.session_key:
        SessionStore(ended.session_key).delete()


def grant_of(session: SessionBase) -> str:
    """What viewer tokens made for its user now end with; empty (which opens nothing) when nobody has logged in."""
    return session_grant(session[GRANT]) if GRANT in session else ""


def logged_in_at(session: SessionBase) -> datetime:
    """When :func:`begin` was called; now, for a session that does not say."""
    return datetime.fromtimestamp(session.get("began_at", time.time()), UTC)


def is_over(session: SessionBase, now: float) -> bool:
    """Whether nobody has used it for too long, or it has lasted too long; one that says neither is.

    :param now: seconds since the epoch
    """
    if now - session.get("used_at", 0) > settings.SESSION_COOKIE_AGE:
        return True
    return bool(now - session.get("began_at", 0) > settings.QUANG.access.session_hours * 3600)


def session_is_alive(session_key: str | None) -> bool:
    """Whether somebody is logged in with it: not logged out, not over, account open, same password as at login."""
    if not session_key:
        return False
    session = SessionStore(session_key)
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    if is_over(session, time.time()):
        return False
    user = User.objects.filter(pk=session.get(SESSION_KEY, 0)).first()
    if user is None or not user.is_open_at(timezone.now()):
        return False
    return constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
