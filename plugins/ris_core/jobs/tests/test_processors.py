"""Sessions that stand back, asked of the real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNEL_SHARES_BY_SESSION = Path("/proc/self/autogroup").exists()
SHOW = """
from pathlib import Path
from ris_core.jobs.processors import session_stands_back
session_stands_back(7)
path = Path("/proc/self/autogroup")
print(path.read_text().split()[-1] if path.exists() else "none")
"""


@pytest.mark.parametrize(("own_session", "niceness"), [(True, "7"), (False, "0")])
def test_a_session_stands_back_only_when_it_is_the_processs_own(own_session: bool, niceness: str) -> None:
    """R16: another's session, such as a terminal's, is left as it is."""
    shell = ["setsid", "--wait", "sh", "-c", '"$0" "$@"; true', sys.executable, "-c", SHOW]
    command = [sys.executable, "-c", SHOW] if own_session else shell
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(
        command, env=environment, start_new_session=own_session, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert said == (niceness if KERNEL_SHARES_BY_SESSION else "none")
