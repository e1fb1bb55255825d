"""Orders by HL7 into the real Orthanc: durable orders a second, and what is left of C-STORE meanwhile.

The sender has a profile of its own, so what profiles cost is in every figure. The peer is the disk: the same raw
messages written one by one into an otherwise empty SQLite table, each commit synced, by the same machine in the same
run. Group commit may beat it. Of C-STORE beside orders the peer is an Orthanc without the suite that stores the same
images beside the same orders: what the machine has left for images then, whoever stores them.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import generate_uid

from benchmarks import order_load
from benchmarks.peers import wait_for_port
from benchmarks.table import Context, Row, no_more_than
from ris_core.hl7.mllp import MllpClient
from ris_suite import layout
from ris_suite.suite import Suite
from ris_testing.dimse import EXPLICIT, Association
from ris_testing.engine import Engine, make_home, migrate, running_engine
from ris_testing.orders import an_order
from ris_testing.schedule import BENCH, schedule

ORDERS = 3000
CONNECTIONS = 4
PROMISED_PER_SECOND = 300
ROUNDS = 7
IMAGES = 300
IMAGE_BYTES = 390 * 500 * 2
"""A real-sized MR image."""

_MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


def run(context: Context) -> list[Row]:
    """All figures, in one run on one machine."""
    home = context.folder / "suite"
    environment = make_home(home)
    migrate(environment)
    schedule(environment, devices=[BENCH])
    give_profile(environment)
    port = int(environment["QUANG_MLLP_PORT"])
    disk = synced_inserts_per_second(context.folder)
    with (
        running_engine(context.folder / "bare", python=False, changes={"DicomAlwaysAllowStore": True}) as bare,
        running_engine(home, environment, gate=True) as engine,
    ):
        wait_for_port(port)
        order_load.finished(order_load.start(port, orders=200, connections=CONNECTIONS))  # caches, statements
        visible = order_to_worklist_ms(engine, port)
        full = order_load.finished(order_load.start(port, orders=ORDERS, connections=CONNECTIONS))
        pairs = [(storage_beside_orders(engine, port), storage_beside_orders(bare, port)) for _ in range(ROUNDS)]
    disk = (disk + synced_inserts_per_second(context.folder)) / 2
    postgresql = on_postgresql(context.folder / "postgresql")
    rounds = [ours for ours, _ in pairs]
    left, left_to_peer = median(ours.left for ours in rounds), median(peer.left for _, peer in pairs)
    return [
        Row(
            f"orders, {CONNECTIONS} connections (peer: raw messages synced one by one)", full.per_second, disk,
            full.per_second / disk, f">= {PROMISED_PER_SECOND}/s",
            full.per_second >= PROMISED_PER_SECOND and full.accepted == full.sent, "/s",
        ),
        no_more_than(
            "order sent until it is on the worklist, p99", sorted(visible)[int(len(visible) * 0.99)], 100, "ms",
            f"median {median(visible):.1f} ms",
        ),
        no_more_than("orders, answer p99", full.p99_ms, 50, "ms", f"median {full.median_ms:.1f} ms"),
        Row(
            f"orders on PostgreSQL, {CONNECTIONS} connections", postgresql.per_second, disk,
            postgresql.per_second / disk, f">= {PROMISED_PER_SECOND}/s",
            postgresql.per_second >= PROMISED_PER_SECOND and postgresql.accepted == postgresql.sent, "/s",
        ),
        no_more_than(
            "orders on PostgreSQL, answer p99", postgresql.p99_ms, 50, "ms", f"median {postgresql.median_ms:.1f} ms"
        ),
        no_more_than(
            f"orders at {PROMISED_PER_SECOND}/s beside C-STORE, answer p99", median(r.orders.p99_ms for r in rounds),
            50, "ms", f"{median(r.orders.per_second for r in rounds):.0f}/s, median of {ROUNDS} rounds",
        ),
        Row(
            f"C-STORE with {PROMISED_PER_SECOND} orders/s, of its idle rate", left * 100, left_to_peer * 100,
            left / left_to_peer, "ratio >= 0.95, or 80 %", left / left_to_peer >= 0.95 or left >= 0.8, "%",
            f"images of {IMAGE_BYTES // 1000} KB, 1 association, median of {ROUNDS} rounds;"
            f" idle {median(r.idle_per_second for r in rounds):.0f}/s",
        ),
    ]  # fmt: skip


_GIVE_PROFILE = """
from ris_core.audit.services import SYSTEM
from ris_core.intake.profiles import SenderRegistration, create_profile, register_sender
from ris_core.intake.ready import ready_profiles
ready = {each.code: each for each in ready_profiles()}["vn-his-z-segments"]
profile = create_profile("bench", "Bench", ready.content, SYSTEM)
his = SenderRegistration(identity="HIS|BVQ", name="HIS", networks=("127.0.0.0/8",), profile_id=profile.pk)
register_sender(his, SYSTEM)
"""


def give_profile(environment: Mapping[str, str]) -> None:
    """Register the sender of the load, bound to its network, with a profile that says much."""
    subprocess.run(
        [str(layout.PYTHON), str(layout.RIS_WEBAPP / "manage.py"), "shell", "--no-imports", "-c", _GIVE_PROFILE],
        env={**os.environ, **environment, "PYTHONPATH": f"{layout.PLUGINS}:{layout.RIS_WEBAPP}"},
        check=True,
    )


def on_postgresql(folder: Path) -> order_load.OrderFigures:
    """The same load on a PostgreSQL server of its own with the suite's settings: every commit is synced."""
    server = Suite.at(folder / "server", database="postgresql", parts=frozenset({"postgres"}))
    server.up()
    try:
        environment = {**make_home(folder), "QUANG_DATABASE_URL": server.environment()["QUANG_DATABASE_URL"]}
        migrate(environment)
        give_profile(environment)
        port = int(environment["QUANG_MLLP_PORT"])
        with running_engine(folder, environment):  # which sees its own folder only: the server's socket must be in it
            wait_for_port(port)
            order_load.finished(order_load.start(port, orders=200, connections=CONNECTIONS))
            return order_load.finished(order_load.start(port, orders=ORDERS, connections=CONNECTIONS))
    finally:
        server.down()


def synced_inserts_per_second(folder: Path, messages: int = 300) -> float:
    """What the disk allows: raw messages into a bare table, each in a commit of its own."""
    connection = sqlite3.connect(folder / "disk.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, raw BLOB)")
    raws = [an_order().message() for _ in range(messages)]
    begun = time.perf_counter()
    for raw in raws:
        connection.execute("INSERT INTO message (raw) VALUES (?)", (raw,))
    taken = time.perf_counter() - begun
    connection.close()
    return messages / taken


@dataclass(frozen=True)
class Round:
    """C-STORE alone, then beside orders at the promised rate."""

    idle_per_second: float
    busy_per_second: float
    orders: order_load.OrderFigures

    @property
    def left(self) -> float:
        """The part of the idle rate that is left beside the orders."""
        return self.busy_per_second / self.idle_per_second


def storage_beside_orders(engine: Engine, port: int) -> Round:
    """One round; the two halves follow each other, so that what else the machine does meets both.

    :param engine: stores the images; the orders go to ``port``, whose ever it is
    """
    idle = store_images(engine, IMAGES)
    load = order_load.start(
        port, orders=PROMISED_PER_SECOND * 5, connections=CONNECTIONS, per_second=PROMISED_PER_SECOND
    )
    time.sleep(1.0)  # the sender starts up and composes its messages
    busy = store_images(engine, IMAGES)
    return Round(idle, busy, order_load.finished(load))


def order_to_worklist_ms(engine: Engine, port: int, orders: int = 200) -> list[float]:
    """From the sending of an order to a device's query that finds it, in milliseconds."""
    taken = []
    with (
        MllpClient("127.0.0.1", port, timeout_seconds=10) as his,
        Association(engine.device_port, calling="BENCH") as device,
    ):
        for order in (an_order() for _ in range(orders)):
            query = _dataset(AccessionNumber=order.accession_number, PatientID="", ScheduledProcedureStepSequence=[])
            begun = time.perf_counter()
            his.send(order.message())
            status, found = device.find(query)
            taken.append((time.perf_counter() - begun) * 1000)
            if status or len(found) != 1:
                raise RuntimeError(f"an accepted order is not on the worklist: {status:04X}, {len(found)} answers")
    return taken


def _dataset(**attributes: object) -> bytes:
    """Explicit VR Little Endian."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def store_images(engine: Engine, count: int) -> float:
    """C-STORE ``count`` new images of one study over one association; images a second."""
    template, marker = _image()
    uids = [generate_uid(prefix=None)[: len(marker)].ljust(len(marker), "1") for _ in range(count)]
    contexts = [(_MR_IMAGE_STORAGE, EXPLICIT)]
    with Association(engine.device_port, calling="BENCH", contexts=contexts) as association:
        begun = time.perf_counter()
        for uid in uids:
            dataset = template.replace(marker.encode(), uid.encode())
            status = association.store(dataset, context=1, sop_class=_MR_IMAGE_STORAGE, instance=uid)
            if status:
                raise RuntimeError(f"C-STORE answered {status:04X}")
        return count / (time.perf_counter() - begun)


def _image() -> tuple[bytes, str]:
    """An image's dataset in Explicit VR Little Endian, and its SOP Instance UID, to be replaced."""
    marker = generate_uid(prefix=None)
    image = _dataset(
        SOPClassUID=_MR_IMAGE_STORAGE,
        SOPInstanceUID=marker,
        StudyDate="20261121",
        StudyTime="080000",
        AccessionNumber="",
        Modality="MR",
        PatientName="BENCH^MR",
        PatientID="BENCH",
        StudyInstanceUID=generate_uid(),
        SeriesInstanceUID=generate_uid(),
        StudyID="1",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=IMAGE_BYTES // 1000,
        Columns=500,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=0,
        PixelData=bytes(range(250)) * (IMAGE_BYTES // 250),
    )
    return image, str(marker)
