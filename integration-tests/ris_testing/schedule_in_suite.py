"""The half of :mod:`ris_testing.schedule` that runs with the suite's settings."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import django
from django.conf import settings as django_settings

from ris_core.django_settings import domain_settings
from ris_core.settings import load_settings

django_settings.configure(**domain_settings(load_settings(os.environ)))
django.setup()

from ris_core.audit.services import SYSTEM  # noqa: E402
from ris_core.devices.models import Device  # noqa: E402
from ris_core.devices.quirks import Quirks, WorklistFilter, read  # noqa: E402
from ris_core.devices.services import (  # noqa: E402
    DeviceRegistration,
    change_device,
    register_device,
    registration_of,
)
from ris_core.worklist.tests.builders import schedule  # noqa: E402


def apply(wanted: dict[str, Any]) -> list[int]:
    """Do what :func:`ris_testing.schedule.schedule` was asked."""
    for device in wanted["devices"]:
        register_device(_registration(device), SYSTEM)
    for ae_title in wanted["withdrawn"]:
        device = Device.objects.get(ae_title=ae_title)
        change_device(device.pk, replace(registration_of(device), active=False), SYSTEM)
    return [schedule(**step) for step in wanted["steps"]]


def _registration(device: dict[str, Any]) -> DeviceRegistration:
    """``device`` as it came in JSON."""
    typed: dict[str, Any] = {
        **device,
        "quirks": read(Quirks, device.get("quirks", {}), "quirks"),
        "worklist_filter": read(WorklistFilter, device.get("worklist_filter", {}), "worklist_filter"),
        **{name: tuple(device[name]) for name in ("groups", "other_modalities") if name in device},
    }
    return DeviceRegistration(**typed)
