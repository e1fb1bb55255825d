"""The list of devices: filters from the address, what each has done lately, and who tried without being registered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from ris_core.devices.models import Device, DeviceGroup, RefusedDevice
from ris_core.names import folded
from ris_core.studies.models import Study
from ris_core.worklist.models import WorklistQuery

BOXES = {"active": _("Đang dùng"), "silent": _("Thử không được"), "inactive": _("Đã ngừng dùng"), "all": _("Tất cả")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for."""

    box: str = "active"
    group: str = ""
    query: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Wanted:
        """Tolerant: an unknown value is the default."""
        box = parameters.get("box", "")
        return cls(
            box if box in BOXES else "active",
            parameters.get("group", "")[:64],
            parameters.get("q", "").strip()[:100],
        )

    def address(self, **changed: str) -> str:
        """The same with some parts changed."""
        parts = {"box": self.box, "group": self.group, "q": self.query, **changed}
        return "?" + urlencode(
            {name: value for name, value in parts.items() if value and (name, value) != ("box", "active")}
        )


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device with what it has done lately."""

    device: Device
    groups: tuple[str, ...]
    asked_at: datetime | None
    stored_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    wanted: Wanted
    rows: tuple[DeviceRow, ...]
    counts: Mapping[str, int]
    groups: tuple[str, ...]
    refused: tuple[RefusedDevice, ...]
    registered: Mapping[str, int]
    """Keys of all devices by AE title: a refused one among them is mended, not added."""


def listing(wanted: Wanted) -> Listing:
    """The devices that are asked for; the counts are over all."""
    asked = dict(WorklistQuery.objects.values_list("ae_title").annotate(at=Max("last_at")))
    devices = list(Device.objects.prefetch_related("groups").order_by("-active", "ae_title"))
    stored = _stored([device.ae_title for device in devices])
    rows = [
        DeviceRow(
            device,
            tuple(sorted(group.name for group in device.groups.all())),
            asked.get(device.ae_title),
            stored.get(device.ae_title),
        )
        for device in devices
    ]
    counts = Counter(box for row in rows for box in BOXES if _in_box(row, box))
    shown = [row for row in rows if _in_box(row, wanted.box) and _matches(row, wanted)]
    groups = tuple(DeviceGroup.objects.order_by("name").values_list("name", flat=True))
    return Listing(
        wanted,
        tuple(shown),
        counts,
        groups,
        tuple(RefusedDevice.objects.order_by("-last_at")),
        {row.device.ae_title: row.device.pk for row in rows},
    )


def _stored(titles: list[str]) -> dict[str, datetime]:
    found = Study.objects.filter(remote_ae_title__in=titles).values_list("remote_ae_title")
    return dict(found.annotate(at=Max("last_received_at")))


def _in_box(row: DeviceRow, box: str) -> bool:
    device = row.device
    if box == "silent":
        return device.active and device.echo_result not in ("", "ANSWERED")
    return box == "all" or device.active is (box == "active")


def _matches(row: DeviceRow, wanted: Wanted) -> bool:
    device = row.device
    if wanted.group and wanted.group not in row.groups:
        return False
    text = folded(
        f"{device.ae_title} {device.name} {device.room} {device.department} {device.host} {' '.join(device.modalities)}"
    )
    return folded(wanted.query) in text
