"""Database connections lent to callbacks.

Callbacks come on some eighty threads of the engine, many of them with a new Python thread state each time, and Django
keeps a connection for each: it would open as many, and lose some with every callback. So a few connections are kept
here, and the one used last is lent to the next callback; what this costs is measured in
``docs/adr/0002-one-dispatcher-inside-orthanc.md``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper


class ConnectionSource(Protocol):
    """Gives the code inside the block a database connection of its own thread."""

    def lend(self) -> AbstractContextManager[None]: ...


class OwnConnections:
    """The thread's own connection, as Django keeps it: for tests, whose transaction the code must see."""

    def lend(self) -> AbstractContextManager[None]:
        return nullcontext()


class LentConnections:
    """Keeps up to ``idle_limit`` open connections for those who come next; more are opened when needed, and closed."""

    def __init__(self, *, idle_limit: int = 8) -> None:
        self._idle: list[BaseDatabaseWrapper] = []
        self._idle_limit = idle_limit
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._file_identity: tuple[int, int] | None = None
        self.lent = 0
        self.opened = 0
        """Connections made since the start; it stays small when they are reused."""

    @property
    def idle(self) -> int:
        return len(self._idle)

    @contextmanager
    def lend(self) -> Iterator[None]:
        """Within the block ``django.db.connection`` is a kept connection; inside another such block, the same one.

        :raises OperationalError: when the SQLite database's file is gone (a connection opened before would go on
            with the deleted file, a new one make an empty one)
        """
        if getattr(self._thread, "lending", False):
            yield
            return
        connection = self._take()
        connections[DEFAULT_DB_ALIAS] = connection
        self._thread.lending = True
        try:
            yield
        finally:
            self._thread.lending = False
            del connections[DEFAULT_DB_ALIAS]
            self._give_back(connection)

    def close(self) -> None:
        """Close the idle connections (at stop)."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> BaseDatabaseWrapper:
        self._drop_those_of_a_replaced_file()
        with self._lock:
            self.lent += 1
            if self._idle:
                return self._idle.pop()
            self.opened += 1
        connection = connections.create_connection(DEFAULT_DB_ALIAS)
        connection.inc_thread_sharing()
        return connection

    def _give_back(self, connection: BaseDatabaseWrapper) -> None:
        if connection.in_atomic_block:
            connection.close()
        else:
            connection.close_if_unusable_or_obsolete()
        with self._lock:
            self.lent -= 1
            if len(self._idle) < self._idle_limit:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_those_of_a_replaced_file(self) -> None:
        settings = connections.settings[DEFAULT_DB_ALIAS]
        if not settings["ENGINE"].endswith("sqlite3"):
            return
        try:
            status = os.stat(settings["NAME"])
        except OSError as error:
            self.close()
            raise OperationalError(f"the database file cannot be read: {error.strerror}") from error
        identity = (status.st_dev, status.st_ino)
        if self._file_identity not in (None, identity):
            self.close()
        self._file_identity = identity
