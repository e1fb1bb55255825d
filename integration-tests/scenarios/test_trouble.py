"""The hospital's bad nights: the database gone for a minute, the disk full. Errors are said, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydicom import Dataset

from ris_testing.backends import Part, RunningSuite
from ris_testing.his import NoAcknowledgement, acknowledgement_code, place_order
from ris_testing.modality import DimseFailure, Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.processes import start_processes
from ris_testing.ris_user import log_in

pytestmark = [pytest.mark.integration, pytest.mark.once, pytest.mark.timeout(600)]

GONE_SECONDS = 60.0
DISK_MEGABYTES = 400


def send(suite: RunningSuite, order: Order, *, control_id: str, timeout_seconds: float = 90.0) -> str:
    """MSA-1 of the answer; empty when none came."""
    message = order.message(control_id=control_id)
    try:
        answer = place_order(message, host=suite.mllp.host, port=suite.mllp.port, timeout_seconds=timeout_seconds)
    except (OSError, NoAcknowledgement):
        return ""
    return acknowledgement_code(answer)


def ct1(suite: RunningSuite) -> Modality:
    return Modality("CT1", suite.dicom.host, suite.dicom.port, timeout_seconds=90)


def listed(suite: RunningSuite, order: Order) -> int:
    return len(ct1(suite).find_worklist(AccessionNumber=order.accession_number))


def wait_until_accepted(suite: RunningSuite, order: Order, control_id: str) -> None:
    """Send the same message again, as a HIS does, until it is accepted."""
    deadline = time.monotonic() + 60
    while send(suite, order, control_id=control_id) != "AA":
        assert time.monotonic() < deadline, "not accepted after the trouble was over"
        time.sleep(0.5)


def test_the_database_is_gone_for_a_minute(tmp_path: Path) -> None:
    suite = start_processes(tmp_path / "suite", "postgresql", {}, demo=True)
    try:
        before, meanwhile = an_order(), an_order()
        assert send(suite, before, control_id="BEFORE") == "AA"
        acquired = acquire(ct1(suite).find_worklist(AccessionNumber=before.accession_number)[0], images=2)
        gone_at = time.monotonic()
        suite.pause(Part.POSTGRES)
        answers = {send(suite, meanwhile, control_id="MEANWHILE", timeout_seconds=45)}
        with pytest.raises(DimseFailure):
            listed(suite, before)
        ct1(suite).store(acquired)  # images are kept whatever the database does
        while time.monotonic() - gone_at < GONE_SECONDS:
            answers.add(send(suite, meanwhile, control_id="MEANWHILE", timeout_seconds=10))
        suite.resume(Part.POSTGRES)
        assert answers <= {"", "AE"}, f"answered {answers} without a database"
        wait_until_accepted(suite, meanwhile, "MEANWHILE")
        assert listed(suite, meanwhile) == 1
        radiologist = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
        exam_id = radiologist.wait_for_exam(before.accession_number)
        radiologist.wait_for_images(exam_id, len(acquired), 120)
    finally:
        suite.down()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of :data:`DISK_MEGABYTES` of its own."""
    assert os.geteuid() == 0, "a file system of its own needs root, as make test has"
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=755", "quang-test", str(disk)], check=True
    )
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take every byte that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


def store_again(suite: RunningSuite, images: Sequence[Dataset], patience_seconds: float = 60.0) -> None:
    """As a device does: what was refused is sent again, until it is taken."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            ct1(suite).store(images)
        except DimseFailure:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)
        else:
            return


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_disk_is_full(small_disk: Path, database: str) -> None:
    suite = start_processes(small_disk / "suite", database, {}, demo=True)  # type: ignore[arg-type]
    try:
        before = an_order()
        assert send(suite, before, control_id="BEFORE") == "AA"
        acquired = acquire(ct1(suite).find_worklist(AccessionNumber=before.accession_number)[0], images=3)
        ballast = fill(small_disk)
        accepted: list[Order] = []
        refused: list[Order] = []
        for number in range(200):  # a database may have room in pages that it has already
            order = an_order()
            answer = send(suite, order, control_id=f"FULL{number}", timeout_seconds=30)
            (accepted if answer == "AA" else refused).append(order)
            if len(refused) == 5:
                break
        stored = True
        try:
            ct1(suite).store(acquired)
        except DimseFailure:
            stored = False
        ballast.unlink()
        suite.wait_healthy(timeout_seconds=120)
        print(f"\n{database}: {len(accepted)} accepted, {len(refused)} refused on a full disk; images stored: {stored}")
        assert len(refused) == 5, "the disk was never full"
        for order in accepted:
            assert listed(suite, order) == 1, "acknowledged and lost"
        for number, order in enumerate(refused):
            wait_until_accepted(suite, order, f"AFTER{number}")
            assert listed(suite, order) == 1
        if not stored:
            store_again(suite, acquired)
        radiologist = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
        exam_id = radiologist.wait_for_exam(before.accession_number)
        radiologist.wait_for_images(exam_id, len(acquired), 120)
    finally:
        suite.down()
