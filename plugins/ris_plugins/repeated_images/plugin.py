"""An image that a device sends under the UID of a stored one is compared with it, and kept if it is another image."""

from __future__ import annotations

import json

from orthanc_host.host import Host
from ris_core.settings import Settings
from ris_plugins.repeated_images.service import RepeatedImages


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

    host.on_received(repeated.may_go_on)
