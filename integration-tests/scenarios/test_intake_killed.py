"""The order intake is killed while a thousand orders flow: nothing that was acknowledged is lost, nothing is doubled.

Only the intake runs here, without Orthanc, so that it can be killed often and on both databases (SQLite, or the
server that ``QUANG_TEST_DATABASE_URL`` names).
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg
import pytest

from benchmarks.peers import wait_for_port
from ris_core.hl7.mllp import MllpClient, MllpFailure
from ris_suite import layout
from ris_testing.engine import make_home, migrate
from ris_testing.orders import Order, an_order

pytestmark = [pytest.mark.integration, pytest.mark.both]

ORDERS = 1000
SENDERS = 4
KILLS = 3
COUNTS = """
import json
from ris_core.messages.models import InboundMessage
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep
from ris_core.patients.models import Patient
from ris_core.worklist.models import WorklistEntry
models = (ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep, Patient, WorklistEntry)
print("COUNTS", json.dumps({model.__name__: model.objects.count() for model in models} | {
    "applied": InboundMessage.objects.filter(state="APPLIED").count(),
    "messages": InboundMessage.objects.count(),
    "placer_order_numbers": list(RequestedProcedure.objects.values_list("placer_order_number", flat=True)),
}))
"""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A migrated home of its own."""
    made = make_home(tmp_path)
    server = os.environ.get("QUANG_TEST_DATABASE_URL")
    name = f"killed_{secrets.token_hex(4)}"
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        parts = urlsplit(server)
        made["QUANG_DATABASE_URL"] = parts._replace(path=f"/{name}").geturl()
    migrate(made)
    yield made
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def python(environment: dict[str, str], *arguments: str, output: IO[str] | int) -> subprocess.Popen[str]:
    path = f"{layout.PLUGINS}:{layout.RIS_WEBAPP}:{layout.REPOSITORY / 'integration-tests'}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("QUANG_", "DJANGO_"))}
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**inherited, **environment, "PYTHONPATH": path},
        text=True,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


@contextmanager
def intake(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("a") as output:
        process = python(environment, "-m", "ris_testing.intake_alone", output=output)
    try:
        wait_for_port(int(environment["QUANG_MLLP_PORT"]))
        yield process
    finally:
        process.kill()
        process.wait()


class Sender(threading.Thread):
    """A HIS: sends one order after the other, each again and again until it is accepted."""

    def __init__(self, port: int, orders: list[Order]) -> None:
        super().__init__(daemon=True)
        self.accepted = 0
        self.sent = 0
        self._port = port
        self._orders = orders

    def run(self) -> None:
        with MllpClient("127.0.0.1", self._port, timeout_seconds=5) as client:
            for order in self._orders:
                message = order.message()
                while not self._accepted(client, message):
                    time.sleep(0.05)
                self.accepted += 1

    def _accepted(self, client: MllpClient, message: bytes) -> bool:
        self.sent += 1
        try:
            return b"MSA|AA|" in client.send(message)
        except MllpFailure:
            return False


def counts(environment: dict[str, str]) -> dict[str, object]:
    process = python(environment, str(layout.RIS_WEBAPP / "manage.py"), "shell", "-c", COUNTS, output=subprocess.PIPE)
    output, _ = process.communicate(timeout=60)
    assert "COUNTS" in output, output
    found: dict[str, object] = json.loads(output.split("COUNTS", 1)[1])
    return found


def test_nothing_is_lost_and_nothing_doubled(environment: dict[str, str], tmp_path: Path) -> None:
    orders = [an_order() for _ in range(ORDERS)]
    port = int(environment["QUANG_MLLP_PORT"])
    senders = [Sender(port, orders[number::SENDERS]) for number in range(SENDERS)]
    log = tmp_path / "intake.log"
    for kill in range(KILLS):
        with intake(environment, log):
            if kill == 0:
                for sender in senders:
                    sender.start()
            goal = ORDERS * (kill + 1) // (KILLS + 1)
            while accepted(senders) < goal:
                time.sleep(0.005)
    with intake(environment, log):
        wait_until(lambda: accepted(senders) == ORDERS)
    found = counts(environment)
    numbers = found.pop("placer_order_numbers")
    assert isinstance(numbers, list)
    print(f"{sum(sender.sent for sender in senders)} sent, {accepted(senders)} accepted, {KILLS} kills: {found}")
    assert sorted(numbers) == sorted(order.placer_order_number for order in orders)
    assert set(found.values()) == {ORDERS}


def accepted(senders: list[Sender]) -> int:
    return sum(sender.accepted for sender in senders)


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
