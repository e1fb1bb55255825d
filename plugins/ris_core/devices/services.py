"""The registry of devices: who is known, and what each may do here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from django.db import IntegrityError, transaction
from django.db.models import Count, Max

from ris_core.audit.services import Actor, record
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue, NotFound
from ris_core.identifiers import AETitle


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRegistration:
    """What is known of a device and what it may do."""

    ae_title: str
    name: str
    modality: str = ""
    host: str = "127.0.0.1"
    port: int = 104
    room: str = ""
    department: str = ""
    may_store: bool = True
    may_query_worklist: bool = True
    may_query_retrieve: bool = False
    active: bool = True

    def __post_init__(self) -> None:
        if AETitle(self.ae_title) != self.ae_title or not self.ae_title.isascii():
            raise InvalidValue("an AE title has 1 to 16 ASCII characters, none at its ends a space", field="ae_title")
        if not self.name.strip():
            raise InvalidValue("a device needs a name", field="name")
        if not self.host.strip() or any(character.isspace() for character in self.host):
            raise InvalidValue("a device needs a host name or an IP address", field="host")
        if not 1 <= self.port <= 65535:
            raise InvalidValue("a port is a number from 1 to 65535", field="port")
        if self.modality and not (self.modality.isascii() and self.modality.isalnum() and self.modality.isupper()):
            raise InvalidValue("a modality is a DICOM code such as CT, MR or US", field="modality")


def register_device(registration: DeviceRegistration, actor: Actor) -> Device:
    """Add a device. Orthanc knows it within two seconds (:mod:`orthanc_host.device_registry`).

    :raises InvalidValue: when its AE title is taken
    """
    try:
        with transaction.atomic():
            device = Device.objects.create(**asdict(registration))
            record(actor, "device.registered", subject=registration.ae_title)
    except IntegrityError as error:
        raise InvalidValue("another device has this AE title", field="ae_title") from error
    return device


def change_device(device_id: int, registration: DeviceRegistration, actor: Actor) -> Device:
    """Replace what is known of a device; to withdraw one, make it inactive: devices are never deleted.

    :raises NotFound: when there is no such device
    :raises InvalidValue: when the AE title belongs to another
    """
    try:
        with transaction.atomic():
            device = Device.objects.select_for_update().filter(pk=device_id).first()
            if device is None:
                raise NotFound("there is no such device", field="device")
            before = {name: getattr(device, name) for name in asdict(registration)}
            for name, value in asdict(registration).items():
                setattr(device, name, value)
            device.save()
            changed = sorted(name for name, value in asdict(registration).items() if before[name] != value)
            record(actor, "device.changed", subject=registration.ae_title, fields=changed)
    except IntegrityError as error:
        raise InvalidValue("another device has this AE title", field="ae_title") from error
    return device


def registry_state() -> tuple[int, object]:
    """A value that differs when a device was added or changed; cheap enough to ask every second."""
    found = Device.objects.aggregate(count=Count("pk"), last=Max("updated_at"))
    return found["count"], found["last"]


def engine_name(device_id: int) -> str:
    """The device's symbolic name in Orthanc: ``/modalities/<name>/echo`` asks it for a C-ECHO."""
    return f"device-{device_id}"


def engine_modalities() -> Mapping[str, dict[str, object]]:
    """What Orthanc is to know: active devices by symbolic name, in the words of its ``PUT /modalities/{id}``."""
    return {
        engine_name(device.pk): {
            "AET": device.ae_title,
            "Host": device.host,
            "Port": device.port,
            "AllowEcho": True,
            "AllowStore": device.may_store,
            "AllowFind": device.may_query_retrieve,
            "AllowFindWorklist": device.may_query_worklist,
            "AllowGet": device.may_query_retrieve,
            "AllowMove": device.may_query_retrieve,
        }
        for device in Device.objects.filter(active=True)
    }
