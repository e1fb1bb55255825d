"""Attempts to deliver, against a receiver on a real socket that accepts, fails and misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn
from unittest.mock import patch

import msgspec
import pytest
from django.conf import settings
from django.db import connection

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.delivery.models import Delivery, DeliveryState, Receiver
from ris_core.delivery.sending import RESULTS, after_delivery_job_died
from ris_core.errors import InvalidValue, TransitionRefused
from ris_core.hl7.mllp import MllpFailure
from ris_core.jobs.models import Job
from ris_core.reports.documents import run_render_document
from ris_core.reports.models import Document, VersionStatus
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_testing.his import Behaviour, SimulatedHis

pytestmark = pytest.mark.django_db

TIMEOUT_SECONDS = 0.5


@pytest.fixture
def his() -> Iterator[SimulatedHis]:
    with SimulatedHis() as simulated:
        yield simulated


@pytest.fixture(autouse=True)
def short_limits() -> Iterator[None]:
    quang = settings.QUANG
    limits = msgspec.structs.replace(quang.delivery, timeout_seconds=TIMEOUT_SECONDS, max_attempts=3)
    with patch.object(settings, "QUANG", msgspec.structs.replace(quang, delivery=limits)):
        yield


def owed(receiver: Receiver) -> Delivery:
    """A final report of a new exam, its document made, owed to ``receiver``."""
    version = approved(an_exam(), a_reader())
    run_render_document(str(version.pk))
    return Delivery.objects.get(version=version, receiver=receiver)


def correction(delivery: Delivery, conclusion: str) -> Delivery:
    """The next version of the same report, owed to the same receiver."""
    version = approved(delivery.reading.procedure, a_reader(), status=VersionStatus.CORRECTED, conclusion=conclusion)
    run_render_document(str(version.pk))
    return Delivery.objects.get(version=version, receiver=delivery.receiver)


def unreachable(*_: object) -> NoReturn:
    raise MllpFailure("refused") from ConnectionRefusedError()


def attempt(delivery: Delivery) -> Delivery:
    RESULTS.attempt(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def test_an_accepted_result_is_acknowledged_and_the_exam_returned(his: SimulatedHis) -> None:
    delivery = attempt(owed(a_receiver(his.port)))
    exam = delivery.reading.procedure
    exam.refresh_from_db()
    assert (delivery.state, exam.exam_state) == ("ACKNOWLEDGED", "RETURNED")
    [received] = his.received
    assert received.control_id == delivery.control_id
    assert received.pdf == bytes(Document.objects.get(version=delivery.version).content)
    assert received.field("OBR", 18) == exam.request.accession_number
    assert AuditEvent.objects.filter(action="delivery.acknowledged", patient=exam.patient).exists()


def test_the_accession_number_goes_back_as_the_his_sent_it(his: SimulatedHis) -> None:
    receiver, exam = a_receiver(his.port), an_exam()
    exam.request.sent_accession_number = "ACCESSION-LONGER-THAN-16"
    exam.request.save()
    version = approved(exam, a_reader())
    run_render_document(str(version.pk))
    attempt(Delivery.objects.get(version=version, receiver=receiver))
    assert his.received[0].field("OBR", 18) == "ACCESSION-LONGER-THAN-16"


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.AE,
        Behaviour.AR,
        Behaviour.OTHER_ID,
        Behaviour.GARBAGE,
        Behaviour.ENDLESS,
        Behaviour.HANG,
        Behaviour.CLOSE,
    ],
)
def test_whatever_is_no_acceptance_is_tried_again_with_the_same_bytes(his: SimulatedHis, behaviour: Behaviour) -> None:
    his.behaviour = behaviour
    delivery = owed(a_receiver(his.port))
    Job.objects.filter(kind="deliver").delete()
    attempt(delivery)
    assert (delivery.state, delivery.attempts, delivery.possibly_seen) == ("RETRY", 1, True)
    assert delivery.last_error
    assert Job.objects.get(kind="deliver", subject_id=str(delivery.pk)).state == "QUEUED"
    his.behaviour = Behaviour.AA
    attempt(delivery)
    assert delivery.state == DeliveryState.ACKNOWLEDGED
    assert his.received[0].raw == his.received[1].raw


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [(Behaviour.AE, "QUANG-5103"), (Behaviour.ENDLESS, "QUANG-5104"), (Behaviour.HANG, "QUANG-7004")],
)
def test_the_kind_of_failure_is_told_by_its_code(his: SimulatedHis, behaviour: Behaviour, code: str) -> None:
    his.behaviour = behaviour
    assert attempt(owed(a_receiver(his.port))).last_error.startswith(code)


def test_a_receiver_that_is_down_has_seen_nothing(his: SimulatedHis) -> None:
    his.stop()
    delivery = attempt(owed(a_receiver(his.port)))
    assert (delivery.state, delivery.possibly_seen) == ("RETRY", False)


def test_after_the_last_attempt_a_delivery_is_dead_and_a_person_replays_it(his: SimulatedHis) -> None:
    his.behaviour = Behaviour.AE
    delivery = owed(a_receiver(his.port))
    for _ in range(3):
        attempt(delivery)
    assert delivery.state == DeliveryState.DEAD
    assert "Không tìm thấy chỉ định" in delivery.last_error
    attempt(delivery)
    assert len(his.received) == 3
    his.behaviour = Behaviour.AA
    RESULTS.replay(delivery.pk, Actor("admin"))
    attempt(delivery)
    assert (delivery.state, delivery.attempts) == ("ACKNOWLEDGED", 1)
    assert len({message.raw for message in his.received}) == 1
    assert AuditEvent.objects.filter(action="delivery.replayed", actor="admin").exists()


def test_a_newer_version_waits_for_an_older_one_that_the_receiver_may_have(his: SimulatedHis) -> None:
    his.behaviour = Behaviour.CLOSE
    first = attempt(owed(a_receiver(his.port)))
    second = correction(first, "Bản hai")
    his.behaviour = Behaviour.AA
    attempt(second)
    assert (second.state, RESULTS.waits_for(second)) == ("QUEUED", first)
    Job.objects.all().delete()
    attempt(first)
    assert Job.objects.filter(kind="deliver", subject_id=str(second.pk)).exists()
    attempt(second)
    assert [message.field("OBR", 25) for message in his.received] == ["F", "F", "C"]


def test_who_takes_the_newest_only_gets_no_older_version_that_no_attempt_reached(his: SimulatedHis) -> None:
    his.stop()
    first = attempt(owed(a_receiver(his.port, only_newest=True)))
    second = correction(first, "Bản hai")
    first.refresh_from_db()
    assert first.state == DeliveryState.SUPERSEDED
    his.start()
    attempt(first)
    attempt(second)
    assert [message.field("OBR", 25) for message in his.received] == ["C"]


def test_a_dead_older_version_holds_back_the_newer_until_a_person_decides(his: SimulatedHis) -> None:
    his.behaviour = Behaviour.AR
    first = owed(a_receiver(his.port))
    for _ in range(3):
        attempt(first)
    second = correction(first, "Bản hai")
    his.behaviour = Behaviour.AA
    assert attempt(second).state == DeliveryState.QUEUED
    with pytest.raises(InvalidValue):
        RESULTS.dismiss(first.pk, "  ", Actor("admin"))
    RESULTS.dismiss(first.pk, "HIS đã xóa chỉ định cũ", Actor("admin"))
    assert attempt(second).state == DeliveryState.ACKNOWLEDGED
    with pytest.raises(TransitionRefused):
        RESULTS.replay(first.pk, Actor("admin"))


def test_a_correction_that_waited_for_the_older_version_to_be_sent_again_goes_after_it(his: SimulatedHis) -> None:
    first = attempt(owed(a_receiver(his.port)))
    second = correction(first, "Bản hai")
    with patch("ris_core.outbox.mllp.MllpClient", side_effect=unreachable):
        assert (attempt(second).state, second.possibly_seen) == ("RETRY", False)
    RESULTS.replay(first.pk, Actor("admin"))
    Job.objects.filter(kind="deliver", subject_id=str(second.pk)).update(state="DONE")
    assert attempt(second).state == DeliveryState.RETRY  # its turn came, and the older one was on its way again
    assert attempt(first).state == DeliveryState.ACKNOWLEDGED
    assert Job.objects.filter(kind="deliver", subject_id=str(second.pk), state="QUEUED").exists()


def test_the_exam_is_returned_when_every_receiver_has_the_newest_version(his: SimulatedHis) -> None:
    up, down = a_receiver(his.port), a_receiver(1)
    delivery = owed(up)
    exam = delivery.reading.procedure
    attempt(delivery)
    exam.refresh_from_db()
    assert exam.exam_state == "FINAL"
    RESULTS.dismiss(Delivery.objects.get(receiver=down).pk, "không còn dùng", Actor("admin"))
    exam.refresh_from_db()
    assert exam.exam_state == "RETURNED"
    attempt(correction(delivery, "Bản hai"))
    exam.refresh_from_db()
    assert exam.exam_state == "FINAL"


def test_a_preliminary_report_is_sent_and_the_exam_goes_on(his: SimulatedHis) -> None:
    receiver, exam = a_receiver(his.port), an_exam()
    version = approved(exam, a_reader(), status=VersionStatus.PRELIMINARY)
    run_render_document(str(version.pk))
    attempt(Delivery.objects.get(version=version, receiver=receiver))
    exam.refresh_from_db()
    assert exam.exam_state == "PRELIMINARY"
    assert his.received[0].field("OBR", 25) == "P"


def test_a_result_waits_while_its_document_is_being_made(his: SimulatedHis) -> None:
    receiver = a_receiver(his.port)
    version = approved(an_exam(), a_reader())
    assert attempt(Delivery.objects.get(version=version, receiver=receiver)).state == DeliveryState.QUEUED
    assert his.received == []


def test_a_report_that_cannot_be_printed_is_a_delivery_error_for_people_to_see(his: SimulatedHis) -> None:
    receiver = a_receiver(his.port)
    version = approved(an_exam(), a_reader())
    Job.objects.update(state="DEAD")
    with patch("ris_core.print_layouts.arranging.typeset", side_effect=OSError("no fonts")):
        delivery = attempt(Delivery.objects.get(version=version, receiver=receiver))
    assert (delivery.state, delivery.last_error) == ("RETRY", "QUANG-5006 the report could not be laid out (OSError)")
    assert attempt(delivery).state == DeliveryState.ACKNOWLEDGED


def test_a_receiver_switched_off_gets_nothing_and_the_reason_is_shown(his: SimulatedHis) -> None:
    receiver = a_receiver(his.port)
    delivery = owed(receiver)
    receiver.active = False
    receiver.save()
    attempt(delivery)
    assert (delivery.state, delivery.possibly_seen) == ("RETRY", False)
    assert delivery.last_error.startswith("QUANG-5102")
    assert his.received == []


def test_a_wrong_hl7_version_is_a_delivery_error_and_not_a_crash(his: SimulatedHis) -> None:
    delivery = attempt(owed(a_receiver(his.port, hl7_version="2.9")))
    assert delivery.state == DeliveryState.RETRY
    assert "2.9" in delivery.last_error


def test_a_delivery_whose_job_died_is_dead_where_people_look() -> None:
    delivery = owed(a_receiver(1))
    after_delivery_job_died(str(delivery.pk), "KeyError: 'x'")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == ("DEAD", "KeyError: 'x'")


def test_what_is_settled_is_not_sent_again(his: SimulatedHis) -> None:
    delivery = attempt(owed(a_receiver(his.port)))
    attempt(delivery)
    assert len(his.received) == 1


def test_what_was_sent_before_a_crash_counts_as_possibly_seen(his: SimulatedHis) -> None:
    delivery = owed(a_receiver(his.port))
    with (
        patch.object(RESULTS, "_record_acknowledged", side_effect=SystemExit),  # killed after the answer
        pytest.raises(SystemExit),
    ):
        RESULTS.attempt(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.possibly_seen) == ("SENDING", True)
    with pytest.raises(TransitionRefused):
        RESULTS.dismiss(delivery.pk, "x", Actor("admin"))
    attempt(delivery)
    assert delivery.state == DeliveryState.ACKNOWLEDGED
    assert his.received[0].raw == his.received[1].raw


@pytest.mark.once
def test_what_a_reading_owes_is_not_looked_for_among_all_that_its_receiver_is_owed() -> None:
    """SQLite only: PostgreSQL has statistics to choose an index by."""
    assert connection.vendor == "sqlite"
    waiting = Delivery(receiver_id=1, reading_id=1, sequence=2)
    older = RESULTS.order(waiting).filter(sequence__lt=waiting.sequence).exclude(state=DeliveryState.ACKNOWLEDGED)
    assert "(receiver_id=? AND reading_id=? AND sequence<?)" in older.explain()
