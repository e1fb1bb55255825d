"""An image that a device sends under the UID of a stored one is compared with it, and kept if it is another image."""

from __future__ import annotations

import json

from orthanc_host.host import Host, Origin, ReceivedHandler
from ris_core.settings import Settings
from ris_plugins.repeated_images.service.repeated_images import RepeatedImages


def register(host: Host, settings: Settings) -> None:
    """Look at every image as it is received."""

    def stored_under(sop_instance_uid: str) -> list[str]:
        answer = host.rest.post("/tools/lookup", sop_instance_uid.encode())
        if len(answer) < len('[{"ID":""}]'):
            return []
        return [found["ID"] for found in json.loads(answer) if found["Type"] == "Instance"]

    def has_any_of(series_instance_uid: str) -> bool:
        return bool(json.loads(host.rest.post("/tools/lookup", series_instance_uid.encode())))

    repeated = RepeatedImages(
        stored_under,
        has_any_of,
        lambda orthanc_id: host.rest.get(f"/instances/{orthanc_id}/file"),
        lambda: host.guarded("repeated image"),
        host.report,
    )

    host.on_received(handler(repeated))


def handler(repeated: RepeatedImages) -> ReceivedHandler:
    """What is asked for each file."""

    def may_go_on(file: bytes, origin: Origin) -> bool:
        if origin is not Origin.DEVICE:
            repeated.comes_on_another_way(file)
        # by its REST API only the worker and the gateway store, which look for themselves (docs/adr/0021)
        return origin is Origin.REST or repeated.may_go_on(file)

    return may_go_on
