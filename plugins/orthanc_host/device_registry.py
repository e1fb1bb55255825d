"""Keeps Orthanc's modalities equal to the registry of devices: only who is registered may store or ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from orthanc_host.host import EngineRest, Host, Stopping
from ris_core.devices.services import engine_modalities, registry_state
from ris_core.settings import Settings

CHECK_SECONDS = 1.0
"""How often the registry is asked whether it has changed."""
FULL_CHECK_SECONDS = 60.0
"""How often Orthanc's own list is compared although the registry has not changed."""


class DeviceRegistrySync:
    """Writes what differs into Orthanc's modalities, which the engine keeps in its database."""

    def __init__(self, rest: Callable[[], EngineRest]) -> None:
        self._rest = rest
        self._state: object = None

    def synchronise(self, *, fully: bool = False) -> int:
        """Bring Orthanc up to date when the registry has changed; returns how many modalities were written or removed.

        :raises EngineError: when Orthanc refuses
        :raises django.db.DatabaseError: when the registry cannot be read; Orthanc then keeps what it knows
        """
        state = registry_state()
        if state == self._state and not fully:
            return 0
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
            checks += 1
            if stopping.wait(CHECK_SECONDS):
                return


def register(host: Host, settings: Settings) -> None:
    """Synchronise from the start of Orthanc to its stop."""
    sync = DeviceRegistrySync(lambda: host.rest)
    host.in_background(
        "device-registry", lambda stopping: sync.keep_synchronised(lambda: host.guarded("device registry"), stopping)
    )
