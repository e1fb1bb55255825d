"""Acknowledgements in the sender's own form; hl7apy judges their structure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from ris_core.hl7.acknowledgement import (
    AcknowledgementCode,
    ErrorCode,
    Location,
    MessageRefused,
    Reply,
    compose_acknowledgement,
)
from ris_core.hl7.er7 import Message
from ris_core.hl7.reply import ReplySegment

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
REFUSAL = MessageRefused(
    "OBR-4: mã dịch vụ | không có", error=ErrorCode.REQUIRED_FIELD_MISSING, location=Location("OBR", 2, 4)
)


def order(version: str, charset: str = "UNICODE UTF-8") -> Message:
    header = f"MSH|^~\\&|HIS|BVX|QUANG|PACS|20261121||ORM^O01|M\\T\\1|T|{version}||||||{charset}"
    return Message.parse(f"{header}\rPID|1||BN1".encode())


def acknowledge(message: Message | None, refusal: MessageRefused | None = None) -> bytes:
    return compose_acknowledgement(message, application="QUANG", facility="RIS", at=AT, refusal=refusal)


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"])
@pytest.mark.parametrize("refusal", [None, REFUSAL])
def test_structure_by_version(version: str, refusal: MessageRefused | None) -> None:
    text = acknowledge(order(version), refusal).decode()
    # hl7apy knows no structure of a general acknowledgement before MSH-9.3 named it
    level = VALIDATION_LEVEL.TOLERANT if version == "2.3" else VALIDATION_LEVEL.STRICT
    parsed = parse_message(text, validation_level=level)
    assert version == "2.3" or parsed.validate()
    assert parsed.msa.msa_1.to_er7() == ("AE" if refusal else "AA")
    assert parsed.msa.msa_2.to_er7() == r"M\T\1"
    assert parsed.msh.msh_12.to_er7() == version
    assert parsed.msh.msh_9.to_er7() == ("ACK^O01" if version == "2.3" else "ACK^O01^ACK")
    assert bool(refusal) == ("\rERR|" in text)


def test_the_error_of_old_versions_is_one_field() -> None:
    segment = acknowledge(order("2.3.1"), REFUSAL).decode().split("\r")[2]
    assert segment == "ERR|OBR^2^4^101&Required field missing&HL70357"


def test_the_error_since_2_5_tells_place_code_and_sentence() -> None:
    segment = acknowledge(order("2.5.1"), REFUSAL).decode().split("\r")[2].split("|")
    assert segment[2] == "OBR^2^4"
    assert segment[3] == "101^Required field missing^HL70357"
    assert segment[4] == "E"
    assert segment[5].startswith("QUANG-")
    assert segment[8] == r"OBR-4: mã dịch vụ \F\ không có"


def test_sender_and_receiver_change_places() -> None:
    fields = acknowledge(order("2.5.1")).decode().split("\r")[0].split("|")
    assert fields[2:6] == ["QUANG", "PACS", "HIS", "BVX"]
    assert (fields[10], fields[17]) == ("T", "UNICODE UTF-8")


def test_the_senders_separators_are_used() -> None:
    message = Message.parse(b"MSH$%*@!$HIS$BV$RIS$BV$20260915$$ORM%O01$S1$P$2.5\rPID$1")
    lines = acknowledge(message, REFUSAL).decode().split("\r")
    assert lines[0].startswith("MSH$%*@!$RIS$BV$HIS$BV$")
    assert lines[1].startswith("MSA$AE$S1$")
    assert lines[2].startswith("ERR$$OBR%2%4$101%Required")


def test_a_character_set_without_our_letters_gets_plain_ones() -> None:
    raw = acknowledge(order("2.5.1", "ASCII"), REFUSAL)
    assert raw.isascii()
    assert b"ma dich vu" in raw


def test_a_message_that_could_not_be_read_is_answered_in_utf_8() -> None:
    refusal = MessageRefused("?", error=ErrorCode.SEGMENT_SEQUENCE_ERROR, acknowledgement=AcknowledgementCode.REJECT)
    lines = acknowledge(None, refusal).decode().split("\r")
    assert lines[0].startswith("MSH|^~\\&|QUANG|RIS|||")
    assert lines[1] == "MSA|AR||?"


def test_every_acknowledgement_has_a_control_id_of_its_own() -> None:
    ids = {acknowledge(order("2.5.1")).split(b"|")[9] for _ in range(100)}
    assert len(ids) == 100
    assert all(0 < len(control_id) <= 20 for control_id in ids)


def test_a_reply_is_of_its_own_type_and_its_text_stays_data() -> None:
    message = Message.parse(b"MSH|$~\\&|HIS|BVX|QUANG|PACS|20261121||QRY$R02|M1|P|2.4||||||UNICODE UTF-8")
    segment = ReplySegment("ORC", ("", ("P|1", "HIS$"), [("A", ""), ("B\r",)], "", ""))
    reply = Reply(("ORF", "R04", "ORF_R04"), (segment,))
    text = compose_acknowledgement(message, application="Q", facility="R", at=AT, reply=reply).decode()
    lines = text.split("\r")
    assert lines[0].split("|")[8] == "ORF$R04$ORF_R04"
    assert lines[1] == "MSA|AA|M1"
    assert lines[2] == "ORC||P\\F\\1$HIS\\S\\|A~B\\X0D\\"
    (_, kept, *_) = Message.parse(text.encode()).segments[1:]
    assert kept.value(2) == "P|1"
