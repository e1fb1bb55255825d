"""What devices report and is refused is kept, and taken in once its cause has been mended."""

from __future__ import annotations

import pytest
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.devices.models import Device
from ris_core.errors import TransitionRefused
from ris_core.messages.models import InboundMessage, MessageState, Protocol, Resolution
from ris_core.messages.replaying import dismiss, replay, waiting_count
from ris_core.orders.models import RequestedProcedure
from ris_core.performed.datasets import packed, unpacked
from ris_core.performed.errors import ReportRefused
from ris_core.performed.models import PerformedProcedureStep
from ris_core.performed.refused import Operation, keep_refused, take_in
from ris_core.performed.services import Report
from ris_core.performed.tests.reports import beginning, ending, reference, report
from ris_testing.exams import an_exam

pytestmark = pytest.mark.django_db
CREATE, SET = Operation.CREATE, Operation.SET


@pytest.fixture
def person() -> Actor:
    user = User.objects.create(username="cntt", full_name="Trần Minh", role="ADMINISTRATOR")
    return Actor("cntt", user_id=user.pk)


@pytest.fixture
def exam() -> RequestedProcedure:
    return an_exam(state="ORDERED", images=False)


def refused(sent: Report, operation: Operation) -> InboundMessage | None:
    """The service's answer to ``sent``, as in :mod:`ris_core.performed.scp`; what is kept of it."""
    try:
        take_in(sent, operation)
    except ReportRefused as refusal:
        keep_refused(sent, operation, refusal)
    else:
        pytest.fail("it was taken in")
    return InboundMessage.objects.order_by("-pk").first()


def test_a_stranger_s_reports_are_taken_in_once_it_is_registered(exam: RequestedProcedure, person: Actor) -> None:
    uid = str(generate_uid())
    first = refused(report(uid, beginning(reference(exam))), CREATE)
    second = refused(report(uid, ending(instances=["1.2.3"])), SET)
    assert first
    assert second
    assert (first.protocol, first.sender, first.peer, first.control_id) == (Protocol.MPPS, "CT1", "127.0.0.1", uid)
    assert (first.message_type, first.acknowledgement_code, first.error_code) == ("N-CREATE", "0124", "QUANG-4208")
    assert first.error_location == "(0002,0016)"
    assert "nguyen thi dao" in first.search_text
    assert waiting_count() == 2
    assert replay(first.pk, person).state == MessageState.REFUSED
    Device.objects.create(ae_title="CT1", name="CT 1", modality="CT")
    attempts = [replay(message.pk, person) for message in (first, second)]
    assert [attempt.state for attempt in attempts] == [MessageState.APPLIED, MessageState.APPLIED]
    assert attempts[0].patient == exam.patient
    performed = PerformedProcedureStep.objects.get(sop_instance_uid=uid)
    assert (performed.status, performed.created_at, performed.messages.count()) == ("COMPLETED", first.received_at, 2)
    assert waiting_count() == 0
    first.refresh_from_db()
    assert (first.resolution, first.resolved_by_id) == (Resolution.REPLAYED, person.user_id)
    assert AuditEvent.objects.filter(action="message.replayed", success=True).count() == 2
    with pytest.raises(TransitionRefused):
        replay(first.pk, person)


def test_what_the_device_says_better_itself_needs_nobody(exam: RequestedProcedure) -> None:
    Device.objects.create(ae_title="CT1", name="CT 1", modality="CT")
    uid = str(generate_uid())
    refused(report(uid, beginning(reference(exam), Modality="")), CREATE)
    assert waiting_count() == 1
    take_in(report(uid, beginning(reference(exam))), CREATE)
    assert (waiting_count(), InboundMessage.objects.get().resolution) == (0, Resolution.SENT_AGAIN)


def test_a_repetition_is_kept_once_and_that_of_what_is_here_not_at_all(exam: RequestedProcedure) -> None:
    Device.objects.create(ae_title="CT1", name="CT 1", modality="CT")
    nowhere = report("1.2.3", ending())
    refused(nowhere, SET)
    refused(nowhere, SET)
    assert InboundMessage.objects.count() == 1
    begun = report("1.2.4", beginning(reference(exam)))
    take_in(begun, CREATE)
    refused(begun, CREATE)
    assert InboundMessage.objects.count() == 1
    refused(report("1.2.4", beginning(reference(exam), PerformedProcedureStepID="PPS2")), CREATE)
    assert InboundMessage.objects.count() == 2


def test_a_report_is_taken_in_as_it_came_or_dismissed(person: Actor) -> None:
    kept = refused(report("1.2.3", ending()), SET)
    assert kept
    with pytest.raises(TransitionRefused):
        replay(kept.pk, person, raw=b"MSH|")
    dismiss(kept.pk, person, "máy thử")
    assert waiting_count() == 0


def test_the_bytes_come_back_as_they_were_in_their_transfer_syntax() -> None:
    for syntax in (str(ImplicitVRLittleEndian), "1.2.840.10008.1.2.1"):
        assert unpacked(packed(b"\x08\x00 whatever", syntax)) == (b"\x08\x00 whatever", syntax)
