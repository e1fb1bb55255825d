"""Django's command line for the RIS web app and its worker."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(root / "plugins"), str(root / "ris-webapp")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ris_webapp.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
