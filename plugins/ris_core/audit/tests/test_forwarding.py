"""Audit messages are valid by DICOM's schema and reach a syslog server over TLS, in order, none lost (P16, P20)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree

from ris_core.audit.forwarding import forward_events
from ris_core.audit.kinds import action_letter, event_code
from ris_core.audit.message import Source, audit_message
from ris_core.audit.models import ActorKind, AuditEvent, AuditForwarding
from ris_core.audit.sealing import facts_of, seal_events
from ris_core.audit.services import Actor, record
from ris_core.outbox.errors import ReceiverUnreachable
from ris_testing.exams import an_exam
from ris_testing.syslog_server import HOST, SyslogServer

pytestmark = pytest.mark.django_db
SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).with_name("audit_message.rng")))
SOURCE = Source("Bệnh viện Quang", "ris1")
HEAD = re.compile(
    rb"<8[45]>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ quang \d+ DICOM\+RFC3881 - \xef\xbb\xbf(.*)", re.S
)


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[SyslogServer]:
    with SyslogServer(tmp_path) as listening:
        audit = msgspec.structs.replace(
            settings.QUANG.audit, syslog_host=HOST, syslog_port=listening.port, syslog_ca=str(listening.certificate)
        )
        settings.QUANG = msgspec.structs.replace(settings.QUANG, audit=audit)
        yield listening


def recorded(count: int) -> None:
    for number in range(count):
        record(Actor("bs_lan", address="10.0.0.7", role="SENIOR"), "exam.viewed", subject=f"exam:{number}")
    seal_events()


def message_of(framed: bytes) -> Any:
    head = HEAD.fullmatch(framed)
    assert head is not None, framed[:100]
    return etree.fromstring(head[1])


@pytest.mark.parametrize(
    ("action", "code", "letter"),
    [
        ("user.logged_in", "110114", "E"),
        ("user.login_failed", "110114", "E"),
        ("patient.searched", "110112", "R"),
        ("worklist.queried", "110112", "R"),
        ("images.opened", "110103", "R"),
        ("images.read", "110103", "R"),
        ("study.received", "110104", "C"),
        ("statistics.exported", "110106", "R"),
        ("patient.merged", "110110", "U"),
        ("order.placed", "110109", "C"),
        ("report.approved", "110111", "U"),
        ("audit.searched", "110112", "R"),
        ("audit.rule_saved", "110101", "U"),
        ("api_key.revoked", "110113", "D"),
        ("request.refused", "110113", "E"),
    ],
)
def test_actions_have_their_code_and_letter(action: str, code: str, letter: str) -> None:
    assert (event_code(action).value, action_letter(action)) == (code, letter)


@pytest.mark.parametrize("action", ["exam.viewed", "patient.searched", "user.login_failed", "annotation.refused"])
def test_a_message_is_valid_whatever_was_typed(action: str) -> None:
    hostile = 'x"><ActiveParticipant/>\r\n<85>1 2026 \x00\x1b]0;'
    actor = Actor(hostile, address=hostile[:64], kind=ActorKind.ANYBODY)
    record(
        actor, action, subject=hostile, reason=hostile, success=False, words="Ễ\n\x01", more=["\0", {"half": "\ud800"}]
    )
    seal_events()
    facts = facts_of(AuditEvent.objects.get())
    raw = audit_message(facts, SOURCE, hostile, "1.2.3")
    message = etree.fromstring(raw)
    assert SCHEMA.validate(message), SCHEMA.error_log
    assert len(message.findall("ActiveParticipant")) == 1
    assert b"\n<85>" not in raw
    assert message.find("EventIdentification").get("EventOutcomeIndicator") == "4"


def test_every_event_comes_once_and_in_order(server: SyslogServer) -> None:
    exam = an_exam()
    AuditEvent.objects.exclude(patient=None).exists()
    record(Actor("bs_lan"), "exam.viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    recorded(3)
    count = AuditEvent.objects.count()
    assert (forward_events(), forward_events()) == (count, 0)
    recorded(2)
    assert forward_events() == 2
    messages = [message_of(framed) for framed in server.taken]
    assert all(SCHEMA.validate(message) for message in messages)
    assert len(messages) == count + 2
    assert exam.patient.full_name not in b"".join(server.taken).decode()


def test_what_broke_off_is_sent_again_and_told(server: SyslogServer) -> None:
    recorded(5)
    server.hangs_up_after = 2
    with pytest.raises(ReceiverUnreachable):
        forward_events()
    state = AuditForwarding.objects.get()
    assert (state.sequence, bool(state.failing_since), bool(state.last_error)) == (0, True, True)
    assert forward_events() == 5
    state.refresh_from_db()
    assert (state.sequence, state.failing_since, state.last_error) == (5, None, "")
    assert len(server.taken) == 2 + 5


def test_a_certificate_that_is_not_trusted_is_told_nothing(server: SyslogServer, settings: Any) -> None:
    audit = msgspec.structs.replace(settings.QUANG.audit, syslog_ca="")
    settings.QUANG = msgspec.structs.replace(settings.QUANG, audit=audit)
    recorded(1)
    with pytest.raises(ReceiverUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        forward_events()
    assert server.taken == []


def test_without_a_server_nothing_is_kept(settings: Any) -> None:
    recorded(1)
    assert forward_events() == 0
    assert not AuditForwarding.objects.exists()
