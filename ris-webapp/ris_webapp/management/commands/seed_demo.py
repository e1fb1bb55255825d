"""Fill a new suite with what a demonstration needs, and write the logins down; running it again changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import transaction

from ris_core.accounts.models import User
from ris_core.accounts.passwords import random_password
from ris_core.audit.services import SYSTEM
from ris_core.changes.services import announce
from ris_core.delivery.models import Receiver
from ris_core.devices.models import Device, ImagingService
from ris_core.print_layouts.ready import load_layouts
from ris_core.reports.ready_phrases import load_phrases
from ris_core.reports.templates import load_templates
from ris_webapp import demo
from ris_webapp.management.command import SuiteCommand


class Command(SuiteCommand):
    help = (
        "Users of every role with random passwords, devices, imaging services, report templates and the simulated HIS "
        "as a receiver of results. Logins are written to $QUANG_HOME/demo-logins.json (mode 600)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--his-host", help="where the simulated HIS receives results (kept when not given)")
        parser.add_argument("--his-port", type=int, help="its MLLP port (kept when not given)")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.QUANG.home / "demo-logins.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        former: dict[str, dict[str, str]] = {login["username"]: login for login in known.get("logins", ())}
        with transaction.atomic():
            logins = [_login(person, former.get(person.username, {})) for person in demo.USERS]
            devices = {device.ae_title: _device(device) for device in demo.DEVICES}
            for service in demo.SERVICES:
                _service(service, devices[service.device])
            _receiver(options["his_host"], options["his_port"])
            announce("device", 0)
        load_templates()
        load_phrases(SYSTEM)
        load_layouts()
        _write(path, {"url": settings.QUANG.public_url, "logins": logins, "tokens": _tokens()})
        self.stdout.write(f"demo: {len(logins)} logins in {path}")


def _login(person: demo.DemoUser, former: dict[str, str]) -> dict[str, str]:
    """``former``: what the file says of the user; the password in it goes on while it is the one that is stored."""
    user = User.objects.filter(username=person.username).first()
    password = former.get("password", "")
    if user is None or not password or former.get("stored") != _fingerprint(user):
        password = random_password()
        if user is None:
            user = User(username=person.username, full_name=person.full_name, title=person.title, role=person.role)
        user.set_password(password)
        user.save()
    return {
        "username": person.username, "password": password, "role": person.role, "full_name": person.full_name,
        "stored": _fingerprint(user),
    }  # fmt: skip


def _fingerprint(user: User) -> str:
    """Tells whether the stored password has been changed, in no time: to try the password itself takes a second."""
    return hashlib.sha256(user.password.encode()).hexdigest()


def _device(device: demo.DemoDevice) -> Device:
    defaults = {"name": device.name, "modality": device.modality, "room": device.room, "port": device.port}
    return Device.objects.get_or_create(ae_title=device.ae_title, defaults=defaults)[0]


def _service(service: demo.DemoService, device: Device) -> None:
    ImagingService.objects.get_or_create(
        code=service.code,
        coding_system=demo.CODING_SYSTEM,
        defaults={
            "name": service.name,
            "modality": service.modality,
            "body_part": service.body_part,
            "default_device": device,
            "minimum_minutes": service.minimum_minutes,
        },
    )


def _receiver(host: str | None, port: int | None) -> None:
    receiver, _ = Receiver.objects.get_or_create(
        code="HIS", defaults={"name": "HIS bệnh viện", "host": "127.0.0.1", "port": 2576, "facility": "BVQ"}
    )
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if given:
        Receiver.objects.filter(pk=receiver.pk).update(**given)


def _tokens() -> dict[str, str]:
    """The service tokens that look into the engine, and the secret with which the demo's HIS signs launches."""
    names = ("service_token_web", "service_token_worker", "service_token_monitor", "launch_secret_HIS")
    return {name: settings.QUANG.secret(name) for name in names}


def _write(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step; nobody else may read it at any moment."""
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
    partial.replace(path)
