"""Who is told of what happens to an exam, in which order, and what becomes of what cannot be delivered."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from django.conf import settings
from django.utils import timezone
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.delivery.models import Receiver
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue
from ris_core.jobs.models import Job
from ris_core.notifications.models import Notification, NotificationReceiver, NotificationRule
from ris_core.notifications.receivers import (
    ReceiverRegistration,
    change_receiver,
    register_receiver,
    try_receiver,
)
from ris_core.notifications.rules import Event, Transport
from ris_core.notifications.sending import NOTIFICATIONS, after_notify_job_died, run_notify
from ris_core.notifications.services import announce_event, announce_message
from ris_core.notifications.transports import TRANSPORTS
from ris_core.outbox.errors import NotAcknowledged
from ris_core.performed.models import PerformedProcedureStep, PerformedStepMessage
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_testing.his import Behaviour, SimulatedHis

pytestmark = pytest.mark.django_db


@pytest.fixture
def his() -> Iterator[SimulatedHis]:
    with SimulatedHis() as simulated:
        yield simulated


@pytest.fixture(autouse=True)
def short_limits() -> Iterator[None]:
    quang = settings.QUANG
    limits = msgspec.structs.replace(quang.delivery, timeout_seconds=0.5, max_attempts=2)
    with patch.object(settings, "QUANG", msgspec.structs.replace(quang, delivery=limits)):
        yield


def a_status_receiver(port: int, *events: Event, modality: str = "", message: str = "ORM") -> NotificationReceiver:
    system = a_receiver(port)
    receiver = NotificationReceiver.objects.create(
        code=f"STATUS-{system.code}", name="HIS", transport=Transport.HL7_STATUS, system=system, hl7_message=message
    )
    for event in events:
        NotificationRule.objects.create(receiver=receiver, event=event, modality=modality)
    return receiver


def attempt(notification: Notification) -> Notification:
    run_notify(str(notification.pk))
    notification.refresh_from_db()
    return notification


def test_only_who_wants_to_know_is_told() -> None:
    exam = an_exam()
    a_status_receiver(1, Event.EXAM_STARTED)
    a_status_receiver(1, Event.EXAM_STARTED, modality="XX")
    announce_event("exam.completed", exam.pk)
    assert not Notification.objects.exists()
    announce_event("exam.started", exam.pk)
    [owed] = Notification.objects.all()
    assert (owed.event, owed.procedure, owed.state, owed.sequence) == ("exam.started", exam, "QUEUED", 1)
    assert Job.objects.filter(kind="notify", subject_id=str(owed.pk), state="QUEUED").exists()


def test_an_event_that_nobody_knows_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match=r"exam\.exploded"):
        announce_event("exam.exploded", an_exam().pk)


@pytest.mark.parametrize("message", ["ORM", "OMG"])
def test_the_his_learns_how_far_its_order_is(his: SimulatedHis, message: str) -> None:
    exam = an_exam()
    a_status_receiver(his.port, Event.EXAM_STARTED, message=message)
    announce_event("exam.started", exam.pk)
    assert attempt(Notification.objects.get()).state == "ACKNOWLEDGED"
    [received] = his.received
    assert received.field("MSH", 9).startswith(message)
    assert (received.field("ORC", 1), received.field("ORC", 5), received.field("OBR", 25)) == ("SC", "IP", "I")
    assert received.field("ORC", 2) == exam.placer_order_number
    assert received.field("OBR", 18) == exam.request.accession_number
    assert AuditEvent.objects.filter(action="notification.acknowledged", patient=exam.patient).exists()


def test_events_of_one_exam_arrive_in_order_and_a_dead_one_holds_the_next(his: SimulatedHis) -> None:
    exam = an_exam()
    a_status_receiver(his.port, Event.EXAM_STARTED, Event.EXAM_COMPLETED)
    announce_event("exam.started", exam.pk)
    announce_event("exam.completed", exam.pk)
    started, completed = Notification.objects.order_by("sequence")
    his.behaviour = Behaviour.AE
    assert attempt(completed).state == "QUEUED"
    assert attempt(started).state == "RETRY"
    assert attempt(started).state == "DEAD"
    his.behaviour = Behaviour.AA
    assert attempt(completed).state == "QUEUED"
    NOTIFICATIONS.replay(started.pk, Actor("admin"))
    assert attempt(started).state == "ACKNOWLEDGED"
    assert attempt(completed).state == "ACKNOWLEDGED"
    assert {message.control_id for message in his.received} == {started.control_id, completed.control_id}


def test_a_dismissed_one_lets_the_next_go(his: SimulatedHis) -> None:
    exam = an_exam()
    a_status_receiver(his.port, Event.EXAM_STARTED, Event.EXAM_COMPLETED)
    announce_event("exam.started", exam.pk)
    announce_event("exam.completed", exam.pk)
    started, completed = Notification.objects.order_by("sequence")
    after_notify_job_died(str(started.pk), "KeyError: 'x'")
    NOTIFICATIONS.dismiss(started.pk, "HIS không cần", Actor("admin"))
    assert attempt(completed).state == "ACKNOWLEDGED"


def test_a_receiver_without_an_address_is_an_error_for_people_to_see() -> None:
    exam = an_exam()
    receiver = a_status_receiver(1, Event.EXAM_STARTED)
    NotificationReceiver.objects.filter(pk=receiver.pk).update(system=None)
    announce_event("exam.started", exam.pk)
    owed = attempt(Notification.objects.get())
    assert (owed.state, owed.possibly_seen) == ("RETRY", False)
    assert owed.last_error.startswith("QUANG-1001")


def test_an_approved_report_is_an_event_of_its_exam() -> None:
    exam = an_exam()
    a_status_receiver(1, Event.REPORT_FINAL)
    approved(exam, a_reader())
    assert Notification.objects.get().event == "report.final"


def test_every_transport_is_registered() -> None:
    assert {kind.transport for kind in TRANSPORTS} == set(Transport)


def a_registration(**changed: Any) -> ReceiverRegistration:
    usual = {
        "code": "STATUS", "name": "HIS", "transport": Transport.HL7_STATUS, "address": a_receiver(1).code,
        "events": frozenset({Event.EXAM_STARTED}), "modality": "CT",
    }  # fmt: skip
    return ReceiverRegistration(**(usual | changed))


def test_receivers_are_registered_told_changed_and_switched_off() -> None:
    receiver = register_receiver(a_registration(), Actor("admin"))
    exam = an_exam()
    announce_event("exam.started", exam.pk)
    assert Notification.objects.count() == 1
    change_receiver(receiver.pk, a_registration(active=False), Actor("admin"))
    announce_event("exam.started", exam.pk)
    assert Notification.objects.count() == 1
    actions = AuditEvent.objects.filter(subject="notification_receiver:STATUS").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "notification_receiver.registered",
        "notification_receiver.changed",
    ]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"events": frozenset({Event.MPPS_RECEIVED})}, "events"),
        ({"transport": Transport.MPPS, "events": frozenset({Event.MPPS_RECEIVED}), "address": "NOBODY"}, "address"),
        ({"address": "NOBODY"}, "address"),
        ({"transport": Transport.WEBHOOK}, "transport"),
        ({"code": "a b"}, "code"),
    ],
)
def test_what_cannot_be_told_is_refused_by_its_field(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        register_receiver(a_registration(**changed), Actor("admin"))
    assert refused.value.field == field


def test_trying_a_receiver_says_what_is_wrong_and_is_written_down() -> None:
    receiver = register_receiver(a_registration(address=a_receiver(1).code), Actor("admin"))
    assert try_receiver(receiver.pk, Actor("admin")).startswith("QUANG-5101")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Receiver.objects.update(port=listening.getsockname()[1])
        assert try_receiver(receiver.pk, Actor("admin")) == ""
    node = Device.objects.create(ae_title="OTHERPACS", name="PACS", host="127.0.0.1", port=1)
    change_receiver(
        receiver.pk,
        a_registration(transport=Transport.MPPS, address=node.ae_title, events=frozenset({Event.MPPS_RECEIVED})),
        Actor("admin"),
    )
    assert try_receiver(receiver.pk, Actor("admin")).startswith("QUANG-5101")
    tried = AuditEvent.objects.filter(action="notification_receiver.tried").order_by("pk")
    assert list(tried.values_list("success", flat=True)) == [False, True, False]


def test_a_forwarded_step_that_a_person_sends_again_may_be_there_already() -> None:
    exam = an_exam()
    node = Device.objects.create(ae_title="OTHERPACS", name="PACS", host="127.0.0.1", port=1)
    receiver = NotificationReceiver.objects.create(code="PACS", name="PACS", transport=Transport.MPPS, device=node)
    NotificationRule.objects.create(receiver=receiver, event=Event.MPPS_RECEIVED)
    performed = PerformedProcedureStep.objects.create(
        sop_instance_uid="1.2.3", ae_title="CT1", study_instance_uid="1.2", created_at=timezone.now()
    )
    told = PerformedStepMessage.objects.create(
        performed=performed, operation="N-CREATE", dataset=b"\x08\x00\x60\x00CS\x02\x00CT",
        transfer_syntax_uid=ExplicitVRLittleEndian, received_at=timezone.now(),
    )  # fmt: skip
    announce_message(
        Event.MPPS_RECEIVED, subject=f"mpps_message:{told.pk}", thread="mpps:1.2.3", modality="CT", procedure_id=exam.pk
    )
    duplicate = Dataset()
    duplicate.Status = 0x0111
    accepted: list[bool] = []

    def answer_was_lost(*_arguments: object, also_accepted: Callable[[Dataset], bool]) -> bytes:
        accepted.append(also_accepted(duplicate))
        raise NotAcknowledged("the receiver did not answer the DIMSE message")

    owed = Notification.objects.get()
    with patch("ris_core.notifications.dicom.exchange", answer_was_lost):
        assert [attempt(owed).state for _ in range(2)] == ["RETRY", "DEAD"]
        NOTIFICATIONS.replay(owed.pk, Actor("admin"))
        attempt(owed)
    assert accepted == [False, True, True]
