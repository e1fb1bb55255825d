"""ZDV: a device as the HIS's master data have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ris_core.audit.services import Actor
from ris_core.devices.models import Device
from ris_core.devices.services import DeviceRegistration, change_device, register_device, registration_of
from ris_core.errors import NotFound
from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.hl7.er7 import Segment
from ris_core.intake.values import missing, refused

_FIELDS = {2: "name", 3: "modality", 4: "host", 6: "room", 7: "department"}
"""ZDV-1 is the AE title, ZDV-5 the port."""


def save_device(zdv: Segment, active: bool | None, actor: Actor) -> None:
    """Register or change the device of ``zdv``.

    A new one is not in use until an administrator has looked at it, and one in use stays where it is: a message opens
    no door to the archive.

    :param active: what MFE-1 makes of a known device; none leaves it as it is
    :raises MessageRefused: it would take a device into use, or change the address of one that is
    :raises NotFound: withdrawn or taken back, and not here
    :raises InvalidValue: a value that no device can have
    """
    title = zdv.value(1)
    if not title:
        raise missing("the AE title", zdv, 1)
    said: dict[str, Any] = {name: zdv.value(number) for number, name in _FIELDS.items() if zdv.value(number)}
    if port := zdv.value(5):
        if not (port.isdecimal() and len(port) <= 5):
            raise refused("a port is a number from 1 to 65535", ErrorCode.DATA_TYPE_ERROR, zdv, 5)
        said["port"] = int(port)
    known = Device.objects.filter(ae_title=title).first()
    if known is None and active is not None:
        raise NotFound("there is no device with this AE title", field="ae_title")
    if known is None:
        register_device(DeviceRegistration(**{"name": title, **said, "ae_title": title, "active": False}), actor)
        return
    if active and not known.active:
        raise refused("a device is taken into use by an administrator", ErrorCode.APPLICATION_RECORD_LOCKED, zdv, 1)
    before = registration_of(known)
    wanted = replace(before, active=active) if active is not None else replace(before, **said)
    if before.active and (wanted.host, wanted.port) != (before.host, before.port):
        detail = "the address of a device in use is changed by an administrator"
        raise refused(detail, ErrorCode.APPLICATION_RECORD_LOCKED, zdv, 4)
    if wanted != before:
        change_device(known.pk, wanted, actor)
