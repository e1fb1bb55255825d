"""The audit trail in the syslog server that hospitals run: rsyslog over TLS, with certificates of both sides (P16)."""

from __future__ import annotations

import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree

from ris_core.audit.forwarding import EVENTS_AT_ONCE, forward_events
from ris_core.audit.models import AuditEvent, AuditForwarding
from ris_core.audit.sealing import seal_events
from ris_core.audit.services import Actor, record
from ris_core.outbox.errors import ReceiverUnreachable
from ris_testing.exams import an_exam
from ris_testing.rsyslog_server import HOST, RsyslogServer, rsyslog_server

pytestmark = [pytest.mark.django_db, pytest.mark.integration, pytest.mark.once]
SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).with_name("audit_message.rng")))
BOM = "\ufeff"


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[RsyslogServer]:
    with rsyslog_server(tmp_path / "syslog") as running:
        audit = msgspec.structs.replace(
            settings.QUANG.audit,
            syslog_host=HOST,
            syslog_port=running.port,
            syslog_ca=str(running.ca),
            syslog_certificate=str(running.client.certificate),
            syslog_key=str(running.client.key),
        )
        settings.QUANG = msgspec.structs.replace(settings.QUANG, audit=audit)
        yield running


def recorded(count: int) -> None:
    for number in range(count):
        record(Actor("bs_lan", address="10.0.0.7", role="SENIOR"), "exam.viewed", subject=f"exam:{number}")
    seal_events()


def message_of(line: dict[str, Any]) -> Any:
    return etree.fromstring(line["msg"].removeprefix(BOM).encode())


def sequence_of(line: dict[str, Any]) -> int:
    value = message_of(line).find(".//ParticipantObjectDetail[@type='sequence']").get("value")
    return int(b64decode(value))


def test_rsyslog_reads_every_frame_as_it_was_meant(server: RsyslogServer) -> None:
    """RFC 5424 as rsyslog's own parser reads it, and the message by the schema of PS3.15 A.5; both in one line each."""
    exam = an_exam()
    record(Actor("bs_lan", address="10.0.0.7"), "exam.viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    hostile = 'Nguyễn "Ơ" x\r\n<85>1 2026-11-22T00:00:00Z h a - - - \x00'
    record(Actor(hostile), "patient.searched", success=False, reason=hostile, words="Ễ" * 4_000)
    seal_events()
    count = AuditEvent.objects.count()
    assert forward_events() == count
    lines = server.taken()
    assert [sequence_of(line) for line in lines] == list(range(1, count + 1))
    for line, event in zip(lines, AuditEvent.objects.order_by("sequence"), strict=True):
        assert (line["app-name"], line["msgid"], line["structured-data"]) == ("quang", "DICOM+RFC3881", "-")
        assert line["protocol-version"] == "1"
        assert (line["syslogfacility"], line["syslogseverity"]) == ("10", "5" if event.success else "4")
        assert re.fullmatch(r"\d+", line["procid"])
        assert abs(datetime.fromisoformat(line["timereported"]) - event.at).total_seconds() < 0.001
        assert line["rawmsg"].partition(" - ")[2].startswith(BOM)
        message = message_of(line)
        assert SCHEMA.validate(message), SCHEMA.error_log
    assert exam.patient.full_name not in (server.folder / "audit.log").read_text()


def test_who_has_no_certificate_of_the_hospital_tells_nothing(server: RsyslogServer, settings: Any) -> None:
    audit = msgspec.structs.replace(settings.QUANG.audit, syslog_certificate="", syslog_key="")
    settings.QUANG = msgspec.structs.replace(settings.QUANG, audit=audit)
    recorded(3)
    with pytest.raises(ReceiverUnreachable):
        forward_events()
    assert server.taken() == []
    assert AuditForwarding.objects.get().sequence == 0


def test_what_was_recorded_while_rsyslog_was_down_comes_later_in_order(server: RsyslogServer) -> None:
    recorded(2)
    assert forward_events() == 2
    server.stop()
    recorded(EVENTS_AT_ONCE + 3)
    for _ in range(2):
        with pytest.raises(ReceiverUnreachable):
            forward_events()
    assert AuditForwarding.objects.get().failing_since is not None
    server.start()
    assert forward_events() == EVENTS_AT_ONCE + 3
    assert [sequence_of(line) for line in server.taken()] == list(range(1, EVENTS_AT_ONCE + 6))


def test_rsyslog_killed_while_it_reads_loses_nothing_and_repeats_one_batch_at_most(server: RsyslogServer) -> None:
    """ADR 33: what broke off is sent again whole; a repeat has the number of the first."""
    count = 8 * EVENTS_AT_ONCE
    recorded(count)

    def kill_in_the_middle() -> None:
        while server.lines() < 2 * EVENTS_AT_ONCE:
            pass
        server.kill()

    killing = threading.Thread(target=kill_in_the_middle)
    killing.start()
    with pytest.raises(ReceiverUnreachable):
        forward_events()
    killing.join(60)
    before = [sequence_of(line) for line in server.taken()]
    owed_from = AuditForwarding.objects.get().sequence + 1
    assert before == list(range(1, len(before) + 1))
    assert owed_from - 1 <= len(before) < owed_from + EVENTS_AT_ONCE
    _end_the_line_it_was_killed_in(server)
    server.start()
    assert forward_events() == count + 1 - owed_from
    after = [sequence_of(line) for line in server.taken()[len(before) :]]
    assert after == list(range(owed_from, count + 1))


def _end_the_line_it_was_killed_in(server: RsyslogServer) -> None:
    """Half a line stays in the file as it would in a hospital's; what reads by lines begins at the next."""
    file = server.folder / "audit.log"
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.rfind(b"\n") + 1])
