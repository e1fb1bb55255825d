"""The registry of devices: who is known, what each may do here, and who tried without being known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max
from django.utils import timezone

from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.devices.admission import Reason, read_networks
from ris_core.devices.character_sets import CODECS, UNICODE
from ris_core.devices.models import Device, DeviceGroup, RefusedDevice
from ris_core.devices.quirks import Quirks, WorklistFilter, as_json
from ris_core.devices.registered import parsed
from ris_core.errors import InvalidValue, NotFound
from ris_core.identifiers import AETitle


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRegistration:
    """What is known of a device and what it may do."""

    ae_title: str
    name: str
    modality: str = ""
    other_modalities: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    networks: str = ""
    """Addresses and networks from which it calls; empty: from ``host`` alone."""
    port: int = 104
    room: str = ""
    department: str = ""
    groups: tuple[str, ...] = ()
    """Names; a group that is not there yet is made."""
    character_set: str = UNICODE
    quirks: Quirks = field(default_factory=Quirks)
    worklist_filter: WorklistFilter = field(default_factory=WorklistFilter)
    may_store: bool = True
    may_query_worklist: bool = True
    may_query: bool = False
    may_retrieve: bool = False
    may_commit: bool = True
    may_call_plain: bool = True
    certificate: str = ""
    active: bool = True

    def __post_init__(self) -> None:
        if AETitle(self.ae_title) != self.ae_title or not self.ae_title.isascii():
            raise InvalidValue("an AE title has 1 to 16 ASCII characters, none at its ends a space", field="ae_title")
        if not self.name.strip():
            raise InvalidValue("a device needs a name", field="name")
        if not self.host.strip() or any(character.isspace() for character in self.host):
            raise InvalidValue("a device needs a host name or an IP address", field="host")
        try:
            read_networks(self.networks)
        except ValueError as error:
            raise InvalidValue("addresses and networks such as 10.0.0.5 or 10.0.4.0/24", field="networks") from error
        if len(self.networks) > 255:
            raise InvalidValue("addresses and networks are 255 characters at most", field="networks")
        if len(self.certificate) > 255 or not self.certificate.isprintable():
            raise InvalidValue("a certificate's name has at most 255 characters", field="certificate")
        if not 1 <= self.port <= 65535:
            raise InvalidValue("a port is a number from 1 to 65535", field="port")
        if self.modality and not _is_modality(self.modality):
            raise InvalidValue("a modality is a DICOM code such as CT, MR or US", field="modality")
        if not all(map(_is_modality, self.other_modalities)) or len(" ".join(self.other_modalities)) > 128:
            raise InvalidValue("modalities are DICOM codes such as CT, MR or US", field="other_modalities")
        if self.character_set not in CODECS:
            raise InvalidValue("the character set is none that is known here", field="character_set")
        if not all(0 < len(group.strip()) <= 64 for group in self.groups):
            raise InvalidValue("a group's name has 1 to 64 characters", field="groups")

    def columns(self) -> dict[str, Any]:
        """The values of the device's own columns."""
        kept = {name: getattr(self, name) for name in self.__slots__ if name != "groups"}
        return kept | {
            "other_modalities": " ".join(self.other_modalities),
            "quirks": as_json(self.quirks),
            "worklist_filter": as_json(self.worklist_filter),
        }


def _is_modality(code: str) -> bool:
    return code.isascii() and code.isalnum() and code.isupper() and len(code) <= 16


def register_device(registration: DeviceRegistration, actor: Actor) -> Device:
    """Add a device. The engine knows it within two seconds (:mod:`orthanc_host.device_registry`).

    :raises InvalidValue: when its AE title is taken
    """
    try:
        with transaction.atomic():
            device = Device.objects.create(**registration.columns())
            device.groups.set(_groups(registration.groups))
            RefusedDevice.objects.filter(ae_title=device.ae_title).delete()
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
            wanted = registration.columns()
            changed = {name for name, value in wanted.items() if getattr(device, name) != value}
            for name in changed:
                setattr(device, name, wanted[name])
            if set(device.groups.values_list("name", flat=True)) != set(registration.groups):
                device.groups.set(_groups(registration.groups))
                changed.add("groups")
            device.save()
            DeviceGroup.objects.filter(devices__isnull=True).delete()
            record(actor, "device.changed", subject=registration.ae_title, fields=sorted(changed))
    except IntegrityError as error:
        raise InvalidValue("another device has this AE title", field="ae_title") from error
    return device


def registration_of(device: Device) -> DeviceRegistration:
    """A device as it could be registered again: what forms start from, and what is exported."""
    quirks, worklist_filter = parsed(device.quirks, device.worklist_filter)
    plain = (
        "ae_title", "name", "modality", "host", "networks", "port", "room", "department", "character_set", "may_store",
        "may_query_worklist", "may_query", "may_retrieve", "may_commit", "may_call_plain", "certificate", "active",
    )  # fmt: skip
    return DeviceRegistration(
        **{name: getattr(device, name) for name in plain},
        other_modalities=tuple(device.other_modalities.split()),
        groups=tuple(device.groups.order_by("name").values_list("name", flat=True)),
        quirks=quirks,
        worklist_filter=worklist_filter,
    )


def _groups(names: Iterable[str]) -> list[DeviceGroup]:
    return [DeviceGroup.objects.get_or_create(name=name.strip())[0] for name in dict.fromkeys(names)]


def note_echo(device_id: int, result: str, actor: Actor) -> None:
    """Keep how the device answered an echo (``ANSWERED`` or what was wrong)."""
    device = Device.objects.filter(pk=device_id)
    with transaction.atomic():
        device.update(echoed_at=timezone.now(), echo_result=result)
        subject = device.values_list("ae_title", flat=True).first() or ""
        record(actor, "device.echoed", subject=subject, success=result == "ANSWERED", result=result)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A title tried what it may not."""

    ae_title: str
    service: str
    """Of :class:`~ris_core.devices.models.RefusedDevice.Service`."""
    address: str
    at: datetime
    reason: str = Reason.NOT_ALLOWED


MOST_REFUSED_TITLES = 200
"""Titles kept of devices that nobody has registered; beyond it the oldest are forgotten. The audit trail has each."""


def note_refusals(refusals: Sequence[Refusal]) -> None:
    """Keep who tried what without being registered for it; the first try of a title is audited."""
    with transaction.atomic():
        for refusal in refusals:
            known = RefusedDevice.objects.select_for_update().filter(
                ae_title=refusal.ae_title[:64], service=refusal.service
            )
            row = known.first()
            if row is not None:
                row.times, row.last_at, row.address = row.times + 1, refusal.at, refusal.address
                row.reason = refusal.reason
                row.save()
                continue
            RefusedDevice.objects.create(
                ae_title=refusal.ae_title[:64], service=refusal.service, address=refusal.address, reason=refusal.reason,
                first_at=refusal.at, last_at=refusal.at,
            )  # fmt: skip
            actor = Actor(refusal.ae_title[:64], address=refusal.address, kind=ActorKind.DEVICE)
            record(actor, "device.refused", subject=refusal.ae_title[:64], success=False, service=refusal.service,
                   why=refusal.reason)  # fmt: skip
        kept = RefusedDevice.objects.order_by("-last_at").values_list("pk", flat=True)[:MOST_REFUSED_TITLES]
        RefusedDevice.objects.exclude(pk__in=list(kept)).delete()


def forget_refused(ae_title: str, actor: Actor) -> None:
    """Take a title off the list of those that tried: somebody has looked into it."""
    with transaction.atomic():
        if RefusedDevice.objects.filter(ae_title=ae_title).delete()[0]:
            record(actor, "device.refusal_forgotten", subject=ae_title)


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
            "AllowFind": device.may_query,
            "AllowFindWorklist": device.may_query_worklist,
            "AllowGet": device.may_retrieve,
            "AllowMove": device.may_retrieve,
            "AllowStorageCommitment": device.may_commit,
        }
        for device in Device.objects.filter(active=True)
    }


def titles_that_may_store() -> frozenset[str]:
    """The AE titles whose images are taken."""
    return frozenset(Device.objects.filter(active=True, may_store=True).values_list("ae_title", flat=True))
