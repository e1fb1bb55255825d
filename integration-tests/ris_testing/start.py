"""Starts a suite of whichever backend the environment chooses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ris_testing.backends import RunningSuite, chosen_backend, chosen_database
from ris_testing.containers import start_containers
from ris_testing.processes import start_processes


def start_suite(home: Path, overrides: Mapping[str, str] | None = None, *, demo: bool = True) -> RunningSuite:
    """Starts a suite of the chosen backend and waits until it is healthy.

    ``home`` is an empty folder of this suite's own; ``overrides`` are settings as in the environment, such as
    ``{"QUANG_DELIVERY__MAX_ATTEMPTS": "3"}``.
    """
    if chosen_backend() == "containers":
        return start_containers(home, overrides or {}, demo=demo)
    return start_processes(home, chosen_database(), overrides or {}, demo=demo)
