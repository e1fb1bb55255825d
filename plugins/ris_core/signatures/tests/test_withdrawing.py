"""What follows when a signature is withdrawn or made again: who has been sent signed files is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from ris_core.audit.services import Actor
from ris_core.delivery.layout import Part
from ris_core.delivery.models import Delivery, Receiver
from ris_core.delivery.sending import RESULTS
from ris_core.delivery.services import void_results
from ris_core.errors import TransitionRefused
from ris_core.jobs.models import Job
from ris_core.notifications.models import Notification, NotificationReceiver, NotificationRule
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.documents import run_render_document
from ris_core.reports.models import Reading, VersionStatus
from ris_core.reports.recalling import recall
from ris_core.settings import Settings
from ris_core.signatures import signing
from ris_core.signatures.models import Signature, SignedFile, SigningCredential
from ris_core.signatures.services import ask_for_signature, withdraw
from ris_testing.certificate_authority import KeyAndCertificate
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_testing.his import SimulatedHis
from ris_testing.signing import a_credential, signed_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def his() -> Iterator[SimulatedHis]:
    with SimulatedHis() as simulated:
        yield simulated


@pytest.fixture
def reader() -> Actor:
    return a_reader()


@pytest.fixture
def key(reader: Actor, owner: KeyAndCertificate) -> SigningCredential:
    return a_credential(reader, owner)


def send_all() -> None:
    """What the worker does with everything that is owed now."""
    for version_id in Job.objects.filter(kind="render_document").values_list("subject_id", flat=True):
        run_render_document(version_id)
    for delivery in Delivery.objects.order_by("sequence", "pk"):
        RESULTS.attempt(delivery.pk)


def pdf_of(signature: Signature) -> SignedFile:
    return SignedFile.objects.get(signature=signature, kind="PDF")


def state_of(exam: RequestedProcedure) -> str:
    exam.refresh_from_db()
    return exam.exam_state


def told(receiver: Receiver) -> list[tuple[str, str]]:
    return [(each.kind, each.state) for each in receiver.deliveries.order_by("sequence")]


def test_who_takes_signed_results_only_is_told_that_it_is_void_and_gets_the_next_signature(
    his: SimulatedHis, reader: Actor, key: SigningCredential
) -> None:
    receiver, exam = a_receiver(his.port, signed_only=True), an_exam()
    version = approved(exam, reader)
    first = signed_now(version, key, reader)
    send_all()
    assert his.received[-1].pdf == bytes(pdf_of(first).content)
    assert state_of(exam) == "RETURNED"

    withdraw(first.pk, "Ký nhầm người bệnh", reader)
    assert state_of(exam) == "FINAL"
    assert void_results(version.pk).exists()
    send_all()
    assert state_of(exam) == "FINAL"  # that it has heard of the withdrawal returns nothing
    void = his.received[-1]
    assert {row[11] for row in void.all("OBX")} == {"W"}
    assert told(receiver) == [("RESULT", "ACKNOWLEDGED"), ("RECALL", "ACKNOWLEDGED")]

    second = signed_now(version, key, reader)
    send_all()
    assert his.received[-1].pdf == bytes(pdf_of(second).content)
    assert len(his.received) == 3
    assert len({message.field("MSH", 10) for message in his.received}) == 3  # no repeat that it may leave unread
    assert state_of(exam) == "RETURNED"
    assert not void_results(version.pk).exists()


def test_a_withdrawal_that_nobody_has_heard_of_yet_is_not_told_after_the_next_signature(
    his: SimulatedHis, reader: Actor, key: SigningCredential
) -> None:
    receiver = a_receiver(his.port, signed_only=True)
    version = approved(an_exam(), reader)
    first = signed_now(version, key, reader)
    send_all()
    withdraw(first.pk, "Ký nhầm", reader)
    second = signed_now(version, key, reader)
    send_all()
    assert [message.pdf for message in his.received] == [bytes(pdf_of(each).content) for each in (first, second)]
    assert state_of(version.reading.procedure) == "RETURNED"
    assert told(receiver) == [("RESULT", "ACKNOWLEDGED"), ("RECALL", "SUPERSEDED")]


def test_who_also_takes_unsigned_results_gets_the_result_as_it_is_now(
    his: SimulatedHis, reader: Actor, key: SigningCredential
) -> None:
    receiver = a_receiver(his.port, layout={"parts": [Part.SECTIONS, Part.PDF, Part.SIGNED_XML]})
    exam = an_exam()
    version = approved(exam, reader)
    send_all()
    unsigned = his.received[-1].pdf
    first = signed_now(version, key, reader)
    send_all()
    assert his.received[-1].pdf == bytes(pdf_of(first).content)
    withdraw(first.pk, "Ký nhầm", reader)
    exam.refresh_from_db()
    assert exam.exam_state == "FINAL"  # until it has the result as it is now
    send_all()
    assert his.received[-1].pdf == unsigned
    exam.refresh_from_db()
    assert exam.exam_state == "RETURNED"
    assert told(receiver) == [("RESULT", "ACKNOWLEDGED")]


def test_who_was_sent_nothing_signed_is_told_nothing(his: SimulatedHis, reader: Actor, key: SigningCredential) -> None:
    a_receiver(his.port)
    version = approved(an_exam(), reader)
    send_all()
    withdraw(signed_now(version, key, reader).pk, "Ký nhầm", reader)
    send_all()
    assert len(his.received) == 1


def test_a_report_whose_signature_was_withdrawn_can_be_recalled_and_corrected(
    his: SimulatedHis, reader: Actor, key: SigningCredential
) -> None:
    receiver = a_receiver(his.port, signed_only=True)
    exam = an_exam()
    withdraw_now = signed_now(approved(exam, reader), key, reader)
    send_all()
    withdraw(withdraw_now.pk, "Ký nhầm", reader)
    send_all()
    recall(Reading.objects.get(procedure=exam).pk, 1, "Nhầm bên", reader)
    send_all()
    corrected = approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đúng")
    signed_now(corrected, key, reader)
    send_all()
    assert [message.field("OBR", 25) for message in his.received] == ["F", "C", "C", "C"]
    assert [next(iter(message.all("OBX")))[11] for message in his.received] == ["F", "W", "W", "C"]
    assert {state for _, state in told(receiver)} == {"ACKNOWLEDGED"}


def test_nothing_is_withdrawn_while_it_is_being_sent(reader: Actor, key: SigningCredential) -> None:
    a_receiver(signed_only=True)
    signature = signed_now(approved(an_exam(), reader), key, reader)
    Delivery.objects.update(state="SENDING", possibly_seen=True)
    with pytest.raises(TransitionRefused):
        withdraw(signature.pk, "Ký nhầm", reader)
    signature.refresh_from_db()
    assert signature.state == "SIGNED"


def test_who_wants_to_know_is_told_of_each_signature_and_withdrawal(reader: Actor, key: SigningCredential) -> None:
    receiver = NotificationReceiver.objects.create(code="EMR", name="EMR", transport="WEBHOOK")
    for event in ("report.signed", "report.signature_withdrawn"):
        NotificationRule.objects.create(receiver=receiver, event=event)
    version = approved(an_exam(), reader)
    signed_now(version, key, reader)
    withdraw(signed_now(version, key, reader).pk, "Ký nhầm", reader)
    events = Notification.objects.order_by("sequence").values_list("event", flat=True)
    assert list(events) == ["report.signed", "report.signed", "report.signature_withdrawn"]


def test_a_message_composed_before_the_withdrawal_is_composed_anew(
    his: SimulatedHis, reader: Actor, key: SigningCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_receiver(his.port)
    version = approved(an_exam(), reader)
    signature = signed_now(version, key, reader)
    compose = RESULTS.compose

    def withdrawn_meanwhile(entry: Delivery, now: datetime, settings: Settings) -> bytes | None:
        monkeypatch.setattr(RESULTS, "compose", compose)
        message = compose(entry, now, settings)
        withdraw(signature.pk, "Ký nhầm", reader)
        return message

    monkeypatch.setattr(RESULTS, "compose", withdrawn_meanwhile)
    send_all()
    assert his.received == []
    send_all()
    assert his.received[0].pdf != bytes(pdf_of(signature).content)


def test_a_recalled_report_is_not_sent_again_because_its_signature_is_withdrawn(
    his: SimulatedHis, reader: Actor, key: SigningCredential
) -> None:
    a_receiver(his.port, layout={"parts": [Part.SECTIONS, Part.PDF, Part.SIGNED_XML]})
    version = approved(an_exam(), reader)
    signature = signed_now(version, key, reader)
    send_all()
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    send_all()
    withdraw(signature.pk, "Nhầm người bệnh", reader)
    send_all()
    assert [next(iter(message.all("OBX")))[11] for message in his.received] == ["F", "W"]


@pytest.mark.parametrize("signed_only", [True, False])
def test_who_has_the_corrected_version_is_told_nothing_of_the_older_ones_signature(
    his: SimulatedHis, reader: Actor, key: SigningCredential, signed_only: bool
) -> None:
    a_receiver(his.port, layout={"parts": [Part.PDF, Part.SIGNED_XML]}, signed_only=signed_only)
    exam = an_exam()
    first = signed_now(approved(exam, reader), key, reader)
    send_all()
    signed_now(approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đúng"), key, reader)
    send_all()
    count = len(his.received)
    assert count == 2
    withdraw(first.pk, "Bản cũ", reader)
    send_all()
    assert len(his.received) == count


def test_what_was_recalled_while_it_was_signed_is_not_signed_and_the_recall_goes_out(
    his: SimulatedHis, reader: Actor, key: SigningCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_receiver(his.port, layout={"parts": [Part.SECTIONS, Part.PDF, Part.SIGNED_XML]})
    version = approved(an_exam(), reader)
    send_all()
    make = signing._make

    def recalled_meanwhile(signature: Signature) -> signing.Made:
        made = make(signature)
        recall(version.reading_id, 1, "Nhầm người bệnh", reader)
        return made

    monkeypatch.setattr(signing, "_make", recalled_meanwhile)
    signature = ask_for_signature(version.pk, key.pk, reader)
    signing.run_sign_report(str(signature.pk))
    signature.refresh_from_db()
    assert (signature.state, signature.files.count()) == ("FAILED", 0)
    send_all()
    assert [next(iter(message.all("OBX")))[11] for message in his.received] == ["F", "W"]


def test_a_message_kept_for_a_repeat_is_not_sent_when_the_signature_is_withdrawn_just_then(
    his: SimulatedHis, reader: Actor, key: SigningCredential, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = a_receiver(his.port)
    version = approved(an_exam(), reader)
    signature = signed_now(version, key, reader)
    send_all()
    his.received.clear()
    receiver.deliveries.update(state="RETRY")
    active = RESULTS.receiver_is_active

    def withdrawn_meanwhile(entry: Delivery) -> bool:
        monkeypatch.setattr(RESULTS, "receiver_is_active", active)
        withdraw(signature.pk, "Ký nhầm", reader)
        return active(entry)

    monkeypatch.setattr(RESULTS, "receiver_is_active", withdrawn_meanwhile)
    send_all()
    assert his.received == []
    send_all()
    assert [message.pdf for message in his.received] == [bytes(version.documents.get().content)]


def test_a_recall_goes_out_though_a_corrected_version_waits_for_its_signature(
    his: SimulatedHis, reader: Actor, key: SigningCredential
) -> None:
    receiver = a_receiver(his.port, signed_only=True)
    exam = an_exam()
    version = approved(exam, reader)
    signed_now(version, key, reader)
    send_all()
    recall(version.reading_id, 1, "Nhầm bên", reader)
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đúng")
    send_all()
    assert [next(iter(message.all("OBX")))[11] for message in his.received] == ["F", "W"]
    assert told(receiver)[-1] == ("RESULT", "QUEUED")
