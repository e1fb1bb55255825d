"""What the front end decides without a page, tested by node's own runner beside its sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FRONT_END = Path(__file__).parents[2] / "frontend"
TESTS = sorted(FRONT_END.glob("src/**/*.test.mjs"))


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_node_agrees(tests: Path) -> None:
    node = Path(sys.executable).parent / "node"
    done = subprocess.run(
        [node, "--test", tests], cwd=FRONT_END, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
