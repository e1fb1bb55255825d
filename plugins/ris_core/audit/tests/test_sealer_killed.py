"""Sealers that are killed while programs go on writing leave no gap and no double in the chain (P20)."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from ris_core.audit.files import export_events
from ris_core.audit.models import AuditEvent
from ris_core.audit.sealing import seal_events
from ris_core.audit.verify import main as verify
from ris_testing.waiting import wait_until

KILLS = 2
PROGRAM = """
import sys, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from ris_core.audit import sealing
from ris_core.audit.services import Actor, record
sealing.EVENTS_AT_ONCE = 5
while True:
    if sys.argv[2] == "seal":
        sealing.seal_events()
    else:
        record(Actor("HIS"), "order.placed", subject="order:1", by=sys.argv[2])
"""


def started(role: str) -> subprocess.Popen[bytes]:
    environment = {"DJANGO_SETTINGS_MODULE": "ris_testing.django_settings", "PYTHONPATH": ":".join(sys.path)}
    name = str(connection.settings_dict["NAME"])
    return subprocess.Popen([sys.executable, "-c", PROGRAM, name, role], env={**os.environ, **environment})


def sealed() -> int:
    return AuditEvent.objects.filter(sequence__isnull=False).count()


def reached(count: int) -> bool:
    return sealed() >= count


@pytest.mark.django_db(transaction=True)
def test_killed_sealers_leave_a_whole_chain(tmp_path: Path) -> None:
    writer = started("a")
    try:
        for _ in range(KILLS):
            sealers = [started("seal"), started("seal")]
            try:
                aim = sealed() + 20
                wait_until(partial(reached, aim), "events sealed")
            finally:
                for sealer in sealers:
                    sealer.kill()
                    sealer.wait()
    finally:
        writer.kill()
        writer.wait()
    seal_events()
    places = list(AuditEvent.objects.order_by("sequence").values_list("sequence", flat=True))
    assert places == list(range(1, AuditEvent.objects.count() + 1))
    assert verify([str(path) for path in export_events(tmp_path)]) == 0
