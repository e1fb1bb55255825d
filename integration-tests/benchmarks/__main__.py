"""``make bench``: runs every benchmark, prints one table, keeps it in ``$QUANG_HOME/bench.json``.

``python -m benchmarks worklist storage`` runs the named ones only. Exits with 1 when a target was missed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    audit_cost,
    exams,
    filter_cost,
    intake,
    matching,
    signing,
    storage,
    viewer,
    viewer_rate,
    web,
    worklist,
)
from benchmarks.table import Context, Row, render, write

BENCHMARKS = (
    ("intake", intake.run),
    ("worklist", worklist.run),
    ("matching", matching.run),
    ("storage", storage.run),
    ("web", web.run),
    ("audit_cost", audit_cost.run),
    ("filter_cost", filter_cost.run),
    ("exams", exams.run),
    ("viewer", viewer.run),
    ("viewer_rate", viewer_rate.run),
    ("signing", signing.run),
)  # fmt: skip
"""Every benchmark: one line each."""


def main(names: list[str]) -> int:
    home = Path(os.environ.get("QUANG_HOME", "var")).absolute()
    rows: list[Row] = []
    for name, run in BENCHMARKS:
        if names and name not in names:
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f"quang-bench-{name}-", ignore_cleanup_errors=True) as folder:
            rows += run(Context(Path(folder), home))
    print(render(rows))
    write(home / "bench.json", rows)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
