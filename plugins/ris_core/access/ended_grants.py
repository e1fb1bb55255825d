"""Which grants have ended though tokens made under them have not: kept in memory, read anew every second or two.

Every viewer token names the grant it was made under: a login, a share, a patient's look or a receiver's. A grant ends
by logout, idle time-out, withdrawal of the account, revocation of the share, when the exam is another patient's, when
the receiver is switched off; nobody can call its tokens back, so whoever verifies one asks here too. The answer costs
one look into a set; the database is read by a thread of its own (inside Orthanc) or by the first request after
:data:`REFRESH_SECONDS` (in the web app).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from ris_core.access.models import EndedGrant, UserSession
from ris_core.access.sessions import alive
from ris_core.access.tokens import LOOK, PORTAL, SESSION, SHARE, session_grant
from ris_core.delivery.looks import ended_looks as ended_looks_of_receivers
from ris_core.delivery.looks import forget_looks
from ris_core.portal.looks import ended_looks

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 1.0
"""Between two readings."""
_KINDS: Final = (SESSION, SHARE, PORTAL, LOOK)
TRUSTED_SECONDS: Final = 5.0
"""A share is revoked everywhere within this time: when no reading has succeeded for longer, no share is open."""


class EndedGrants:
    """What :func:`read_ended_grants` has found. Safe for any number of threads.

    :param read: the ended grants as the database has them now; may raise :class:`~django.db.DatabaseError`
    :param clock: seconds, never going back
    """

    def __init__(
        self, read: Callable[[], frozenset[str]] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read or read_ended_grants
        self._clock = clock
        self._state: tuple[float, frozenset[str]] | None = None
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Read them now.

        :raises DatabaseError: they cannot be read; what was read last stays
        """
        began = self._clock()  # what ends while the database is read may not be in the answer
        self._state = (began, self._read())

    def refresh_if_due(self) -> None:
        """Read them unless somebody has just done so; when they cannot be read, what was read last stays."""
        if self._age() < REFRESH_SECONDS or not self._lock.acquire(blocking=self._age() > TRUSTED_SECONDS):
            return
        try:
            if self._age() >= REFRESH_SECONDS:
                self.refresh()
        except DatabaseError:
            log.exception("ended grants cannot be read")
        finally:
            self._lock.release()

    def is_open(self, grant: str) -> bool:
        """Whether tokens under ``grant`` may be used: it has not ended, and for whoever is outside the house we know
        so for sure."""
        state = self._state
        if state is None or not grant.startswith(_KINDS):
            return False
        read_at, ended = state
        if grant in ended:
            return False
        return not grant.startswith((SHARE, PORTAL, LOOK)) or self._clock() - read_at <= TRUSTED_SECONDS

    def _age(self) -> float:
        state = self._state
        return float("inf") if state is None else self._clock() - state[0]


def end_grants(grants: Iterable[str]) -> None:
    """Let nobody use tokens made under these grants any more; in the caller's transaction."""
    now = timezone.now()
    EndedGrant.objects.bulk_create((EndedGrant(grant=grant, ended_at=now) for grant in grants), ignore_conflicts=True)


def read_ended_grants(now: datetime | None = None) -> frozenset[str]:
    """All grants that have ended while a token under them may live."""
    at = now or timezone.now()
    named = EndedGrant.objects.values_list("grant", flat=True)
    logins = UserSession.objects.exclude(alive(at)).values_list("key", flat=True)
    return frozenset((*named, *map(session_grant, logins), *ended_looks_of_receivers(at), *ended_looks(at)))


def forget_ended_grants(_subject_id: str = "") -> None:
    """Delete what no living token can name."""
    longest = timedelta(minutes=settings.QUANG.access.viewer_token_minutes + 5)
    now = timezone.now()
    EndedGrant.objects.filter(ended_at__lt=now - longest).delete()
    of_sessions = timedelta(hours=settings.QUANG.access.session_hours) + longest
    UserSession.objects.filter(began_at__lt=now - of_sessions).delete()
    forget_looks(now)
