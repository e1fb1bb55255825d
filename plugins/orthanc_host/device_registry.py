"""Only who is registered may store, and Orthanc's modalities are those of the registry.

Query, retrieval and echo are decided by Orthanc, which knows the devices as modalities. Images are let in or refused
here, and the worklist decides for itself: so that a device nobody has registered is told so by a status, and is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from django.utils import timezone

from orthanc_host.host import ArrivingImage, EngineRest, Host, Stopping, StoreAnswer
from ris_core.devices.models import RefusedDevice
from ris_core.devices.refusals import RefusalsToNote
from ris_core.devices.services import Refusal, engine_modalities, registry_state, titles_that_may_store
from ris_core.settings import Settings

CHECK_SECONDS = 1.0
"""How often the registry is asked whether it has changed."""
FULL_CHECK_SECONDS = 60.0
"""How often Orthanc's own list is compared although the registry has not changed."""


class StoreGate:
    """Which AE titles may store, in memory: asked for each image, read anew when the registry has changed."""

    def __init__(self, unit: Callable[[], AbstractContextManager[None]]) -> None:
        self._unit = unit
        self._titles: frozenset[str] | None = None
        self._refused = RefusalsToNote()

    def read(self) -> None:
        """Take over the registry.

        :raises django.db.DatabaseError: when it cannot be read; what was known stays
        """
        self._titles = titles_that_may_store()

    def answer(self, image: ArrivingImage) -> StoreAnswer:
        """Whether images of who sends this one are taken; who is refused is remembered for :meth:`write_refused`.

        :raises django.db.DatabaseError: at the first image, when the registry cannot be read
        """
        if self._titles is None:
            with self._unit():
                self.read()
        ae_title = image.ae_title.strip()
        if self._titles and ae_title in self._titles:
            return StoreAnswer.STORE
        self._refused.add(Refusal(ae_title, RefusedDevice.Service.STORE, "", timezone.now()))
        return StoreAnswer.NOT_AUTHORISED

    def write_refused(self) -> None:
        """Write who was refused since the last time.

        :raises django.db.DatabaseError: when it cannot be written; it is tried again the next time
        """
        self._refused.write()


class DeviceRegistrySync:
    """Writes what differs into Orthanc's modalities, which the engine keeps in its database."""

    def __init__(self, rest: Callable[[], EngineRest], gate: StoreGate) -> None:
        self._rest = rest
        self._gate = gate
        self._state: object = None

    def synchronise(self, *, fully: bool = False) -> int:
        """Bring Orthanc up to date when the registry has changed; returns how many modalities were written or removed.

        :raises EngineError: when Orthanc refuses
        :raises django.db.DatabaseError: when the registry cannot be read; Orthanc then keeps what it knows
        """
        state = registry_state()
        if state == self._state and not fully:
            return 0
        self._gate.read()
        rest, changes = self._rest(), 0
        wanted = engine_modalities()
        known: dict[str, dict[str, object]] = json.loads(rest.get("/modalities?expand"))
        for name, modality in wanted.items():
            if any(known.get(name, {}).get(field) != value for field, value in modality.items()):
                rest.put(f"/modalities/{name}", json.dumps(modality).encode())
                changes += 1
        for name in known.keys() - wanted.keys():
            rest.delete(f"/modalities/{name}")
            changes += 1
        self._state = state
        return changes

    def keep_synchronised(self, unit: Callable[[], AbstractContextManager[None]], stopping: Stopping) -> None:
        """Check every :data:`CHECK_SECONDS` within ``unit()`` until stopping."""
        checks = 0
        while True:
            with unit():
                self.synchronise(fully=checks % int(FULL_CHECK_SECONDS / CHECK_SECONDS) == 0)
                self._gate.write_refused()
            checks += 1
            if stopping.wait(CHECK_SECONDS):
                return


def register(host: Host, settings: Settings) -> None:
    """Decide who may store, and synchronise from the start of Orthanc to its stop."""
    gate = StoreGate(lambda: host.guarded("store gate"))
    sync = DeviceRegistrySync(lambda: host.rest, gate)
    if settings.dicom.registered_only:
        host.filter_stores(gate.answer)
    host.in_background(
        "device-registry", lambda stopping: sync.keep_synchronised(lambda: host.guarded("device registry"), stopping)
    )
