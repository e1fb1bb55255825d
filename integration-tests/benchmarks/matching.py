"""Matching: how often it is right (on labelled cases), and how long it takes with 100,000 open orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.table import Context, Row, at_least, no_more_than
from ris_suite import layout
from ris_testing.engine import make_home, migrate

CASES = 2450
PATIENTS = 400
OPEN_ORDERS = 100_000


def run(context: Context) -> list[Row]:
    """Both measures, in a database of their own."""
    environment = make_home(context.folder / "suite")
    migrate(environment)
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.matching_measure", *map(str, (CASES, PATIENTS, OPEN_ORDERS))],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("QUANG_", "DJANGO_"))},
            **environment,
            **({"QUANG_CORPUS": os.environ["QUANG_CORPUS"]} if "QUANG_CORPUS" in os.environ else {}),
            "PYTHONPATH": f"{layout.PLUGINS}:{layout.RIS_WEBAPP}:{layout.REPOSITORY / 'integration-tests'}",
        },
        check=True,
        stdout=subprocess.PIPE,
    )
    figures = json.loads(answer.stdout)
    note = f"{figures['linked']} linked of {figures['linkable']} linkable in {figures['cases']}"
    return [
        at_least("matching, precision of automatic links", figures["precision"], 1.0, "", note),
        at_least("matching, linked or first in the queue", figures["found"], 0.95, "", figures["missed"]),
        no_more_than(
            f"matching, decision with {OPEN_ORDERS:,} open orders, 95th percentile",
            figures["p95_ms"], 200, "ms",
            f"median {figures['median_ms']:.0f} ms, longest {figures['longest_ms']:.0f} ms",
        ),
    ]  # fmt: skip
