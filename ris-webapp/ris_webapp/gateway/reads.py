"""What viewers fetch through the gateway, counted for the audit trail and written by a thread of its own."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest

from ris_core.access.tokens import SESSION, ViewerGrant
from ris_core.audit.counted import Read, ReadCounts
from ris_core.audit.models import ActorKind
from ris_webapp.client import client_address

log = logging.getLogger(__name__)
counts = ReadCounts()
_stopping = threading.Event()
_starting = threading.Lock()
_threads: list[threading.Thread] = []


def note_read(request: HttpRequest, study_uid: str, grants: list[ViewerGrant]) -> None:
    """Count one answered request for images of a study under the grant that covers it."""
    grant = next(grant for grant in grants if study_uid in grant.study_uids)
    kind = ActorKind.USER if grant.grant.startswith(SESSION) else ActorKind.RECEIVER
    counts.add(Read(kind, grant.user_name, client_address(request), "images.read", study_uid))
    if not _threads:
        _start()


def _start() -> None:
    with _starting:
        if not _threads:
            thread = threading.Thread(target=counts.keep_writing, args=(_unit, _stopping), name="reads", daemon=True)
            _threads.append(thread)
            thread.start()
            atexit.register(_stop)


def _stop() -> None:
    _stopping.set()
    _threads[0].join(timeout=5.0)


@contextmanager
def _unit() -> Iterator[None]:
    """A database that cannot be written keeps the counts waiting and is tried again."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        log.warning("reads of images cannot be written yet: %s", type(error).__name__)
    finally:
        connection.close()
