"""The demonstration's data: complete, secret, and the same however often it is made."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from ris_core.accounts.models import Role, User
from ris_core.delivery.models import Receiver
from ris_core.devices.models import Device, ImagingService

pytestmark = pytest.mark.django_db


def _logins(path: Path) -> dict[str, str]:
    return {login["username"]: login["password"] for login in json.loads(path.read_text(encoding="utf-8"))["logins"]}


def test_seeding_twice_makes_everything_once_and_keeps_the_passwords() -> None:
    path = settings.QUANG.home / "demo-logins.json"
    call_command("seed_demo", his_port=2599)
    first = _logins(path)
    counts = [model.objects.count() for model in (User, Device, ImagingService, Receiver)]
    call_command("seed_demo")
    assert _logins(path) == first
    assert [model.objects.count() for model in (User, Device, ImagingService, Receiver)] == counts
    assert {user.role for user in User.objects.all()} == set(Role.values)
    assert all(User.objects.get(username=name).check_password(password) for name, password in first.items())
    assert Receiver.objects.get().port == 2599
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_password_that_was_changed_is_replaced_and_told() -> None:
    call_command("seed_demo")
    user = User.objects.get(username="bacsi")
    user.set_password("của riêng tôi 2026")
    user.save()
    call_command("seed_demo")
    told = _logins(settings.QUANG.home / "demo-logins.json")["bacsi"]
    assert User.objects.get(username="bacsi").check_password(told)


def test_every_service_of_the_catalogue_has_a_device_of_its_modality() -> None:
    call_command("seed_demo")
    for service in ImagingService.objects.select_related("default_device"):
        assert service.default_device is not None
        assert service.default_device.modality == service.modality
