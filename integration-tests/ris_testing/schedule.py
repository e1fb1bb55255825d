"""Puts devices and scheduled steps into a suite's database, from outside: ``schedule(environment, steps=…)``.

Scenarios of the worklist need steps that no HIS would send (odd names, steps without a station). As a program
(``python -m ris_testing.schedule``) it reads JSON from its standard input and runs against the suite's own settings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ris_suite import layout

BENCH: dict[str, Any] = {
    "ae_title": "BENCH",
    "name": "Client of the benchmarks",
    "worklist_filter": {"stations": "any", "by_modality": False},
}
"""A device that may store and is shown every step."""


def schedule(
    environment: Mapping[str, str],
    *,
    devices: Sequence[Mapping[str, Any]] = (),
    steps: Sequence[Mapping[str, Any]] = (),
    withdrawn: Sequence[str] = (),
) -> list[int]:
    """Register ``devices`` (of :class:`~ris_core.devices.services.DeviceRegistration`), make those in ``withdrawn``
    inactive, put ``steps`` (changes of an ordinary :class:`~ris_core.worklist.answer.WorklistAnswer`) on the
    worklist; returns the steps' ids."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("QUANG_", "DJANGO_"))}
    paths = (layout.PLUGINS, layout.RIS_WEBAPP, layout.REPOSITORY / "integration-tests")
    done = subprocess.run(
        [sys.executable, "-m", "ris_testing.schedule"],
        input=json.dumps({"devices": list(devices), "steps": list(steps), "withdrawn": list(withdrawn)}),
        env={**inherited, **environment, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    ids: list[int] = json.loads(done.stdout)
    return ids


def _main() -> None:
    from ris_testing.schedule_in_suite import apply

    print(json.dumps(apply(json.load(sys.stdin))))


if __name__ == "__main__":
    _main()
