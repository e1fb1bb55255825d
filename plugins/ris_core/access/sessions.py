"""Logins as the image server and their owners know them: begun, used, ended. What a browser holds is the web app's
matter."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ris_core.access.models import UserSession
from ris_core.accounts.models import User
from ris_core.audit.services import Actor, record
from ris_core.errors import NotFound
from ris_core.signatures.locking import lock_all_of


def begin_session(user: User, session_key: str = "", address: str = "", browser: str = "") -> str:
    """Somebody has logged in; the key under which their viewer tokens are made.

    :param session_key: the web app's session
    :param browser: User-Agent of the request
    """
    now = timezone.now()
    key = secrets.token_hex(16)
    UserSession.objects.create(
        key=key,
        user=user,
        began_at=now,
        used_at=now,
        sessions_ended=user.sessions_ended,
        password_changed_at=user.password_changed_at,
        session_key=session_key,
        address=address[:64],
        browser=browser[:255],
    )
    return key


def session_used(key: str, session_key: str = "") -> bool:
    """Somebody has done something in it; it does not idle. Whether it still stands: false once it was ended.

    :param session_key: the web app's session, which may have got another key since (a secret was exchanged)
    """
    going_on = UserSession.objects.filter(key=key, ended_at__isnull=True)
    return going_on.update(used_at=timezone.now(), session_key=session_key) > 0


def password_renewed_in(key: str, user: User, session_key: str = "") -> None:
    """Its user has chosen another password in it: this login goes on, the user's others do not."""
    UserSession.objects.filter(key=key).update(
        sessions_ended=user.sessions_ended, password_changed_at=user.password_changed_at, session_key=session_key
    )


def end_session(key: str) -> None:
    """Logged out: no viewer opened from this login loads another image."""
    UserSession.objects.filter(key=key, ended_at__isnull=True).update(ended_at=timezone.now())


def alive(now: datetime) -> Q:
    """Of logins: somebody may still act under them (Q1, Q6)."""
    access = settings.QUANG.access
    unchanged = Q(password_changed_at=F("user__password_changed_at")) | Q(
        password_changed_at__isnull=True, user__password_changed_at__isnull=True
    )
    lasting = Q(user__expires_at__isnull=True) | Q(user__expires_at__gt=now)
    return (
        Q(ended_at__isnull=True)
        & Q(used_at__gte=now - timedelta(minutes=access.session_idle_minutes))
        & Q(began_at__gte=now - timedelta(hours=access.session_hours))
        & Q(user__is_active=True)
        & Q(sessions_ended=F("user__sessions_ended"))
        & unchanged
        & lasting
    )


def sessions_of(user_id: int) -> QuerySet[UserSession]:
    """Where somebody is logged in now, the last used first."""
    return UserSession.objects.filter(alive(timezone.now()), user_id=user_id).order_by("-used_at", "-pk")


@transaction.atomic
def end_own_session(session_id: int, actor: Actor) -> UserSession:
    """Log oneself out elsewhere; keys are locked as at every logout. Ending it again changes nothing.

    :raises NotFound: no such login, or somebody else's
    """
    owner_id = actor.user_id
    own = UserSession.objects.none() if owner_id is None else UserSession.objects.filter(user_id=owner_id)
    session = own.select_for_update().filter(pk=session_id).first()
    if session is None or owner_id is None:
        raise NotFound("there is no such login of yours", field="session")
    if session.ended_at is None:
        session.ended_at = timezone.now()
        session.save(update_fields=["ended_at"])
        lock_all_of(owner_id, actor)
        record(actor, "user.session_ended", subject=f"user:{owner_id}", address=session.address)
    return session
