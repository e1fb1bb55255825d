"""The suite's secrets: which there are, what still needs old keys, and how they are exchanged."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from ris_core import site_secrets
from ris_core.audit.services import Actor, record
from ris_core.errors import QuangError
from ris_core.sealing import rotation
from ris_core.sealing.keys import sealing_keys
from ris_webapp.management.command import SuiteCommand


class Command(SuiteCommand):
    help = "List secrets and keys in use (default); exchange one; seal everything anew by the present key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=("list", "rotate", "retire", "reseal"))
        parser.add_argument("name", nargs="?", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        action, name, folder = options["action"], options["name"], settings.QUANG.secrets_dir
        try:
            if action == "list":
                self._list()
            elif action == "reseal":
                self._reseal()
            elif action == "rotate":
                count = site_secrets.rotate(folder, name)
                record(Actor("manage.py"), "secret.rotated", subject=f"secret:{name}")
                self.stdout.write(f"{name}: {count} keys, the new one in front; docs/security.md says what to restart")
            else:
                count = site_secrets.retire(folder, name)
                record(Actor("manage.py"), "secret.retired", subject=f"secret:{name}")
                self.stdout.write(f"{name}: {count} old keys taken out")
        except QuangError as error:
            raise CommandError(error.detail) from error

    def _list(self) -> None:
        folder = settings.QUANG.secrets_dir
        for path in sorted(folder.iterdir()):
            if any(secret.names(path.name) for secret in site_secrets.SECRETS):
                self.stdout.write(f"{path.name}: {len(site_secrets.lines_of(folder, path.name))}")
        present = sealing_keys()[0].id
        for column, counts in sorted(rotation.keys_in_use().items()):
            told = ", ".join(
                f"{count} {'not sealed' if key == rotation.PLAIN else 'by the present key' if key == present else key}"
                for key, count in sorted(counts.items())
            )
            self.stdout.write(f"  {column}: {told}")

    def _reseal(self) -> None:
        done = rotation.reseal(lambda column, count: self.stdout.write(f"{column}: {count}"))
        self.stdout.write(f"{done.sealed} values sealed by the present key")
        if done.unopened or done.doubled:
            raise CommandError(f"do not open: {dict(done.unopened)}; doubled: {done.doubled}")
