"""Devices say what they do (MPPS): worklist, exam and others follow, and nothing is read before all of it is here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
)

from ris_testing.backends import Part, RunningSuite
from ris_testing.modality import DimseFailure, Modality, acquire, step_begun, step_ended
from ris_testing.orders import an_order
from ris_testing.performing import PATIENCE_SECONDS, console, exam, ordered, scanner
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

RECEIVER = """
from ris_core.devices.models import Device
from ris_core.notifications.models import NotificationReceiver, NotificationRule
node = Device.objects.create(ae_title={title!r}, name="Node", host={host!r}, port={port})
for transport, event in (("MPPS", "mpps.received"), ("INSTANCE_AVAILABILITY", "exam.images_available")):
    receiver = NotificationReceiver.objects.create(
        code=transport + {title!r}, name="Node", transport=transport, device=node
    )
    NotificationRule.objects.create(receiver=receiver, event=event, modality="MR")
"""
DONE = """
from ris_core.notifications.models import NotificationRule
NotificationRule.objects.filter(receiver__device__ae_title={title!r}).update(active=False)
"""


def test_an_exam_is_ready_when_all_images_that_its_device_made_are_here(suite: RunningSuite) -> None:
    order = an_order()
    answer = ordered(suite, order)
    uid = console(suite).begin_step(answer)
    assert exam(suite, order)[:2] == ["IN_PROGRESS", ["STARTED"]]
    assert not scanner(suite).find_worklist(AccessionNumber=order.accession_number)
    made = acquire(answer, images=3)
    scanner(suite).store(made[:2])
    console(suite).end_step(uid, made)
    wait_until(lambda: exam(suite, order)[3] == ["INCOMPLETE", 1], "the missing image is noticed")
    assert exam(suite, order)[:2] == ["IN_PROGRESS", ["COMPLETED"]]
    scanner(suite).store(made[2:])
    wait_until(lambda: exam(suite, order)[0] == "READY_TO_READ", "all is here")
    assert exam(suite, order)[3] == ["COMPLETE", 0]


def test_rules_of_the_standard_are_kept_over_the_wire(suite: RunningSuite) -> None:
    """PS3.4 F.7.2: every refusal with its status, and none changes anything."""
    order = an_order()
    answer = ordered(suite, order)
    device = console(suite)
    begun, ended = step_begun(answer, "CT1"), step_ended(acquire(answer, images=1))
    uid = str(generate_uid())

    def refused(dataset: Dataset, *, create: bool, instance: str = uid, by: Modality = device) -> int:
        with pytest.raises(DimseFailure) as failure:
            by.report(instance, dataset, create=create)
        return failure.value.status

    assert refused(ended, create=False) == 0x0112
    assert refused(step_begun(answer, "CT1", PerformedProcedureStepStatus="COMPLETED"), create=True) == 0x0106
    assert refused(step_begun(answer, "CT1", PerformedProcedureStepID=""), create=True) == 0x0121
    incomplete = step_begun(answer, "CT1")
    del incomplete.PerformedProcedureStepStartDate
    assert refused(incomplete, create=True) == 0x0120
    device.report(uid, begun, create=True)
    assert refused(begun, create=True) == 0x0111
    device.report(uid, ended, create=False)
    device.report(uid, ended, create=False)  # its answer may have been lost
    assert refused(step_ended([], "DISCONTINUED"), create=False) == 0x0110
    assert exam(suite, order)[2] == [["COMPLETED", 2]]
    with pytest.raises(DimseFailure, match="not accepted"):
        console(suite, "STRANGER").echo()
    device.echo()


def test_the_wrong_worklist_entry_comes_back_and_work_broken_off_does_not(suite: RunningSuite) -> None:
    order = an_order()
    answer = ordered(suite, order)
    uid = console(suite).begin_step(answer)
    reason = Dataset()
    reason.CodeValue, reason.CodingSchemeDesignator, reason.CodeMeaning = "110514", "DCM", "Incorrect worklist entry"
    console(suite).end_step(uid, [], "DISCONTINUED", PerformedProcedureStepDiscontinuationReasonCodeSequence=[reason])
    assert exam(suite, order)[:2] == ["ORDERED", ["SCHEDULED"]]
    (again,) = scanner(suite).find_worklist(AccessionNumber=order.accession_number)
    uid = console(suite).begin_step(again)
    console(suite).end_step(uid, [], "DISCONTINUED")
    assert exam(suite, order)[:2] == ["IN_PROGRESS", ["DISCONTINUED"]]
    assert not scanner(suite).find_worklist(AccessionNumber=order.accession_number)


@contextmanager
def another_node(suite: RunningSuite, title: str) -> Iterator[tuple[int, list[tuple[str, Dataset]]]]:
    """A DICOM node that takes performed steps and availability notifications: its port, what it was sent."""
    received: list[tuple[str, Dataset]] = []

    def created(event: evt.Event) -> tuple[int, None]:
        request: Any = event.request
        kind = "IAN" if request.AffectedSOPClassUID == InstanceAvailabilityNotification else "N-CREATE"
        received.append((kind, event.attribute_list))
        return 0x0000, None

    def changed(event: evt.Event) -> tuple[int, None]:
        received.append(("N-SET", event.modification_list))
        return 0x0000, None

    entity = AE(ae_title=title)
    for sop_class in (InstanceAvailabilityNotification, ModalityPerformedProcedureStep):
        entity.add_supported_context(sop_class)
    handlers: list[Any] = [(evt.EVT_N_CREATE, created), (evt.EVT_N_SET, changed)]
    server: Any = entity.start_server((suite.listen_host, 0), block=False, evt_handlers=handlers)
    try:
        yield int(server.server_address[1]), received
    finally:
        server.shutdown()


def test_other_nodes_get_the_devices_messages_in_order_and_learn_that_images_are_here(suite: RunningSuite) -> None:
    title = f"NODE{threading.get_native_id() % 10_000}"
    with another_node(suite, title) as (port, received):
        suite.python(RECEIVER.format(title=title, host=suite.reachable_host, port=port))
        try:
            order = an_order().for_service("MR.SONAO", "Chụp cộng hưởng từ sọ não", "MR")
            answer = ordered(suite, order, "MR1")
            uid = console(suite, "MR1").begin_step(answer)
            made = acquire(answer, images=2)
            scanner(suite, "MR1").store(made)
            console(suite, "MR1").end_step(uid, made)
            wait_until(lambda: len(received) == 3, "two messages of the device and the notification")
        finally:
            suite.python(DONE.format(title=title))
    kinds = [kind for kind, _ in received]
    assert [kind for kind in kinds if kind != "IAN"] == ["N-CREATE", "N-SET"]
    ((_, available),) = [message for message in received if message[0] == "IAN"]
    assert available.StudyInstanceUID == answer.StudyInstanceUID
    (series,) = available.ReferencedSeriesSequence
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence} == {
        image.SOPInstanceUID for image in made
    }
    assert {(item.InstanceAvailability, item.RetrieveAETitle) for item in series.ReferencedSOPSequence} == {
        ("ONLINE", suite.ae_title)
    }


def test_a_service_killed_in_the_middle_loses_and_doubles_nothing(suite: RunningSuite) -> None:
    """Devices that get no answer say it again; whatever is answered with success is there, once."""
    orders = [an_order() for _ in range(4)]
    answers = [ordered(suite, order) for order in orders]
    made = [acquire(answer, images=1) for answer in answers]
    steps = [(str(generate_uid()), step_begun(answer, "CT1")) for answer in answers]
    before = suite.restarts(Part.MPPS)
    killer = threading.Timer(0.3, suite.kill, (Part.MPPS,))
    killer.start()
    for (uid, begun), images in zip(steps, made, strict=True):
        insist(suite, uid, begun, create=True)
        insist(suite, uid, step_ended(images), create=False)
    killer.join()
    suite.wait_restarted(Part.MPPS, before)
    for order in orders:
        assert exam(suite, order)[1:3] == [["COMPLETED"], [["COMPLETED", 2]]]


def insist(suite: RunningSuite, uid: str, dataset: Dataset, *, create: bool) -> None:
    """Send a message until it is answered with success, as devices do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    status = -1
    while time.monotonic() < deadline:
        try:
            console(suite).report(uid, dataset, create=create)
            return
        except DimseFailure as failure:
            if create and status == 0 and failure.status == 0x0111:
                return  # it was taken in, and the answer was lost
            status = failure.status
        time.sleep(0.2)
    pytest.fail(f"refused until the end: {status:04X}")
