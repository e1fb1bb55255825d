"""Matching on either database: how often it is right (labelled cases), and how long it takes at 100,000 open orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.table import Context, Row, at_least, no_more_than
from ris_suite import layout
from ris_suite.suite import Suite
from ris_testing.engine import make_home, migrate

CASES = 2450
PATIENTS = 400
OPEN_ORDERS = 100_000
DATABASES = ("SQLite", "PostgreSQL")


def run(context: Context) -> list[Row]:
    """Both measures, in databases of their own."""
    return [row for name in DATABASES for row in _rows(name, context.folder / name)]


def _rows(database: str, folder: Path) -> list[Row]:
    with _empty(database, folder) as environment:
        figures = _measured(environment)
    note = f"{figures['linked']} linked of {figures['linkable']} linkable in {figures['cases']}"
    return [
        at_least(f"matching on {database}, precision of automatic links", figures["precision"], 1.0, "", note),
        at_least(f"matching on {database}, linked or first in queue", figures["found"], 0.95, "", figures["missed"]),
        no_more_than(
            f"matching on {database}, decision with {OPEN_ORDERS:,} open orders, 95th percentile",
            figures["p95_ms"], 200, "ms",
            f"median {figures['median_ms']:.0f} ms, longest {figures['longest_ms']:.0f} ms",
        ),
    ]  # fmt: skip


@contextmanager
def _empty(database: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """The environment of a database with tables and nothing in them."""
    environment = make_home(folder / "suite")
    if database == "SQLite":
        migrate(environment)
        yield environment
        return
    server = Suite.at(folder / "server", database="postgresql", parts=frozenset({"postgres"}))
    server.up()
    try:
        environment["QUANG_DATABASE_URL"] = server.environment()["QUANG_DATABASE_URL"]
        migrate(environment)
        yield environment
    finally:
        server.down()


def _measured(environment: Mapping[str, str]) -> dict[str, Any]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("QUANG_", "DJANGO_"))}
    corpus = {"QUANG_CORPUS": os.environ["QUANG_CORPUS"]} if "QUANG_CORPUS" in os.environ else {}
    path = f"{layout.PLUGINS}:{layout.RIS_WEBAPP}:{layout.REPOSITORY / 'integration-tests'}"
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.matching_measure", *map(str, (CASES, PATIENTS, OPEN_ORDERS))],
        env={**inherited, **environment, **corpus, "PYTHONPATH": path},
        check=True,
        stdout=subprocess.PIPE,
    )
    figures: dict[str, Any] = json.loads(answer.stdout)
    return figures
