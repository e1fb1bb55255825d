"""Waiting for what happens in the suite by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

PATIENCE_SECONDS = 180.0
"""Far more than anything takes: it is waited out only when something is wrong."""

T = TypeVar("T")


def wait_until(found: Callable[[], T], what: str, *, pause_seconds: float = 0.2) -> T:
    """What ``found`` answers once that is something; the scenario fails, naming ``what``, when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := found()):
        if time.monotonic() > deadline:
            pytest.fail(f"not in {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(pause_seconds)
    return value
