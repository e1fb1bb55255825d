"""The half of :mod:`ris_testing.schedule` that runs with the suite's settings."""

from __future__ import annotations

import os
from typing import Any

import django
from django.conf import settings as django_settings

from ris_core.django_settings import domain_settings
from ris_core.settings import load_settings

django_settings.configure(**domain_settings(load_settings(os.environ)))
django.setup()

from ris_core.audit.services import SYSTEM  # noqa: E402
from ris_core.devices.models import Device  # noqa: E402
from ris_core.devices.services import DeviceRegistration, change_device, register_device  # noqa: E402
from ris_core.worklist.tests.builders import schedule  # noqa: E402

_REGISTERED = ("ae_title", "name", "modality", "host", "port", "room", "department", "may_store", "may_query_worklist",
               "may_query_retrieve")  # fmt: skip


def apply(wanted: dict[str, Any]) -> list[int]:
    """Do what :func:`ris_testing.schedule.schedule` was asked."""
    for device in wanted["devices"]:
        register_device(DeviceRegistration(**device), SYSTEM)
    for ae_title in wanted["withdrawn"]:
        device = Device.objects.get(ae_title=ae_title)
        known = {name: getattr(device, name) for name in _REGISTERED}
        change_device(device.pk, DeviceRegistration(**known, active=False), SYSTEM)
    return [schedule(**step) for step in wanted["steps"]]
