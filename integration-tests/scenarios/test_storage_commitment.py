"""A device asks whether its images are kept (PS3.4 J) before it deletes its own: it is told on its own port, image by
image, and what never arrived is said to be missing."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from ris_testing.backends import RunningSuite
from ris_testing.modality import DimseFailure, Modality, study_of

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 60.0
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
"""The well-known instance (PS3.4 J.3.5)."""
ALL_KEPT, SOME_MISSING = 1, 2
NO_SUCH_OBJECT = 0x0112
REGISTER = """
from ris_core.devices.models import Device
Device.objects.create(ae_title={title!r}, name="Device", modality="CT", host={host!r}, port={port})
"""


class Device:
    """A device that sends images and asks for commitment."""

    def __init__(self, suite: RunningSuite, title: str, answers: queue.Queue[tuple[int, Dataset]]) -> None:
        self.modality = Modality(title, suite.dicom.host, suite.dicom.port, called=suite.ae_title)
        self._answers = answers

    def ask(self, images: Iterable[Dataset]) -> tuple[int, Dataset]:
        """Event type and information of the report on ``images``."""
        request = Dataset()
        request.TransactionUID = generate_uid()
        request.ReferencedSOPSequence = []
        for image in images:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
            request.ReferencedSOPSequence.append(item)
        entity = AE(ae_title=self.modality.ae_title)
        entity.add_requested_context(StorageCommitmentPushModel, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        association = entity.associate(self.modality.host, self.modality.port, ae_title=self.modality.called)
        assert association.is_established
        status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, PUSH_MODEL_INSTANCE)
        association.release()
        assert status.Status == 0x0000
        event_type, information = self._answers.get(timeout=PATIENCE_SECONDS)
        assert information.TransactionUID == request.TransactionUID
        return event_type, information


@contextmanager
def a_device(suite: RunningSuite) -> Iterator[Device]:
    """Registered with its address; reports come to its own port."""
    answers: queue.Queue[tuple[int, Dataset]] = queue.Queue()
    title = f"SC{secrets.token_hex(4).upper()}"

    def reported(event: evt.Event) -> tuple[int, None]:
        request: Any = event.request
        answers.put((int(request.EventTypeID), event.event_information))
        return 0x0000, None

    entity = AE(ae_title=title)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, reported)]
    server: Any = entity.start_server((suite.listen_host, 0), block=False, evt_handlers=handlers)
    try:
        port = int(server.server_address[1])
        suite.python(REGISTER.format(title=title, host=suite.reachable_host, port=port))
        yield Device(suite, title, answers)
    finally:
        server.shutdown()


def store_when_known(modality: Modality, images: Iterable[Dataset]) -> None:
    """The engine learns of a new device within seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            modality.store(images)
            return
        except DimseFailure:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)


def test_images_are_committed_and_missing_ones_are_named(suite: RunningSuite) -> None:
    with a_device(suite) as device:
        images = study_of(images=3, PatientID=f"SC{secrets.token_hex(3)}", PatientName="COMMITTED")
        store_when_known(device.modality, images[:2])
        event_type, report = device.ask(images[:2])
        assert event_type == ALL_KEPT
        assert kept(report) == {image.SOPInstanceUID for image in images[:2]}
        event_type, report = device.ask(images)
        assert event_type == SOME_MISSING
        assert kept(report) == {image.SOPInstanceUID for image in images[:2]}
        (failed,) = report.FailedSOPSequence
        assert failed.ReferencedSOPInstanceUID == images[2].SOPInstanceUID
        assert failed.FailureReason == NO_SUCH_OBJECT


def kept(report: Dataset) -> set[str]:
    return {str(item.ReferencedSOPInstanceUID) for item in report.ReferencedSOPSequence}
