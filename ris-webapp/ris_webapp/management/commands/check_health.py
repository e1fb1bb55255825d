"""Say which parts of the suite work; the exit code is 1 when one does not."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from ris_webapp.management.command import SuiteCommand
from ris_webapp.screens.health.checks import look


class Command(SuiteCommand):
    help = "Database, engine and worker as the web app sees them, as one JSON object."

    def handle(self, *args: Any, **options: Any) -> None:
        health = look()
        self.stdout.write(json.dumps({"status": health.status, **asdict(health)}))
        if health.status != "ok":
            sys.exit(1)
