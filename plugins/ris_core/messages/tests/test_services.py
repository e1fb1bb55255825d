"""Every message is kept, has its effect once, and is answered as it was kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DataError, IntegrityError, OperationalError
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused, Reply
from ris_core.hl7.er7 import Message
from ris_core.hl7.mllp import FramingError
from ris_core.hl7.reply import ReplySegment
from ris_core.messages.models import InboundMessage
from ris_core.messages.services import Received, receive

pytestmark = pytest.mark.django_db


def message(control_id: str = "M1", body: str = "ZZZ|1", sender: str = "HIS|BVX", at: str = "20261121") -> bytes:
    return f"MSH|^~\\&|{sender}|QUANG|RIS|{at}||ORM^O01|{control_id}|P|2.5.1\r{body}\r".encode()


def frame(raw: bytes) -> Received:
    return Received(raw, "10.0.0.1:5000", timezone.now())


def count_effect(message: Message, actor: Actor) -> None:
    """An effect that can be counted."""
    record(actor, "effect")


def refuse(message: Message, actor: Actor) -> None:
    record(actor, "effect")
    raise MessageRefused("OBR-4: no", error=ErrorCode.TABLE_VALUE_NOT_FOUND, location=Location("OBR", 1, 4))


def send(raw: bytes, apply: Callable[[Message, Actor], Reply | None] = count_effect) -> tuple[str, str]:
    """MSA-1 and the whole answer."""
    (answer,) = receive([frame(raw)], apply)
    return answer.decode().split("MSA|")[1].split("|")[0], answer.decode()


def count_and_reply(message: Message, actor: Actor) -> Reply:
    """An effect that is told of, with a part that could not be had."""
    record(actor, "effect")
    return Reply(
        ("MFK", "M02", "MFK_M01"),
        (ReplySegment("MFA", ("MAD", "", "", "U")),),
        MessageRefused("MFE-4: no", error=ErrorCode.TABLE_VALUE_NOT_FOUND, location=Location("MFE", 1, 4)),
    )


def effects() -> int:
    return AuditEvent.objects.filter(action="effect").count()


def test_an_applied_message_is_kept_as_it_came() -> None:
    code, answer = send(message())
    kept = InboundMessage.objects.get()
    assert code == kept.acknowledgement_code == "AA"
    assert (kept.sender, kept.control_id, kept.message_type, kept.state) == ("HIS|BVX", "M1", "ORM^O01", "APPLIED")
    assert bytes(kept.raw) == message()
    assert bytes(kept.acknowledgement).decode() == answer
    assert kept.peer == "10.0.0.1:5000"
    assert effects() == 1


def test_the_same_message_again_has_the_same_answer_and_no_effect() -> None:
    first = send(message())
    assert send(message(at="20261122")) == first
    assert (effects(), InboundMessage.objects.count()) == (1, 1)


def test_the_same_message_twice_in_one_commit_has_one_effect() -> None:
    first, second = receive([frame(message()), frame(message())], count_effect)
    assert first == second
    assert (effects(), InboundMessage.objects.count()) == (1, 1)


def test_a_control_id_of_an_applied_message_is_not_taken_for_another() -> None:
    send(message())
    code, answer = send(message(body="ZZZ|2"))
    assert code == "AE"
    assert "ERR||MSH^1^10|205^" in answer
    assert list(InboundMessage.objects.order_by("id").values_list("state", flat=True)) == ["APPLIED", "REFUSED"]
    assert effects() == 1


def test_the_same_control_id_of_another_sender_is_another_message() -> None:
    send(message())
    assert send(message(sender="HIS2|BVX"))[0] == "AA"
    assert effects() == 2


def test_a_refused_message_is_kept_and_its_effect_undone() -> None:
    code, answer = send(message(), refuse)
    kept = InboundMessage.objects.get()
    assert code == kept.acknowledgement_code == "AE"
    assert "ERR||OBR^1^4|103^" in answer
    assert (kept.state, kept.error_code, kept.error_location) == ("REFUSED", "103", "OBR^1^4")
    assert kept.error_detail == "OBR-4: no"
    assert effects() == 0


@pytest.mark.parametrize("body", ["ZZZ|1", "ZZZ|corrected"])
def test_a_refused_message_may_come_again(body: str) -> None:
    send(message(), refuse)
    assert send(message(body=body))[0] == "AA"
    assert effects() == 1


def test_the_same_refusal_again_is_kept_once() -> None:
    for _ in range(3):
        assert send(message(), refuse)[0] == "AE"
    assert InboundMessage.objects.count() == 1


def test_a_message_for_a_person_to_decide_is_held() -> None:
    def hold(message: Message, actor: Actor) -> None:
        raise MessageRefused("PID-3: who?", error=ErrorCode.DUPLICATE_KEY_IDENTIFIER, held=True)

    assert send(message(), hold)[0] == "AE"
    assert InboundMessage.objects.get().state == "HELD"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "100"),
        (b"nonsense", "100"),
        (b"\x00\xff\xfe", "100"),
        (message(control_id=""), "101"),
        (message(control_id="M" * 200), "102"),
        (message(sender="H" * 200 + "|B"), "102"),
    ],
)
def test_what_is_no_message_is_rejected_and_kept(raw: bytes, error: str) -> None:
    code, _ = send(raw)
    kept = InboundMessage.objects.get()
    assert (code, kept.error_code, bytes(kept.raw)) == ("AR", error, raw)
    assert effects() == 0


def test_the_beginning_of_a_message_without_end_is_rejected_and_kept() -> None:
    cut = Received(message(), "peer", timezone.now(), FramingError("longer than 10 bytes"))
    (answer,) = receive([cut], count_effect)
    assert b"MSA|AR|M1|" in answer
    assert InboundMessage.objects.get().state == "REFUSED"
    assert effects() == 0


def test_a_domain_error_and_a_fault_of_ours_refuse_one_message_only() -> None:
    def apply(message: Message, actor: Actor) -> None:
        record(actor, "effect")
        if message.control_id == "BAD":
            raise InvalidValue("not that")
        if message.control_id == "FAULT":
            raise ZeroDivisionError
        if message.control_id == "LONG":
            raise DataError("value too long for type character varying(64)")

    answers = receive([frame(message(control_id)) for control_id in ("M1", "BAD", "FAULT", "LONG", "M2")], apply)
    assert [answer.split(b"MSA|")[1][:2] for answer in answers] == [b"AA", b"AE", b"AE", b"AE", b"AA"]
    assert dict(InboundMessage.objects.values_list("control_id", "error_code")) == {
        "M1": "", "BAD": "102", "FAULT": "207", "LONG": "102", "M2": "",
    }  # fmt: skip
    assert effects() == 2


def test_a_conflict_with_another_node_is_tried_again() -> None:
    calls = []

    def apply(message: Message, actor: Actor) -> None:
        calls.append(message.control_id)
        if len(calls) < 3:
            raise IntegrityError("somebody was faster")

    answers = receive([frame(message("M1"))], apply)
    assert b"MSA|AA|M1" in answers[0]
    assert len(calls) == 3


def test_a_conflict_that_stays_is_kept_as_refused() -> None:
    def apply(message: Message, actor: Actor) -> None:
        raise IntegrityError("again")

    answers = receive([frame(message("M1"))], apply)
    assert b"MSA|AE|M1" in answers[0]
    assert InboundMessage.objects.get().error_code == "207"


def test_without_a_database_nothing_is_accepted() -> None:
    def apply(message: Message, actor: Actor) -> None:
        raise OperationalError("database or disk is full")

    answers = receive([frame(message("M1")), frame(message("M2")), frame(b"nonsense")], apply)
    assert b"MSA|AE|M1|not stored" in answers[0]
    assert b"|207^" in answers[0]
    assert b"MSA|AE|M2|not stored" in answers[1]
    assert b"MSA|AE||not stored" in answers[2]
    assert not InboundMessage.objects.exists()


def test_each_message_of_a_batch_is_answered() -> None:
    batch = b"BHS|^~\\&|HIS\r" + message("M1") + message("") + message("M2") + b"BTS|3\r"
    (answer,) = receive([frame(batch)], count_effect)
    lines = answer.decode().split("\r")
    assert lines[0].startswith("BHS|^~\\&|")
    assert [line[:8] for line in lines if line.startswith("MSA")] == ["MSA|AA|M", "MSA|AR||", "MSA|AA|M"]
    assert lines[-2] == "BTS|3"
    assert (InboundMessage.objects.count(), effects()) == (3, 2)


def test_a_reply_is_answered_and_what_was_right_stays_though_a_part_was_refused() -> None:
    code, answer = send(message(), count_and_reply)
    kept = InboundMessage.objects.get()
    assert code == "AE"
    assert kept.state == "REFUSED"
    assert "\rMFA|MAD|||U\r" in answer
    assert "MFK^M02^MFK_M01" in answer
    assert effects() == 1


def test_a_deadlock_that_the_database_ended_is_tried_again() -> None:
    """A person's change and a message may wait for each other: the message is not given back to the sender for that."""

    class DeadlockDetected(Exception):
        sqlstate = "40P01"

    tries: list[str] = []

    def apply(message: Message, actor: Actor) -> None:
        tries.append(message.control_id)
        if len(tries) < 3:
            raise OperationalError("deadlock detected") from DeadlockDetected()
        record(actor, "effect")

    assert send(message("M1"), apply)[0] == "AA"
    assert (len(tries), effects()) == (3, 1)


def test_a_control_id_that_is_used_again_and_again_is_known_by_what_was_applied() -> None:
    """Also when more was refused under it since than is looked at."""
    assert send(message("1", "ZZZ|first"))[0] == "AA"
    for number in range(60):
        assert send(message("1", f"ZZZ|{number}"))[0] == "AE"
    assert send(message("1", "ZZZ|first"))[0] == "AA"
    assert (effects(), InboundMessage.objects.count()) == (1, 61)


def test_the_same_body_as_another_type_is_another_message() -> None:
    """A booking and its cancellation under one control id: the cancellation is not swallowed with an AA."""
    assert send(message("1"))[0] == "AA"
    assert send(message("1").replace(b"ORM^O01", b"ORM^O02"))[0] == "AE"
    assert effects() == 1
