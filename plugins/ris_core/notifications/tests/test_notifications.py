"""Who is told of what happens to an exam, in which order, and what becomes of what cannot be delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import msgspec
import pytest
from django.conf import settings
from django.utils import timezone
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue, NotFound
from ris_core.jobs.models import Job
from ris_core.notifications.models import Notification, NotificationReceiver, NotificationRule
from ris_core.notifications.receivers import register_receiver, tell_of, withdraw_receiver
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


def test_receivers_are_registered_told_and_withdrawn() -> None:
    system = a_receiver(1)
    receiver = register_receiver("STATUS", Transport.HL7_STATUS, system.code, Actor("admin"))
    for _ in range(2):
        tell_of(receiver, Event.EXAM_STARTED, Actor("admin"), modality="CT")
    exam = an_exam()
    announce_event("exam.started", exam.pk)
    assert Notification.objects.count() == 1
    withdraw_receiver("STATUS", Actor("admin"))
    announce_event("exam.started", exam.pk)
    assert Notification.objects.count() == 1
    with pytest.raises(InvalidValue):
        tell_of(receiver, Event.MPPS_RECEIVED, Actor("admin"))
    with pytest.raises(NotFound):
        register_receiver("PACS", Transport.MPPS, "NOBODY", Actor("admin"))


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
