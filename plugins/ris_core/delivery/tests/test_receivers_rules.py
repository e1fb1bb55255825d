"""Who gets which state of a report, in which order; recall; what is held back until it is paid for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM, Actor
from ris_core.delivery.holding import has_open_hold, release_hold, set_request_payment, set_visit_payment
from ris_core.delivery.models import Delivery, PaymentRule, Receiver, ResultRule, ReturnHold
from ris_core.delivery.sending import RESULTS
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.jobs.models import Job
from ris_core.orders.models import PaymentState, RequestedProcedure
from ris_core.orders.records import record_visit
from ris_core.orders.rules import VisitDetails
from ris_core.reports.documents import run_render_document
from ris_core.reports.holding import release
from ris_core.reports.models import Reading, ReportRecall, ReportVersion, VersionStatus
from ris_core.reports.recalling import recall
from ris_core.reports.services import amend
from ris_core.signatures.models import Signature, SignedFile, SigningCredential
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_testing.his import SimulatedHis

pytestmark = pytest.mark.django_db


@pytest.fixture
def his() -> Iterator[SimulatedHis]:
    with SimulatedHis() as simulated:
        yield simulated


def settle() -> None:
    """What the worker does with everything that is owed now."""
    for key in Job.objects.filter(kind="render_document").values_list("subject_id", flat=True):
        run_render_document(key)
    for delivery in Delivery.objects.order_by("sequence", "pk"):
        RESULTS.attempt(delivery.pk)


def recalled(exam: RequestedProcedure, actor: Actor, reason: str = "Nhầm bên") -> ReportRecall:
    reading = Reading.objects.get(procedure=exam)
    return recall(reading.pk, ReportVersion.objects.filter(reading=reading).count(), reason, actor)


def states(receiver: Receiver) -> list[tuple[str, int, str]]:
    return [(each.kind, each.version.number, each.state) for each in receiver.deliveries.order_by("sequence")]


def test_only_results_that_a_rule_wants_are_owed() -> None:
    everything, chosen = a_receiver(), a_receiver()
    ResultRule.objects.create(receiver=chosen, modality="MR")
    ResultRule.objects.create(receiver=chosen, service_code="CT.SO*", requesting_department="Khoa Ngoại")
    approved(an_exam(), a_reader())
    approved(an_exam(modality="MR", service_code="MR.GOI"), a_reader())
    assert (everything.deliveries.count(), chosen.deliveries.count()) == (2, 1)
    assert chosen.deliveries.get().reading.procedure.modality == "MR"


def test_who_takes_final_results_gets_no_preliminary_but_everything_after() -> None:
    every, final, corrections = (a_receiver(first_status=status) for status in "PFC")
    exam, reader = an_exam(), a_reader()
    approved(exam, reader, status=VersionStatus.PRELIMINARY)
    approved(exam, reader, conclusion="Hai")
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Ba")
    recalled(exam, reader)
    counts = [[each[:2] for each in states(receiver)] for receiver in (every, final, corrections)]
    assert counts[0] == [("RESULT", 1), ("RESULT", 2), ("RESULT", 3), ("RECALL", 3)]
    assert counts[1] == [("RESULT", 2), ("RESULT", 3), ("RECALL", 3)]
    assert counts[2] == [("RESULT", 3), ("RECALL", 3)]


def test_every_state_reaches_the_receiver_in_order(his: SimulatedHis) -> None:
    receiver, exam, reader = a_receiver(his.port), an_exam(), a_reader()
    approved(exam, reader, status=VersionStatus.PRELIMINARY)
    approved(exam, reader, conclusion="Hai")
    recalled(exam, reader)
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Ba")
    settle()
    assert [message.field("OBR", 25) for message in his.received] == ["P", "F", "C", "C"]
    assert [{row[11] for row in message.all("OBX")} for message in his.received] == [{"P"}, {"F"}, {"W"}, {"C"}]
    assert {state for *_, state in states(receiver)} == {"ACKNOWLEDGED"}
    exam.refresh_from_db()
    assert exam.exam_state == "RETURNED"


def test_a_recall_waits_for_what_it_recalls(his: SimulatedHis) -> None:
    receiver, exam, reader = a_receiver(his.port), an_exam(), a_reader()
    approved(exam, reader)
    recalled(exam, reader)
    RESULTS.attempt(receiver.deliveries.get(kind="RECALL").pk)
    assert his.received == []
    settle()
    assert [each[0] for each in states(receiver)] == ["RESULT", "RECALL"]
    assert len(his.received) == 2


def test_a_recalled_report_is_final_no_more_until_it_is_corrected() -> None:
    exam, reader = an_exam(), a_reader()
    approved(exam, reader)
    recalled(exam, reader)
    exam.refresh_from_db()
    reading = Reading.objects.get(procedure=exam)
    assert (exam.exam_state, reading.state) == ("RECALLED", "RECALLED")
    assert AuditEvent.objects.filter(action="report.recalled", user=reader.user_id).count() == 1
    amend(reading.pk, reader)
    release(reading.pk, reader)
    reading.refresh_from_db()
    assert reading.state == "RECALLED"
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đúng")
    exam.refresh_from_db()
    assert exam.exam_state == "FINAL"


def test_a_recall_is_made_once_and_needs_a_reason_and_the_newest_version() -> None:
    exam, reader = an_exam(), a_reader()
    receiver = a_receiver()
    approved(exam, reader)
    first = recalled(exam, reader)
    assert recalled(exam, reader) == first
    assert receiver.deliveries.filter(kind="RECALL").count() == 1
    reading = Reading.objects.get(procedure=exam)
    with pytest.raises(InvalidValue):
        recall(reading.pk, 1, "  ", reader)
    with pytest.raises(TransitionRefused):
        recall(reading.pk, 2, "Nhầm", reader)


def test_who_is_correcting_goes_on_when_the_report_is_recalled() -> None:
    exam, reader = an_exam(), a_reader()
    approved(exam, reader)
    reading = Reading.objects.get(procedure=exam)
    amend(reading.pk, reader)
    recall(reading.pk, 1, "Nhầm bên", a_reader())
    reading.refresh_from_db()
    assert (reading.state, reading.claimed_by_id) == ("AMENDED", reader.user_id)
    release(reading.pk, reader)
    reading.refresh_from_db()
    assert reading.state == "RECALLED"


def test_who_takes_the_newest_only_and_has_seen_nothing_is_told_of_no_recall() -> None:
    receiver, exam, reader = a_receiver(only_newest=True), an_exam(), a_reader()
    approved(exam, reader)
    recalled(exam, reader)
    assert states(receiver) == [("RESULT", 1, "SUPERSEDED")]


def test_a_receiver_that_is_switched_off_is_owed_the_recall_of_what_it_has(his: SimulatedHis) -> None:
    receiver, exam, reader = a_receiver(his.port), an_exam(), a_reader()
    approved(exam, reader)
    settle()
    Receiver.objects.update(active=False)
    recalled(exam, reader)
    assert [each[0] for each in states(receiver)] == ["RESULT", "RECALL"]


def unpaid_exam() -> RequestedProcedure:
    PaymentRule.objects.create(name="Ngoại trú trả trước", patient_class="O")
    exam = an_exam()
    set_request_payment(exam.request_id, PaymentState.UNPAID, SYSTEM)
    return RequestedProcedure.objects.get(pk=exam.pk)


def test_an_unpaid_result_is_held_until_it_is_paid(his: SimulatedHis) -> None:
    receiver, exam = a_receiver(his.port), unpaid_exam()
    approved(exam, a_reader())
    settle()
    assert his.received == []
    assert states(receiver) == [("RESULT", 1, "QUEUED")]
    assert AuditEvent.objects.filter(action="return.held", patient=exam.patient).exists()
    Job.objects.filter(kind="deliver").delete()
    set_request_payment(exam.request_id, PaymentState.PAID, Actor("HIS"))
    assert Job.objects.filter(kind="deliver").exists()
    settle()
    assert states(receiver) == [("RESULT", 1, "ACKNOWLEDGED")]
    assert AuditEvent.objects.get(action="return.released").details["paid"] is True


def test_a_visit_that_is_paid_lets_its_exams_go_unless_their_own_request_is_not(his: SimulatedHis) -> None:
    PaymentRule.objects.create(name="Tất cả", unknown_too=True)
    a_receiver(his.port)
    by_visit, by_request = an_exam(), an_exam()
    set_request_payment(by_request.request_id, PaymentState.UNPAID, SYSTEM)
    for exam in (by_visit, by_request):
        approved(RequestedProcedure.objects.get(pk=exam.pk), a_reader())
        assert has_open_hold(exam.pk)
        assert exam.request.visit_id is not None
        set_visit_payment(exam.request.visit_id, PaymentState.PAID, SYSTEM)
    assert (has_open_hold(by_visit.pk), has_open_hold(by_request.pk)) == (False, True)


def test_a_person_lets_an_unpaid_result_go_for_good_and_says_why() -> None:
    a_receiver()
    exam, reader = unpaid_exam(), a_reader()
    approved(exam, reader)
    with pytest.raises(InvalidValue):
        release_hold(exam.pk, " ", reader)
    release_hold(exam.pk, "Người bệnh cấp cứu", reader)
    with pytest.raises(NotFound):
        release_hold(exam.pk, "Lần nữa", reader)
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Hai")
    assert not has_open_hold(exam.pk)
    assert ReturnHold.objects.get().released_by_id == reader.user_id
    assert AuditEvent.objects.get(action="return.released").reason == "Người bệnh cấp cứu"


def test_emergencies_are_not_held_by_a_rule_for_outpatients() -> None:
    exam = unpaid_exam()
    visit = exam.request.visit
    assert visit is not None
    visit.patient_class = "E"
    visit.save()
    approved(RequestedProcedure.objects.get(pk=exam.pk), a_reader())
    assert not has_open_hold(exam.pk)


def test_the_recall_of_a_held_result_tells_nobody_who_has_seen_nothing() -> None:
    receiver, exam, reader = a_receiver(), unpaid_exam(), a_reader()
    approved(exam, reader)
    recalled(exam, reader)
    assert states(receiver) == [("RESULT", 1, "SUPERSEDED")]


def test_an_order_by_hl7_tells_whether_its_visit_is_paid() -> None:
    PaymentRule.objects.create(name="Tất cả")
    a_receiver()
    exam = an_exam()
    visit = exam.request.visit
    assert visit is not None
    details = {"visit_number": visit.visit_number, "issuer": visit.issuer}
    record_visit(VisitDetails(**details, payment_state="UNPAID"), exam.patient)
    approved(RequestedProcedure.objects.get(pk=exam.pk), a_reader())
    assert has_open_hold(exam.pk)
    record_visit(VisitDetails(**details), exam.patient)
    assert has_open_hold(exam.pk)
    record_visit(VisitDetails(**details, payment_state="PAID"), exam.patient)
    assert not has_open_hold(exam.pk)


def test_who_takes_signed_results_only_is_sent_the_signed_file_when_it_is_signed(his: SimulatedHis) -> None:
    receiver, exam, reader = a_receiver(his.port, signed_only=True), an_exam(), a_reader()
    version = approved(exam, reader)
    assert reader.user_id is not None
    settle()
    assert his.received == []
    now = timezone.now()
    key = SigningCredential.objects.create(
        owner_id=reader.user_id, kind="PKCS12", not_before=now, not_after=now, certificate=b"", added_at=now
    )
    signature = Signature.objects.create(
        version=version, credential=key, signer_id=reader.user_id, state="SIGNED", asked_at=now
    )
    SignedFile.objects.create(signature=signature, kind="PDF", content=b"%PDF signed", sha256="0" * 64)
    settle()
    assert his.received[0].pdf == b"%PDF signed"
    assert states(receiver) == [("RESULT", 1, "ACKNOWLEDGED")]
