"""Puts the gate before the engine's DICOM port."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from django.utils import timezone

from orthanc_host.host import Host, Stopping
from ris_core.devices.host_names import look_up, names_in_use
from ris_core.devices.nodes import known_nodes
from ris_core.devices.queries import record_operations
from ris_core.devices.services import registry_state
from ris_core.jobs.models import WorkerHeartbeat
from ris_core.settings import Settings
from ris_plugins.dicom_gate.service.gate import LEAVE_SECONDS, Gate
from ris_plugins.dicom_gate.settings import GateSettings

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""How often the registry is asked whether it has changed, and what waits is written."""
FULL_CHECK_SECONDS = 60.0
"""How often it is read all the same: hosts' addresses change without it."""
BEAT_SECONDS = 10.0
"""How often it is said that the gate takes associations (``/healthz`` looks)."""
NAMES_SECONDS = 60.0
"""How often the names of hosts are looked up."""


def register(host: Host, settings: Settings) -> None:
    """Listen from the start of the engine to its stop, and tell its callbacks who stands behind an association."""
    wanted = GateSettings.of(settings)
    if not wanted.engine_port:
        return
    gate = Gate(wanted)
    upkeep = Upkeep(gate)
    host.on_start(_leave_our_listeners_where_they_are)
    host.on_start(upkeep.read)
    host.name_callers(gate.address_behind)
    host.in_background("dicom-gate", gate.serve)
    host.in_background("dicom-gate-upkeep", lambda stopping: upkeep.keep(lambda: host.guarded("dicom gate"), stopping))
    host.in_background("dicom-gate-names", lambda stopping: look_up_names(lambda: host.guarded("host names"), stopping))


def _leave_our_listeners_where_they_are() -> None:
    """The engine listens by now; the library that moved it to loopback would move ours there too."""
    os.environ.pop("QUANG_DICOM_HOST", None)


def look_up_names(unit: Callable[[], AbstractContextManager[None]], stopping: Stopping) -> None:
    """Every :data:`NAMES_SECONDS` until stopping, on a thread that may wait for name servers."""
    while True:
        with unit():
            for name in names_in_use():
                if stopping.is_set():
                    return
                look_up(name, timezone.now())
        if stopping.wait(NAMES_SECONDS):
            return


class Upkeep:
    """Reads the registry for the gate, and writes what the gate has seen."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._state: object = None
        self._files = self._times()

    def read(self) -> None:
        """Take over the registry.

        :raises django.db.DatabaseError: when it cannot be read; what was known stays
        """
        state = registry_state()
        self._gate.use(known_nodes())
        self._state = state

    def write(self) -> None:
        """Refusals, queries and retrievals since the last time.

        :raises django.db.DatabaseError: when they cannot be written; they go on waiting
        """
        try:
            self._gate.refusals.write()
        finally:  # what was queried and retrieved is not kept from the audit trail by them
            waiting = list(self._gate.operations)
            if waiting:
                record_operations(waiting)
                for _ in waiting:
                    self._gate.operations.popleft()

    def beat(self) -> None:
        """Say that associations are taken, when they are.

        :raises django.db.DatabaseError: when it cannot be said; the silence is seen
        """
        if self._gate.listens:
            WorkerHeartbeat.objects.update_or_create(
                name=f"gate@{socket.gethostname()}",
                defaults={"part": WorkerHeartbeat.Part.GATE, "at": timezone.now()},
            )

    def renew_certificate(self) -> None:
        """Show the certificate that lies there now, when it is another."""
        tls, files, times = self._gate.settings.tls, self._gate.settings.tls_files, self._times()
        if tls is None or files is None or times == self._files:
            return
        try:
            tls.load_cert_chain(*files)
            log.info("DICOM over TLS: the certificate was read again")
        except OSError as error:  # half of a pair was replaced, or ssl.SSLError: the former goes on being shown
            log.warning("DICOM over TLS: the certificate cannot be read: %s", error)
            return
        self._files = times

    def keep(self, unit: Callable[[], AbstractContextManager[None]], stopping: Stopping) -> None:
        """Every :data:`CHECK_SECONDS` within ``unit()``, until stopping; then once more."""
        checks = 0
        while True:
            stopped = stopping.wait(CHECK_SECONDS)
            checks += 1
            self.renew_certificate()
            if stopped:  # what the end cuts off is written too
                self._gate.closed.wait(LEAVE_SECONDS + CHECK_SECONDS)
            with unit():
                if checks % int(FULL_CHECK_SECONDS / CHECK_SECONDS) == 0 or registry_state() != self._state:
                    self.read()
                self.write()
                if checks % int(BEAT_SECONDS / CHECK_SECONDS) == 1:
                    self.beat()
            if stopped:
                return

    def _times(self) -> tuple[float, ...]:
        files: tuple[Path, ...] = self._gate.settings.tls_files or ()
        return tuple(file.stat().st_mtime for file in files if file.exists())
