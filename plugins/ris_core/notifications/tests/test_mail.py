"""Notifications by e-mail: encrypted and verified, without patient data, retried, named when they cannot be sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import msgspec
import pytest
from django.conf import settings

from ris_core.audit.services import Actor
from ris_core.critical_results.services import flag
from ris_core.errors import InvalidValue
from ris_core.letters.settings import Mail
from ris_core.notifications.mail import EVENTS
from ris_core.notifications.models import Notification, NotificationReceiver, NotificationRule
from ris_core.notifications.receivers import ReceiverRegistration, register_receiver, try_receiver
from ris_core.notifications.rules import Event, Transport
from ris_core.notifications.sending import run_notify
from ris_core.notifications.services import announce_event
from ris_testing.exams import a_reader, an_exam
from ris_testing.mail_server import HOST, PASSWORD, USERNAME, MailServer

pytestmark = pytest.mark.django_db

WARD = "truc.cdha@example.org"


@pytest.fixture
def quang(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings of mail, to be changed by the test before it sends."""
    (tmp_path / "smtp_password").write_text(PASSWORD)
    before = settings.QUANG
    (tmp_path / "credential_sealing_key").write_text(before.secret("credential_sealing_key"))
    limits = msgspec.structs.replace(before.delivery, timeout_seconds=3.0, max_attempts=2)
    mail: dict[str, Any] = {"host": HOST, "username": USERNAME, "sender": "quang@example.org"}

    class Changing:
        def __getattr__(self, name: str) -> Any:
            present = msgspec.structs.replace(
                before, delivery=limits, mail=Mail(**mail), secrets_dir=tmp_path, public_url="https://ris.example.org"
            )
            return getattr(present, name)

    with patch.object(settings, "QUANG", Changing()):
        yield mail


def a_mailbox(*events: Event) -> NotificationReceiver:
    receiver = NotificationReceiver.objects.create(code="TRUC", name="Trực", transport=Transport.EMAIL, email=WARD)
    for event in events:
        NotificationRule.objects.create(receiver=receiver, event=event)
    return receiver


def sent(event: Event = Event.CRITICAL_ESCALATED) -> Notification:
    """A notification of a new exam after one attempt."""
    a_mailbox(event)
    announce_event(event, an_exam().pk)
    return again(Notification.objects.get())


def again(notification: Notification) -> Notification:
    run_notify(str(notification.pk))
    notification.refresh_from_db()
    return notification


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_critical_result_is_mailed_encrypted_and_names_nobody(
    quang: dict[str, Any], tmp_path: Path, security: Literal["starttls", "tls"]
) -> None:
    with MailServer(tmp_path, security) as server:
        quang |= {"port": server.port, "security": security, "ca_file": str(server.certificate)}
        exam = an_exam()
        a_mailbox(Event.CRITICAL_FLAGGED)
        flag(exam.pk, "RED", "Xuất huyết não", a_reader())
        owed = again(Notification.objects.get())
        assert (owed.state, owed.last_error) == ("ACKNOWLEDGED", "")
        [mail] = server.messages
    assert (mail["To"], mail["From"], mail["Importance"]) == (WARD, "quang@example.org", "high")
    assert mail["Message-ID"] == f"<{owed.control_id}@ris.example.org>"
    text = mail.get_content()
    assert "https://ris.example.org/criticals/" in text
    everything = bytes(mail).decode() + text + mail["Subject"]
    identifiers = [each.value for each in exam.patient.identifiers.all()]
    for secret in (
        exam.patient.full_name,
        *identifiers,
        exam.request.accession_number,
        "Xuất huyết",
        exam.service_name,
    ):
        assert secret not in everything


def test_a_mail_can_tell_of_everything_about_an_exam() -> None:
    assert set(Event) - {Event.MPPS_RECEIVED} == EVENTS


def test_a_mail_about_an_exam_leads_to_it(quang: dict[str, Any], tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        quang |= {"port": server.port, "ca_file": str(server.certificate)}
        owed = sent(Event.REPORT_FINAL)
        assert f"https://ris.example.org/exams/{owed.procedure_id}/" in server.messages[0].get_content()


def test_a_server_whose_certificate_is_not_trusted_is_told_nothing(quang: dict[str, Any], tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        quang |= {"port": server.port}
        owed = sent()
        assert (owed.state, owed.possibly_seen, server.attempts) == ("RETRY", False, 0)
        assert owed.last_error.startswith("QUANG-5101")
        quang |= {"ca_file": str(server.certificate)}
        assert again(owed).state == "ACKNOWLEDGED"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_without_encryption_is_told_nothing(quang: dict[str, Any], tmp_path: Path, security: str) -> None:
    with MailServer(tmp_path, "none") as server:
        quang |= {"port": server.port, "security": security, "username": ""}
        assert sent().last_error.startswith("QUANG-5101")
        assert server.attempts == 0


def test_only_a_relay_on_this_machine_is_spoken_to_in_the_clear(quang: dict[str, Any], tmp_path: Path) -> None:
    with MailServer(tmp_path, "none") as server:
        quang |= {"port": server.port, "security": "none", "username": "", "host": "mail.example.org"}
        owed = sent()
        assert owed.last_error.startswith("QUANG-1001")
        quang |= {"host": HOST}
        assert again(owed).state == "ACKNOWLEDGED"


def test_a_refused_mailbox_is_named_and_the_same_mail_goes_out_when_it_is_taken(
    quang: dict[str, Any], tmp_path: Path
) -> None:
    with MailServer(tmp_path, refuses="550 no such mailbox") as server:
        quang |= {"port": server.port, "ca_file": str(server.certificate)}
        owed = sent()
        assert (owed.state, bytes(owed.last_acknowledgement)) == ("RETRY", b"550 no such mailbox")
        message = bytes(owed.message)
        server.refuses = ""
        assert again(owed).state == "ACKNOWLEDGED"
        assert server.taken[0].strip() == message.strip()


def test_a_wrong_password_ends_with_the_dead_letters(quang: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "smtp_password").write_text("falsch")
    with MailServer(tmp_path) as server:
        quang |= {"port": server.port, "ca_file": str(server.certificate)}
        owed = again(sent())
    assert (owed.state, owed.last_error.partition(" ")[0]) == ("DEAD", "QUANG-5103")


def test_trying_a_mailbox_sends_no_mail(quang: dict[str, Any], tmp_path: Path) -> None:
    receiver = a_mailbox(Event.CRITICAL_FLAGGED)
    with MailServer(tmp_path) as server:
        quang |= {"port": server.port, "ca_file": str(server.certificate)}
        assert try_receiver(receiver.pk, Actor("admin")) == ""
        assert server.taken == []
    assert try_receiver(receiver.pk, Actor("admin")).startswith("QUANG-5101")
    quang |= {"host": ""}
    assert try_receiver(receiver.pk, Actor("admin")).startswith("QUANG-1001")


@pytest.mark.parametrize("address", ["", "truc", "a@b@c", "a b@c.vn", "x@y\r\nBcc: z@y.vn", "a@b.vn,c@d.vn"])
def test_an_address_is_one_plain_mailbox(address: str) -> None:
    registration = ReceiverRegistration(
        code="M", name="M", transport=Transport.EMAIL, address=address, events=frozenset({"critical.flagged"})
    )
    with pytest.raises(InvalidValue):
        register_receiver(registration, Actor("admin"))
