"""Queries for the state of orders: each answered in its own form, and only about the asker's own orders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.hl7.er7 import Message
from ris_core.intake.profiles import SenderRegistration, create_profile, register_sender
from ris_core.intake.senders import forget_senders
from ris_core.intake.services import apply_message
from ris_core.intake.tests.messages import order_message
from ris_core.messages.services import Received, receive
from ris_core.orders.models import RequestedProcedure

pytestmark = pytest.mark.django_db

_serial = iter(range(1, 1000))


def ask(type_: str, definition: str, sender: str = "HIS|BVX", version: str = "2.5.1") -> Message:
    head = rf"MSH|^~\&|{sender}|QUANG|RIS|20261122||{type_}|Q{next(_serial)}|P|{version}||||||UNICODE UTF-8"
    (answer,) = receive([Received(f"{head}\r{definition}".encode(), "peer", timezone.now())], apply_message)
    return Message.parse(answer)


def qrd(patient: str = "", number: str = "") -> str:
    return f"QRD|20261122|R|I|T1|||10^RD|{patient}|ORD|{number}"


@pytest.fixture(autouse=True)
def who_may_ask() -> Iterator[None]:
    """HIS|BVX and LAB|BVX are registered and may ask; what other tests registered is forgotten."""
    forget_senders()
    for identity in ("HIS|BVX", "LIS|BVX"):
        register_sender(SenderRegistration(identity=identity, name=identity, may_query=True), SYSTEM)
    forget_senders()
    yield
    forget_senders()


@pytest.fixture
def ordered() -> RequestedProcedure:
    receive([Received(order_message(), "peer", timezone.now())], apply_message)
    return RequestedProcedure.objects.get()


@pytest.mark.parametrize(
    ("type_", "definition", "answered"),
    [
        ("OSQ^Q06", qrd(number="P1"), "OSR^Q06"),
        ("OSQ^Q06", qrd(patient="BN1"), "OSR^Q06"),
        ("QRY^R02", qrd(number="ACC1"), "ORF^R04"),
        ("QBP^Q11^QBP_Q11", "QPD|Q11^Orders^99QUANG|T7|BN1^^^BVX^MR|P1", "RSP^K11"),
    ],
)
def test_the_state_of_an_order(ordered: RequestedProcedure, type_: str, definition: str, answered: str) -> None:
    RequestedProcedure.objects.update(exam_state="FINAL")
    answer = ask(type_, definition)
    assert answer.type == answered
    orc, obr, pid = answer.first("ORC"), answer.first("OBR"), answer.first("PID")
    assert orc is not None
    assert obr is not None
    assert pid is not None
    assert (orc.value(2), orc.value(5)) == ("P1", "CM")
    assert (obr.value(4), obr.value(18), obr.value(25)) == ("CT.SONAO", "ACC1", "F")
    assert (pid.value(3), pid.value(5, 2)) == ("BN1", "VĂN AN")
    assert AuditEvent.objects.filter(action="orders.queried", patient_id=ordered.patient_id).exists()


@pytest.mark.usefixtures("ordered")
def test_others_orders_are_not_told() -> None:
    answer = ask("QBP^Q11", "QPD|Q11|T7||P1", sender="LIS|BVX")
    qak = answer.first("QAK")
    assert qak is not None
    assert (qak.value(1), qak.value(2), answer.first("PID")) == ("T7", "NF", None)


@pytest.mark.usefixtures("ordered")
def test_a_patient_with_the_visit() -> None:
    answer = ask("QRY^A19", qrd(patient="BN1"))
    assert answer.type == "ADR^A19"
    pv1 = answer.first("PV1")
    assert pv1 is not None
    assert (pv1.value(2), pv1.value(19)) == ("O", "V1")


@pytest.mark.usefixtures("ordered")
def test_a_query_that_asks_for_nothing_is_refused() -> None:
    msa = ask("OSQ^Q06", qrd()).first("MSA")
    assert msa is not None
    assert msa.value(1) == "AE"


def test_nobody_found_is_an_empty_answer() -> None:
    answer = ask("QRY^R02", qrd(patient="BN404"))
    assert (answer.type, [segment.name for segment in answer.segments]) == ("ORF^R04", ["MSH", "MSA", "QRD"])


@pytest.mark.usefixtures("ordered")
@pytest.mark.parametrize("type_", ["OSQ^Q06", "QRY^R02", "QRY^A19", "QBP^Q11"])
@pytest.mark.parametrize("registered", [True, False])
def test_a_sender_without_the_right_is_told_nothing(type_: str, registered: bool) -> None:
    """A new sender may not ask, a stranger neither, whoever they ask for."""
    if registered:
        register_sender(SenderRegistration(identity="NEW|BVX", name="new"), SYSTEM)
        forget_senders()
    for patient in ("BN1", "NOBODY"):
        definition = f"QPD|Q11|T7|{patient}" if type_ == "QBP^Q11" else qrd(patient=patient)
        answer = ask(type_, definition, sender="NEW|BVX")
        msa, err = answer.first("MSA"), answer.first("ERR")
        assert msa is not None
        assert err is not None
        assert (msa.value(1), err.value(5)) == ("AR", "QUANG-1005")
        assert answer.first("PID") is None
    assert not AuditEvent.objects.filter(action="orders.queried").exists()


@pytest.mark.usefixtures("ordered")
def test_a_profile_gives_the_right_to_its_senders() -> None:
    profile = create_profile("asks", "Asks", {"queries": "answered"}, SYSTEM)
    register_sender(SenderRegistration(identity="NEW|BVX", name="new", profile_id=profile.pk), SYSTEM)
    forget_senders()
    answer = ask("QRY^A19", qrd(patient="BN1"), sender="NEW|BVX")
    assert answer.first("PID") is not None
