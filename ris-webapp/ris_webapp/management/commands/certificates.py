"""``manage.py certificates``: certificates of the suite's own authority, and how long those in use are still good."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ris_core.audit.services import SYSTEM, record
from ris_core.certificates.authority import LocalAuthority, days_left
from ris_core.certificates.in_use import certificates_in_use
from ris_core.errors import InvalidValue
from ris_webapp.management.command import SuiteCommand


class Command(SuiteCommand):
    help = "Makes certificates by the suite's own authority under certificates/ in the home."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        front_door = actions.add_parser("front-door", help="for HTTPS, unless there is one that is still good")
        front_door.add_argument("--host", action="append", default=[], help="a further name or address")
        dicom = actions.add_parser("dicom", help="for DICOM and MPPS over TLS, unless there is one that is still good")
        dicom.add_argument("--host", action="append", default=[], help="a name or address that devices call")
        device = actions.add_parser("device", help="for a device, to be installed on it together with authority.pem")
        device.add_argument("ae_title")
        actions.add_parser("status", help="how many days the certificates in use are still good")

    def handle(self, *_arguments: Any, action: str, **options: Any) -> None:
        now = datetime.now(UTC)
        quang = settings.QUANG
        authority = LocalAuthority(quang.certificates, quang.site.name)
        try:
            if action == "status":
                for name, path in certificates_in_use(quang):
                    self.stdout.write(f"{name}: {path}: {_state(path, now)}")
            elif action == "device":
                path = authority.certify(options["ae_title"], options["ae_title"], [], now)
                record(SYSTEM, "certificate.issued", subject=options["ae_title"])
                self.stdout.write(f"{path}, its key {path.with_suffix('.key')}, trusted: {path.parent}/authority.pem")
            else:
                name = urlsplit(quang.public_url).hostname or "localhost"
                hosts = [name, "localhost", "127.0.0.1", *options["host"]]
                if authority.certify_unless_fresh(action, name[:64], hosts, now):
                    self.stdout.write(f"made {quang.certificates}/{action}.pem")
        except (InvalidValue, OSError) as error:
            raise CommandError(str(error)) from error


def _state(path: Path, now: datetime) -> str:
    try:
        return f"{days_left(path, now)} days left"
    except (InvalidValue, OSError) as error:
        return f"cannot be read: {error}"
