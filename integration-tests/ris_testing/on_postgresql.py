"""``python -m ris_testing.on_postgresql COMMAND …``: run a command with a PostgreSQL server of its own, for once.

The command finds the server in ``QUANG_TEST_DATABASE_URL`` and a migrated database in
``QUANG_TEST_DATABASE_TEMPLATE`` (unit tests), and ``QUANG_DATABASE=postgresql`` makes every suite that a scenario
starts a suite on PostgreSQL.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ris_suite.suite import Suite
from ris_testing.migrated import begin_migrated


def main(command: list[str]) -> int:
    """The command's exit status."""
    with tempfile.TemporaryDirectory(prefix="quang-pg-") as folder:
        suite = Suite.at(Path(folder) / "home", database="postgresql", parts=frozenset({"postgres"}))
        begin_migrated(suite.settings.home, "postgresql")
        suite.up()
        try:
            url = suite.environment()["QUANG_DATABASE_URL"]
            environment = {
                **os.environ,
                "QUANG_TEST_DATABASE_URL": url,
                "QUANG_TEST_DATABASE_TEMPLATE": "quang",
                "QUANG_DATABASE": "postgresql",
            }
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            suite.down()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
