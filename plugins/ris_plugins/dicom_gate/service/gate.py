"""The gate: takes the devices' associations, asks the registry, and passes what is let in on to the engine.

One asyncio loop on a thread inside the engine. It reads the association request and, of nodes that may query or
retrieve, the commands; everything else is passed on as it comes, in both directions, as fast as the other side takes
it. Where nothing is to be read or deciphered any more, a process of its own passes on
(:mod:`ris_plugins.dicom_gate.service.carrier`).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Final, Protocol

from django.utils import timezone

from ris_core.devices.admission import Caller, Node, Reason, Service, why_refused
from ris_core.devices.queries import NodeOperation
from ris_core.devices.refusals import RefusalsToNote
from ris_core.devices.services import Refusal
from ris_plugins.dicom_gate import codec
from ris_plugins.dicom_gate.service.association import Association
from ris_plugins.dicom_gate.service.carrier import Carrier
from ris_plugins.dicom_gate.settings import GateSettings

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.1
LEAVE_SECONDS: Final = 3.0
"""At the stop, what devices are sending is let finish for so long; what is cut off was not acknowledged."""
_BACKLOG: Final = 128
_MOST_UNWRITTEN: Final = 10_000
_SILENT_SECONDS: Final = 5.0
_MOST_TURNED_AWAY: Final = 64


class Stopping(Protocol):
    def is_set(self) -> bool: ...


class Gate:
    """The listening side, from :meth:`serve` to its end; :meth:`use` tells it what the registry says."""

    def __init__(self, settings: GateSettings) -> None:
        self.settings = settings
        self.carrier = Carrier()
        self.refusals = RefusalsToNote()
        self.operations: deque[NodeOperation] = deque(maxlen=_MOST_UNWRITTEN)
        self._nodes: Mapping[str, Node] | None = None
        self._open: dict[str, Association] = {}
        """By the loopback address from which each is connected to the engine."""
        self._waiting: set[Association] = set()
        self._turned_away: set[Association] = set()
        """For whom there is no place, and whose request is still being read, to be answered in order."""
        self._per_address: Counter[str] = Counter()
        self._next = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ran_at = float("-inf")
        self.ports: tuple[int, ...] = ()
        """Where it listens."""
        self.closed = threading.Event()
        """Nothing is under way any more."""

    @property
    def listens(self) -> bool:
        """Whether its loop has run lately, behind open ports."""
        return time.monotonic() - self._ran_at < _SILENT_SECONDS

    # ---- called by other threads ----

    def use(self, nodes: Mapping[str, Node]) -> None:
        """From now on decide by ``nodes``; associations of whom it no longer lets in are ended."""
        self._nodes = nodes
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._look_again)

    def address_behind(self, address: str) -> str:
        """The node's address for the one that the engine sees."""
        association = self._open.get(address)
        return association.caller.address if association else address

    def serve(self, stopping: Stopping) -> None:
        """Listen until stopping, then let what is under way finish.

        :raises OSError: an address cannot be listened on
        """
        self.closed.clear()
        try:
            asyncio.run(self._serve(stopping))
        finally:
            self.closed.set()

    # ---- on the loop ----

    async def _serve(self, stopping: Stopping) -> None:
        self._loop = asyncio.get_running_loop()
        wanted = self.settings
        listeners: list[tuple[str, int, ssl.SSLContext | None]] = []
        if wanted.port:
            listeners.append((wanted.host, wanted.port, None))
        if wanted.tls:
            listeners.append((wanted.tls_host, wanted.tls_port, wanted.tls))
        servers = [
            await self._loop.create_server(
                lambda: Association(self),
                host,
                port,
                ssl=tls,
                backlog=_BACKLOG,
                ssl_handshake_timeout=wanted.request_timeout_seconds if tls else None,
            )
            for host, port, tls in listeners
        ]
        self.ports = tuple(server.sockets[0].getsockname()[1] for server in servers)
        log.info("DICOM: nodes are let in at %s", ", ".join(map(str, self.ports)) or "no port")
        try:
            while not stopping.is_set():
                self._ran_at = time.monotonic()
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            self._ran_at = float("-inf")
            for server in servers:
                server.close()
            for _ in range(int(LEAVE_SECONDS / _POLL_SECONDS)):
                if not self._open:
                    break
                await asyncio.sleep(_POLL_SECONDS)
            for association in [*self._open.values(), *self._waiting, *self._turned_away]:
                association.end()
            await asyncio.sleep(0)
            self.carrier.close()
            self._loop = None

    def verdict(self, request: codec.AssociationRequest, caller: Caller) -> Reason | None:
        """Why an association is refused; none when it may be.

        :raises LookupError: the registry has not been read yet
        """
        if request.called != self.settings.ae_title:
            return Reason.CALLED
        if not self.settings.registered_only:
            return None
        if self._nodes is None:
            raise LookupError("the registry of devices has not been read")
        return why_refused(self._nodes.get(caller.ae_title), caller, check_addresses=self.settings.check_addresses)

    def refused_services(self, request: codec.AssociationRequest, ae_title: str) -> frozenset[Service]:
        """Of the services that the request asks for, those that the node is not registered for."""
        node = (self._nodes or {}).get(ae_title)
        return request.services - node.services if node and self.settings.registered_only else frozenset()

    def note(self, caller: Caller, service: Service, reason: Reason) -> None:
        self.refusals.add(Refusal(caller.ae_title, service, caller.address, timezone.now(), reason))

    def takes(self, association: Association) -> bool:
        """Whether there is room for one more from its address."""
        address = association.caller.address
        if (
            len(self._open) + len(self._waiting) >= self.settings.max_associations
            or self._per_address[address] >= self.settings.max_associations_per_address
        ):
            return False
        self._waiting.add(association)
        self._per_address[address] += 1
        return True

    def turns_away(self, association: Association) -> bool:
        """Whether its request is read before it is rejected; not when that, too, is asked by too many."""
        if len(self._turned_away) >= _MOST_TURNED_AWAY:
            return False
        self._turned_away.add(association)
        return True

    def has_left(self, association: Association) -> None:
        """Of one without a place."""
        self._turned_away.discard(association)

    def place(self, association: Association) -> str:
        """A loopback address of its own: by it the engine's callbacks find who stands behind."""
        self._waiting.discard(association)
        while True:
            self._next = self._next % 65_000 + 1
            address = f"127.65.{self._next >> 8}.{self._next & 255}"
            if address not in self._open:
                self._open[address] = association
                return address

    def forget(self, association: Association) -> None:
        address = association.caller.address
        self._per_address[address] -= 1
        if self._per_address[address] <= 0:
            del self._per_address[address]
        self._waiting.discard(association)
        if self._open.get(association.behind) is association:
            del self._open[association.behind]

    def _look_again(self) -> None:
        for association in [*self._open.values(), *self._waiting]:
            request = association.request
            if request is None:
                continue
            reason = self.verdict(request, association.caller)
            more = self.refused_services(request, association.caller.ae_title) - association.refused
            if reason or more:
                log.info("DICOM: an association of %s is ended: its rights have changed", association.caller.ae_title)
                association.end()
