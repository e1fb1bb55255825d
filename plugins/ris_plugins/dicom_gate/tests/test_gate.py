"""The gate over real sockets before an engine that says what reached it."""

from __future__ import annotations

import contextlib
import dataclasses
import resource
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack

import pytest

from ris_core.devices.admission import Node, Reason, Service, read_networks
from ris_core.jobs.models import WorkerHeartbeat
from ris_plugins.dicom_gate.codec import read_request
from ris_plugins.dicom_gate.plugin import Upkeep
from ris_plugins.dicom_gate.service import association, gate
from ris_plugins.dicom_gate.service.gate import Gate
from ris_plugins.dicom_gate.settings import GateSettings
from ris_plugins.dicom_gate.tests.pdus import FIND, GET, VERIFICATION, command, message, request_pdu
from ris_suite.health import Health, gate_probe

PATIENCE_SECONDS = 60.0
LOOPBACK = read_networks("127.0.0.1")
CT1 = Node("CT1", frozenset({Service.ASSOCIATION, Service.STORE}), LOOPBACK)
WS1 = Node("WS1", frozenset({Service.ASSOCIATION, Service.QUERY}), LOOPBACK)
ACCEPTED = b"\x02\0\0\0\0\x04yes!"


@dataclass
class FakeEngine:
    """Accepts every association, keeps the request, then echoes."""

    server: socket.socket
    requests: list[bytes] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set: it takes nothing more."""

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, (address, _port) = self.server.accept()
                self.peers.append(address)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head = read(connection, 6)
            self.requests.append(head + read(connection, int.from_bytes(head[2:], "big")))
            connection.sendall(ACCEPTED)
            while self.stalled.is_set():
                time.sleep(0.01)
            while data := connection.recv(65536):
                connection.sendall(data)


@dataclass
class Standing:
    gate: Gate
    engine: FakeEngine
    stopping: threading.Event

    def call(self, pdu: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.gate.ports[0]), PATIENCE_SECONDS)
        connection.sendall(pdu)
        return connection

    def refusals(self) -> list[tuple[str, str, str]]:
        return [(found.ae_title, found.service, found.reason) for found in self.gate.refusals._waiting.values()]


def read(connection: socket.socket, count: int) -> bytes:
    """Exactly so many bytes, or those before the end."""
    found = b""
    while len(found) < count and (more := connection.recv(count - len(found))):
        found += more
    return found


def eventually(found: object) -> None:
    assert callable(found)
    until = time.monotonic() + PATIENCE_SECONDS
    while not found():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def standing() -> Iterator[Standing]:
    engine = FakeEngine(socket.create_server(("127.0.0.1", 0)))
    threading.Thread(target=engine.serve, daemon=True).start()
    settings = GateSettings(
        ae_title="QUANG", host="127.0.0.1", port=0, engine_port=engine.server.getsockname()[1],
        max_associations_per_address=4, request_timeout_seconds=5.0,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    listening = Gate(dataclasses.replace(settings, port=port))
    listening.use({"CT1": CT1, "WS1": WS1})
    stopping = threading.Event()
    thread = threading.Thread(target=listening.serve, args=(stopping,))
    thread.start()
    eventually(lambda: listening.ports)
    yield Standing(listening, engine, stopping)
    stopping.set()
    engine.stalled.clear()
    thread.join(PATIENCE_SECONDS)
    engine.server.close()


def test_who_is_registered_is_passed_on_as_it_came_and_the_engines_side_names_who_stands_behind(
    standing: Standing,
) -> None:
    pdu = request_pdu("CT1", "QUANG", [VERIFICATION])
    with standing.call(pdu + b"already more") as connection:
        assert read(connection, 10) == ACCEPTED
        assert read(connection, 12) == b"already more"
        large = bytes(range(256)) * 20_000
        threading.Thread(target=connection.sendall, args=(large,)).start()
        assert read(connection, len(large)) == large
        assert standing.engine.requests == [pdu]
        [seen] = standing.engine.peers
        assert seen.startswith("127.65.")
        assert standing.gate.address_behind(seen) == "127.0.0.1"
    assert standing.gate.address_behind("10.0.0.1") == "10.0.0.1"
    eventually(lambda: standing.gate.address_behind(seen) == seen)


@pytest.mark.parametrize(
    ("calling", "called", "node", "reason", "code"),
    [
        ("NOBODY", "QUANG", None, Reason.UNKNOWN, 3),
        ("CT1", "OTHER", CT1, Reason.CALLED, 7),
        ("CT1", "QUANG", dataclasses.replace(CT1, networks=read_networks("10.0.0.5")), Reason.ADDRESS, 3),
        ("CT1", "QUANG", dataclasses.replace(CT1, active=False), Reason.WITHDRAWN, 3),
        ("CT1", "QUANG", dataclasses.replace(CT1, plain=False), Reason.PLAIN, 3),
    ],
)
def test_who_may_not_is_told_so_by_a_rejection_and_is_noted_with_the_reason(
    standing: Standing, calling: str, called: str, node: Node | None, reason: Reason, code: int
) -> None:
    standing.gate.use({} if node is None else {"CT1": node})
    with standing.call(request_pdu(calling, called, [VERIFICATION])) as connection:
        assert connection.recv(100) == bytes([3, 0, 0, 0, 0, 4, 0, 1, 1, code])
        assert connection.recv(1) == b""
    assert standing.refusals() == [(calling, "ASSOCIATION", reason)]
    assert standing.engine.requests == []


def test_a_service_without_the_right_is_taken_out_of_the_request_and_noted(standing: Standing) -> None:
    with standing.call(request_pdu("WS1", "QUANG", [FIND, GET])) as connection:
        assert read(connection, 10) == ACCEPTED
    proposed = [context.abstract_syntax for context in read_request(standing.engine.requests[0]).contexts]
    assert proposed == [FIND, "0" + GET[1:]]
    assert standing.refusals() == [("WS1", "RETRIEVE", Reason.NOT_ALLOWED)]


def test_a_device_that_is_withdrawn_loses_its_open_association(standing: Standing) -> None:
    with standing.call(request_pdu("CT1", "QUANG", [VERIFICATION])) as connection:
        assert read(connection, 10) == ACCEPTED
        standing.gate.use({"CT1": dataclasses.replace(CT1, active=False)})
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_when_the_process_that_carries_images_dies_its_associations_end_and_the_next_ones_are_carried(
    standing: Standing,
) -> None:
    for _ in range(2):
        with standing.call(request_pdu("CT1", "QUANG", [VERIFICATION])) as connection:
            assert read(connection, 10) == ACCEPTED
            process = standing.gate.carrier._process
            assert process is not None
            process.kill()
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        eventually(lambda: not standing.gate._open)
        assert standing.gate._per_address == {}


def test_a_node_that_breaks_off_is_gone_at_once_although_the_engine_takes_nothing(standing: Standing) -> None:
    standing.engine.stalled.set()
    connection = standing.call(request_pdu("CT1", "QUANG", [VERIFICATION]))
    assert read(connection, 10) == ACCEPTED
    connection.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            connection.sendall(bytes(1024 * 1024))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
    connection.close()
    eventually(lambda: not standing.gate._open)


def test_an_association_that_cannot_be_carried_ends_and_the_others_go_on(standing: Standing) -> None:
    with standing.call(request_pdu("CT1", "QUANG", [VERIFICATION])) as first:
        assert read(first, 10) == ACCEPTED
        process = standing.gate.carrier._process
        assert process is not None
        opened = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (opened + 4, opened + 4))
        with standing.call(request_pdu("CT1", "QUANG", [VERIFICATION])) as second, contextlib.suppress(OSError):
            assert read(second, 1000) in (b"", ACCEPTED)
        first.sendall(b"more")
        assert read(first, 4) == b"more"
        eventually(lambda: len(standing.gate._open) == 1)


def test_an_association_whose_queries_cannot_be_followed_is_ended(standing: Standing) -> None:
    with standing.call(request_pdu("WS1", "QUANG", [FIND])) as connection:
        assert read(connection, 10) == ACCEPTED
        connection.sendall(message(command(0x0020, 1, sop_class=FIND) + bytes(70_000), b""))
        with contextlib.suppress(ConnectionResetError):
            assert read(connection, 100_000) == b""
    eventually(lambda: not standing.gate._open)


def test_a_query_that_its_association_cuts_off_is_kept_for_the_audit_trail(standing: Standing) -> None:
    with standing.call(request_pdu("WS1", "QUANG", [FIND])) as connection:
        assert read(connection, 10) == ACCEPTED
        asked = message(command(0x0020, 1, sop_class=FIND), b"\x08\x00\x52\x00CS\x06\x00STUDY ")
        connection.sendall(asked)
        read(connection, len(asked))
    eventually(lambda: standing.gate.operations)
    [query] = standing.gate.operations
    assert (query.ae_title, query.address, query.level, query.status) == ("WS1", "127.0.0.1", "STUDY", None)


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.0\r\n\r\n", b"\x01\0\xff\xff\xff\xff", bytes(200)])
def test_who_does_not_speak_dicom_is_hung_up_on(standing: Standing, noise: bytes) -> None:
    with standing.call(noise) as connection, contextlib.suppress(ConnectionResetError):
        assert connection.recv(100)[:1] in (b"\x07", b"")


def test_one_address_cannot_take_all_places_and_before_the_registry_is_read_nobody_is_judged(
    standing: Standing,
) -> None:
    waiting = [standing.call(b"") for _ in range(4)]
    eventually(lambda: len(standing.gate._waiting) == 4)
    with standing.call(request_pdu("CT1", "QUANG", [VERIFICATION])) as connection:
        assert connection.recv(100) == bytes([3, 0, 0, 0, 0, 4, 0, 2, 3, 1])
    with socket.create_connection(("127.0.0.1", standing.gate.ports[0]), PATIENCE_SECONDS) as connection:
        pdu = request_pdu("CT1", "QUANG", [VERIFICATION])
        connection.sendall(pdu[:40])  # it is not answered before it has asked: that would be a reset connection
        eventually(lambda: standing.gate._turned_away)
        connection.sendall(pdu[40:])
        assert connection.recv(100) == bytes([3, 0, 0, 0, 0, 4, 0, 2, 3, 1])
        assert connection.recv(1) == b""
    eventually(lambda: not standing.gate._turned_away)
    for connection in waiting:
        connection.close()
    eventually(lambda: not standing.gate._waiting)
    assert standing.gate._per_address == {}
    standing.gate._nodes = None
    with standing.call(request_pdu("CT1", "QUANG", [VERIFICATION])) as connection:
        assert connection.recv(100) == bytes([3, 0, 0, 0, 0, 4, 0, 2, 3, 1])
    assert standing.refusals() == []


def test_who_has_no_place_and_asks_nothing_is_answered_after_a_while_and_of_those_there_are_not_many(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(association, "_TURNED_AWAY_SECONDS", 0.2)
    monkeypatch.setattr(gate, "_MOST_TURNED_AWAY", 0)
    waiting = [standing.call(b"") for _ in range(4)]
    eventually(lambda: len(standing.gate._waiting) == 4)
    rejected = bytes([3, 0, 0, 0, 0, 4, 0, 2, 3, 1])
    with standing.call(b"") as connection:
        assert connection.recv(100) == rejected
    monkeypatch.setattr(gate, "_MOST_TURNED_AWAY", 1)
    with standing.call(b"") as connection:
        assert connection.recv(100) == rejected
    for connection in waiting:
        connection.close()
    eventually(lambda: not standing.gate._waiting and not standing.gate._turned_away)
    assert standing.gate._per_address == {}


def test_the_launcher_sees_whether_it_listens_and_nobody_is_noted_for_it(standing: Standing) -> None:
    port = standing.gate.ports[0]
    assert standing.gate.listens
    assert gate_probe(port)().health is Health.HEALTHY
    assert standing.refusals() == []
    standing.stopping.set()
    eventually(lambda: not standing.gate.listens)
    eventually(lambda: gate_probe(port)().health is Health.UNHEALTHY)


@pytest.mark.django_db
def test_that_it_takes_associations_is_told_to_the_web_app_as_long_as_it_does(standing: Standing) -> None:
    upkeep = Upkeep(standing.gate)
    upkeep.beat()
    before = WorkerHeartbeat.objects.get(part=WorkerHeartbeat.Part.GATE).at
    standing.stopping.set()
    eventually(lambda: not standing.gate.listens)
    upkeep.beat()
    assert WorkerHeartbeat.objects.get(part=WorkerHeartbeat.Part.GATE).at == before
