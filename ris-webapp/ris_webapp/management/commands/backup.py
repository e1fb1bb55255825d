"""Make an encrypted backup now, or read one to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from ris_core.audit.services import Actor
from ris_core.backups.restoring import verify_backup
from ris_core.backups.schedule import made_now
from ris_core.errors import QuangError
from ris_webapp.management.command import SuiteCommand


class Command(SuiteCommand):
    help = "Back up database, images and settings, encrypted by the secret backup_key; the suite may run meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, help="where it goes; else the setting backup.folder")
        parser.add_argument("--verify", type=Path, metavar="FILE", help="make none: read this one to its end")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verify"]:
                looked = verify_backup(options["verify"])
                self.stdout.write(
                    f"whole: made {looked.manifest.made_at:%Y-%m-%d %H:%M} UTC, {looked.manifest.database}, "
                    f"{looked.files} files, {looked.size} bytes"
                )
                return
            folder = options["folder"] or settings.QUANG.backup.folder
            if not folder:
                raise CommandError("name a folder, or set backup.folder")
            made = made_now(Path(folder), Actor("manage.py"))
        except QuangError as error:
            raise CommandError(error.detail) from error
        except (OSError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{made.path}: {made.size} bytes, {made.images} image files")
