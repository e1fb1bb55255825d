"""Put a backup into this home, which must be empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from ris_core.backups.restoring import restore_backup
from ris_core.errors import QuangError
from ris_webapp.management.command import SuiteCommand


class Command(SuiteCommand):
    help = "Restore a backup into an empty home, after it has been read to its end; the suite must be down."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            looked = restore_backup(options["file"])
        except QuangError as error:
            raise CommandError(error.detail) from error
        except (OSError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"restored: {looked.files} files, {looked.size} bytes; start the suite now")
