"""Orthanc is stopped while devices are at work: it ends in time, without a fault, and keeps what it acknowledged."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from benchmarks.storage import MR_IMAGE_STORAGE, template
from ris_testing.dimse import EXPLICIT, Association, AssociationFailed
from ris_testing.engine import make_home, migrate, running_engine
from ris_testing.schedule import schedule

pytestmark = [pytest.mark.integration, pytest.mark.once]

DEVICES = 4
IMAGES = 150
"""Of each device. Orthanc begins to stop when nothing was stored for a tenth of a second."""


def test_what_was_acknowledged_before_the_stop_is_there_after_it(tmp_path: Path) -> None:
    environment = make_home(tmp_path)
    migrate(environment)
    schedule(environment, devices=[{"ae_title": "MR1", "name": "MR 1", "modality": "MR"}])
    acknowledged: list[str] = []
    half, stopped = threading.Event(), threading.Event()

    def store(device: int, port: int) -> None:
        image = template(f"1.2.{device}", f"1.2.{device}.1", f"BN{device}")
        with (
            contextlib.suppress(AssociationFailed, OSError),  # hung up: what was under way was not acknowledged
            Association(port, calling="MR1", contexts=((MR_IMAGE_STORAGE, EXPLICIT),)) as association,
        ):
            for number in range(IMAGES):
                uid = f"2.25.{device + 1}{number:06d}".ljust(64, "1")
                assert association.store(image.encoded(uid), context=1, sop_class=MR_IMAGE_STORAGE, instance=uid) == 0
                acknowledged.append(uid)
                if len(acknowledged) > DEVICES * IMAGES / 2:
                    half.set()
            stopped.wait(60)  # as devices do that keep their association for the next patient

    with running_engine(tmp_path, environment) as engine:
        devices = [threading.Thread(target=store, args=(number, engine.dicom_port)) for number in range(DEVICES)]
        for device in devices:
            device.start()
        assert half.wait(60)
    stopped.set()
    for device in devices:
        device.join(30)
    assert engine.process.returncode == 0
    with running_engine(tmp_path, environment) as again:
        statistics = again.get("/statistics")
    assert statistics["CountInstances"] >= len(acknowledged) > 0
    assert statistics["CountStudies"] == DEVICES
